import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { set_interface_up } from "../../../src/ffi/interfaces.ts";
import { ScratchNetwork } from "../../../src/ffi/network_namespace.ts";
import { shield_object } from "../../../src/ffi/object.ts";
import { ShieldProgram } from "../../../src/ffi/shield.ts";
import { create_veth } from "../../../src/ffi/veth.ts";
import type { XdpDriver } from "../../../src/ffi/xdp.ts";
import { RUNGS } from "../../../src/model/containment.ts";
import type { ShieldOrgan, ShieldPlan } from "../../../src/model/shield.ts";
import { CgroupMotor, type MotorOptions } from "../../../src/motor/motor.ts";
import { XdpShield } from "../../../src/motor/shield/xdp_shield.ts";
import { FakeKernel, MOUNT } from "../../motor/fake.ts";

export const INTERFACE = "scratch0";

/** What every test of the shield on interfaces plans: ssh stays open. */
export function plan_of(mode: ShieldPlan["mode"], interfaces: readonly string[] = [INTERFACE]): ShieldPlan {
  return {
    mode,
    interfaces,
    admit_share: 0.5,
    ports: [{ protocol: "tcp", port: 22 }],
    cidrs: ["192.0.2.0/24"],
    remains: { established: false, dns: false, dhcp: true, ping: false },
  };
}

export function organ(program: ShieldProgram, pins: string, drivers?: readonly XdpDriver[]): ShieldOrgan {
  const about = { program, pins, salt: 1n, ephemeral_low: 32_768, forwards: () => false, unusable: null };
  const shield = new XdpShield(drivers === undefined ? about : { ...about, drivers });
  return { shield, pins, plan: (mode, admit_share) => ({ ...plan_of(mode), admit_share }) };
}

export function motor_with(shield: ShieldOrgan, ledger_dir: string, more: Partial<MotorOptions> = {}): CgroupMotor {
  const kernel = new FakeKernel();
  return new CgroupMotor({
    mount: MOUNT,
    ledger_dir,
    enabled_rungs: RUNGS,
    max_targets_per_minute: 100,
    cooldown_s: 0,
    expiry_s: 30,
    protect: [],
    files: kernel,
    processes: kernel,
    shield,
    ...more,
  });
}

/** What the kernel shows of every interface, counters left out. */
export function ip_link(): string {
  const shown = Bun.spawnSync(["ip", "-details", "link", "show"]);
  if (!shown.success) throw new Error(`ip link: ${shown.stderr.toString()}`);
  // A new link's operational state settles some milliseconds after it is up, whatever is attached to it.
  return shown.stdout.toString().replaceAll("state UNKNOWN", "state UP");
}

/** A scratch namespace with a pair of interfaces, a bpffs and a ledger of its own; all of it goes with `using`. */
export class Scratch implements Disposable {
  readonly #network: ScratchNetwork;
  readonly #directory = mkdtempSync(join(tmpdir(), "hosa-shield-"));
  readonly ledger_dir = join(this.#directory, "ledger");
  readonly bpffs = join(this.#directory, "bpf");
  readonly pins = join(this.bpffs, "hosa");
  readonly program: ShieldProgram;

  constructor() {
    using undo = new DisposableStack();
    undo.defer(() => rmSync(this.#directory, { recursive: true, force: true }));
    Bun.spawnSync(["mkdir", this.bpffs]);
    const mounted = Bun.spawnSync(["mount", "-t", "bpf", "bpf", this.bpffs]);
    if (!mounted.success) throw new Error(`mount bpf: ${mounted.stderr.toString()}`);
    undo.defer(() => Bun.spawnSync(["umount", this.bpffs]));
    this.#network = undo.use(new ScratchNetwork());
    create_veth(INTERFACE, "scratch1");
    for (const name of [INTERFACE, "scratch1"]) set_interface_up(name, true);
    this.program = undo.use(ShieldProgram.load(shield_object()));
    undo.move();
  }

  organ(drivers?: readonly XdpDriver[]): ShieldOrgan {
    return organ(this.program, this.pins, drivers);
  }

  [Symbol.dispose](): void {
    this.program[Symbol.dispose]();
    this.#network[Symbol.dispose]();
    Bun.spawnSync(["umount", this.bpffs]);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
