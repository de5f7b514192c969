import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { RUNGS, type Setting, type Target } from "../../../src/model/containment.ts";
import { CgroupMotor, type MotorOptions } from "../../../src/motor/motor.ts";
import { kernel_processes } from "../../../src/motor/processes.ts";
import { precondition_words } from "../../../src/report/precondition.ts";

export const MOUNT = process.env.MOTOR_MOUNT ?? "/sys/fs/cgroup";
export const LEDGER_DIR = "/run/hosa-motor-test";
const THREADS = process.env.MOTOR_THREADS ?? "/job/threads";
const WAIT_MAX_MS = 20_000;

/** Files that move by themselves; every other one must be as before after an undo. */
const VOLATILE =
  /^(.*\.pressure|.*\.stat|.*\.stat\.local|memory\.(current|peak|events.*|numa_stat|swap\.(current|peak|events)|zswap.*)|pids\.(current|peak|events.*)|hugetlb\..*|misc\..*|rdma\..*|cgroup\.threads|.*\.(min_)?peak)$/;

export function wait_until(what: string, condition: () => boolean): void {
  const limit_ms = performance.now() + WAIT_MAX_MS;
  while (!condition()) {
    if (performance.now() > limit_ms) throw new Error(`waited ${WAIT_MAX_MS} ms for: ${what}`);
    Bun.sleepSync(2);
  }
}

export function expect_equal(what: string, found: unknown, wanted: unknown): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`${what}: found ${a}, wanted ${b}`);
}

export function read(path: string): string {
  return readFileSync(`${MOUNT}${path}`, "latin1").trim();
}

export function write(path: string, text: string): void {
  writeFileSync(`${MOUNT}${path}`, text);
}

export function make(path: string): void {
  mkdirSync(`${MOUNT}${path}`, { recursive: true });
}

export function remove(path: string): void {
  for (const name of children(path)) remove(`${path}/${name}`);
  rmdirSync(`${MOUNT}${path}`);
}

export function children(path: string): string[] {
  return readdirSync(`${MOUNT}${path}`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}

/** Every settled file of a cgroup, and its children. */
export function snapshot(path: string): Record<string, string> {
  const files: Record<string, string> = { "(children)": children(path).sort().join(" ") };
  for (const entry of readdirSync(`${MOUNT}${path}`, { withFileTypes: true })) {
    if (entry.isDirectory() || VOLATILE.test(entry.name)) continue;
    try {
      files[entry.name] = read(`${path}/${entry.name}`);
    } catch (error) {
      files[entry.name] = String(error instanceof Error && "code" in error ? error.code : error);
    }
  }
  return files;
}

/** A process with a request thread and a leaking thread, in a cgroup of its own. */
export class Service {
  readonly path: string;
  readonly pid: number;
  readonly tid: number;
  readonly #progress: string;
  readonly #process: Bun.Subprocess;

  constructor(path: string, leak_bytes = 4096) {
    this.path = path;
    make(path);
    this.#progress = `/tmp/progress-${path.replaceAll("/", "_")}`;
    rmSync(this.#progress, { force: true });
    this.#process = Bun.spawn([
      "sh",
      "-c",
      `echo $$ > ${MOUNT}${path}/cgroup.procs && exec ${THREADS} ${this.#progress} ${leak_bytes}`,
    ]);
    this.pid = this.#process.pid;
    wait_until(`the service in ${path} runs`, () => this.#fields()[2]! > 0);
    this.tid = this.#fields()[0]!;
  }

  get target(): Target {
    return { ...this.cgroup_target, pid: this.pid, tid: this.tid, comm: "leak" };
  }

  get cgroup_target(): Target {
    return { cgroup_id: statSync(`${MOUNT}${this.path}`).ino, path: this.path, pid: null, tid: null, comm: null };
  }

  get requests(): number {
    return this.#fields()[1]!;
  }

  get leaks(): number {
    return this.#fields()[2]!;
  }

  /** The progress file may be older than what was just done: two requests later it is not. */
  refresh(): void {
    const stale = this.requests;
    wait_until("requests go on", () => this.requests > stale + 2);
  }

  /** Requests go on for a while. */
  expect_requests(): void {
    const before = this.requests;
    wait_until("requests go on", () => this.requests > before + 10);
  }

  /** While at least 20 requests are served, the leak makes no step. */
  expect_leak_stands(): void {
    this.refresh();
    const leaks = this.leaks;
    const requests = this.requests;
    wait_until("requests go on beside a held thread", () => this.requests > requests + 20);
    expect_equal("steps of the held thread", this.leaks, leaks);
  }

  expect_leak_runs(): void {
    this.refresh();
    const before = this.leaks;
    wait_until("the leak runs again", () => this.leaks > before + 3);
  }

  thread_cgroup(): string {
    return readFileSync(`/proc/${this.pid}/task/${this.tid}/cgroup`, "latin1").trim().slice(3);
  }

  signal(name: "SIGKILL" | "SIGTERM"): void {
    process.kill(this.pid, name);
  }

  end(): void {
    try {
      process.kill(this.pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
    wait_until(`${this.path} is empty`, () => read(`${this.path}/cgroup.events`).includes("populated 0"));
    remove(this.path);
  }

  #fields(): number[] {
    try {
      const fields = readFileSync(this.#progress, "latin1").trim().split(" ").map(Number);
      // The writer truncates first: half a line is no reading.
      if (fields.length === 3) this.#last = fields;
    } catch {
      // Not written yet.
    }
    return this.#last;
  }
  #last: number[] = [0, 0, 0];
}

/** As if a service manager ran, which a guest of this kind has none of: what is named like a unit is treated as one. */
const below_a_manager: typeof kernel_processes = Object.create(kernel_processes, {
  manager: { value: { name: "systemd", version: 257 } },
});

export function motor(options: Partial<MotorOptions> = {}): CgroupMotor {
  return new CgroupMotor({
    mount: MOUNT,
    ledger_dir: LEDGER_DIR,
    enabled_rungs: RUNGS,
    max_targets_per_minute: 100,
    cooldown_s: 0,
    expiry_s: 3600,
    words: precondition_words,
    processes: below_a_manager,
    ...options,
  });
}

export function now_ns(): number {
  return Bun.nanoseconds();
}

export function apply(id: string, target: Target, setting: Setting) {
  return { id, verb: "apply", target, setting, reason: "test" } as const;
}
export function adjust(id: string, target: Target, setting: Setting) {
  return { id, verb: "adjust", target, setting, reason: "test" } as const;
}
export function release(id: string, target: Target, setting: Setting) {
  return { id, verb: "release", target, setting, reason: "test" } as const;
}

/** A motor that gives its ledger back at the end of the block. */
export function closing(subject: CgroupMotor) {
  return { motor: subject, [Symbol.dispose]: () => subject.close() };
}

export function wait_until_frozen(acting: CgroupMotor): void {
  wait_until("the freezer confirms", () => {
    acting.poll(now_ns());
    return acting.live()[0]?.frozen === true;
  });
}

/** Compiled, the program is the executable itself; under `bun` the script has to be named. */
export function own_script(): string[] {
  return Bun.main.startsWith("/$bunfs") ? [] : [Bun.main];
}
