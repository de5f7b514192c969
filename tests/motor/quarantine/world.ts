import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { QuarantinePlan, QuarantineStep, StepOutcome } from "../../../src/model/quarantine.ts";
import type { ShieldPlan } from "../../../src/model/shield.ts";
import { Guard } from "../../../src/motor/guard.ts";
import { Ledger } from "../../../src/motor/ledger.ts";
import { entry_of, type QuarantineContext } from "../../../src/motor/quarantine/context.ts";
import { kernel_devices } from "../../../src/motor/quarantine/devices.ts";
import { Quarantine } from "../../../src/motor/quarantine/executor.ts";
import type { LinkMemory, Links } from "../../../src/motor/quarantine/links.ts";
import type { QuarantineWorld } from "../../../src/motor/quarantine/undo.ts";
import { FileTrouble, Refusal } from "../../../src/motor/trouble.ts";
import { precondition_words } from "../../../src/report/precondition.ts";
import { FakeKernel, MOUNT } from "../fake.ts";

interface FakeLink {
  index: number;
  up: boolean;
  addresses: readonly string[];
  routes: readonly string[];
}

/** Interfaces that forget their addresses and routes when they go down, as the kernel's do. */
export class FakeLinks implements Links {
  readonly all = new Map<string, FakeLink>();
  refuses_routes = false;

  add(name: string, index: number, addresses: readonly string[], routes: readonly string[]): void {
    this.all.set(name, { index, up: true, addresses, routes });
  }

  index(name: string): number {
    return this.#of(name).index;
  }

  is_up(name: string): boolean {
    return this.#of(name).up;
  }

  set_up(name: string, up: boolean): void {
    const link = this.#of(name);
    link.up = up;
    if (up) return;
    link.addresses = [];
    link.routes = [];
  }

  remember(index: number): LinkMemory {
    const link = [...this.all.values()].find((each) => each.index === index)!;
    if (link.routes.length > 3) throw new Refusal("more routes than the ledger should hold");
    return { addresses: link.addresses, routes: link.routes };
  }

  restore(memory: LinkMemory): readonly string[] {
    if (this.refuses_routes) return memory.routes.map((route) => `route ${route}: ENETUNREACH`);
    for (const link of this.all.values()) {
      if (memory.addresses.some((each) => each.startsWith(`${link.index}:`))) link.addresses = memory.addresses;
      if (memory.routes.some((each) => each.startsWith(`${link.index}:`))) link.routes = memory.routes;
    }
    return [];
  }

  #of(name: string): FakeLink {
    const link = this.all.get(name);
    if (link === undefined) throw new FileTrouble("find", `interface ${name}`, "ENODEV");
    return link;
  }
}

/** A node with services, two links, a watchdog that is a file, and an API server that is a set. */
export class World {
  readonly root = mkdtempSync(join(tmpdir(), "hosa-quarantine-"));
  readonly kernel = new FakeKernel();
  readonly links = new FakeLinks();
  readonly taints = new Set<string>();
  readonly told: StepOutcome[] = [];
  readonly log: string[] = [];
  shield: ShieldPlan | null = null;
  now_ns = 1e12;
  evidence: () => Promise<string> = async () => "written";
  webhook: (() => Promise<string>) | null = null;
  api_fails = false;
  /** Called with the name of every change, right before and after it; a test stops there. */
  step: (name: string) => void = () => {};
  ledger: Ledger;

  constructor() {
    // Without a service manager a cgroup is frozen as it is, whatever it is called.
    this.kernel.manager = null;
    this.links.add("eth1", 3, ["3:fd00::1/64"], ["3:default"]);
    this.links.add("eth2", 5, [], []);
    for (const path of ["/pay.slice", "/batch.slice", "/batch.slice/one"]) this.kernel.add_cgroup(path);
    this.kernel.add_thread(41, 41, "/pay.slice");
    this.kernel.add_thread(42, 42, "/batch.slice/one");
    writeFileSync(this.watchdog, "");
    this.ledger = new Ledger(this.ledger_dir, { boot_id: "boot" });
  }

  get ledger_dir(): string {
    return join(this.root, "run");
  }

  get watchdog(): string {
    return join(this.root, "watchdog");
  }

  get marker(): string {
    return join(this.root, "state/conservative.json");
  }

  get undo_world(): QuarantineWorld {
    return { links: this.links, devices: kernel_devices, sys: join(this.root, "sys") };
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  id(path: string): number {
    return this.kernel.target(path).cgroup_id;
  }

  /** Everything an undo has to bring back. */
  snapshot(): string {
    return JSON.stringify([this.kernel.snapshot(), [...this.links.all], [...this.taints], this.shield]);
  }

  /** The agent dies as by kill -9 and another one takes its ledger. */
  restart(): void {
    this.ledger.close();
    this.ledger = new Ledger(this.ledger_dir, { boot_id: "boot" });
  }

  context(): QuarantineContext {
    const changed = (name: string) => {
      this.log.push(name);
      this.step(name);
    };
    const links = this.links;
    return {
      ledger: this.ledger,
      files: new Proxy(this.kernel, {
        get: (target, key) => {
          const value = Reflect.get(target, key);
          if (typeof value !== "function") return value;
          if (key !== "write") return value.bind(target);
          return (path: string, text: string) => {
            changed(`write ${path.slice(MOUNT.length)} ${text}`);
            target.write(path, text);
            this.step(`after write ${path.slice(MOUNT.length)}`);
          };
        },
      }),
      mount: MOUNT,
      world: {
        ...this.undo_world,
        links: {
          index: (name) => links.index(name),
          is_up: (name) => links.is_up(name),
          remember: (index) => links.remember(index),
          restore: (memory) => links.restore(memory),
          set_up: (name, up) => {
            changed(`link ${name} ${up ? "up" : "down"}`);
            links.set_up(name, up);
            this.step(`after link ${name}`);
          },
        },
      },
      processes: this.kernel,
      guard: new Guard(
        { mount: MOUNT, files: this.kernel, processes: this.kernel },
        { protect: ["/guarded.slice"], words: precondition_words },
      ),
      take_over: (paths) => this.log.push(`take over ${paths.join(" ")}`),
      isolation: {
        isolate: (plan) => {
          const about = { id: 0, path: "eth0", file: "shield" };
          const entry = this.ledger.open(entry_of("file", "shield", about, "open", "isolate"));
          changed("isolate");
          this.shield = plan;
          return { ledger_id: entry.id, detail: "isolated" };
        },
      },
      taint: {
        address: "{}",
        add: async (node, before_write) => {
          if (this.api_fails) throw new Error("the API server does not answer");
          if (this.taints.has(node)) return "there already";
          before_write();
          changed(`taint ${node}`);
          this.taints.add(node);
          return "set";
        },
        remove: async (node) => {
          if (this.api_fails) throw new Error("the API server does not answer");
          return this.taints.delete(node) ? "removed" : "not there";
        },
      },
      evidence: () => {
        this.log.push("evidence");
        return this.evidence();
      },
      webhook: this.webhook,
      boot_id: "boot",
      wall_time: () => "2026-01-01T00:00:00.000Z",
      now_ns: () => this.now_ns,
      pause: () => Promise.resolve(),
      evidence_deadline_ms: 10_000,
      tell: (outcome) => this.told.push(outcome),
    };
  }

  quarantine(): Quarantine {
    return new Quarantine(this.context());
  }

  /** Enters, and waits until every step was told. */
  async enter(steps: readonly QuarantineStep[], quarantine = this.quarantine()): Promise<Quarantine> {
    quarantine.enter(plan_of(steps));
    while (quarantine.busy) await Promise.resolve();
    return quarantine;
  }
}

export function plan_of(steps: readonly QuarantineStep[]): QuarantinePlan {
  const planned = steps.map((todo) => ({ name: todo.step, todo, because: "test", spared: [] }));
  return { environment: "edge_remote", steps: planned, recovery: "test" };
}
