import { randomBytes } from "node:crypto";
import type { Config } from "../config/index.ts";
import { KernelError } from "../ffi/errors.ts";
import { trim_malloc } from "../ffi/libc.ts";
import { shield_object } from "../ffi/object.ts";
import { ShieldProgram } from "../ffi/shield.ts";
import type { Maybe } from "../model/sample.ts";
import type { ShieldOrgan, ShieldPlan, ShieldPort } from "../model/shield.ts";
import { PINS } from "../motor/shield/pins.ts";
import { rehearse_shield } from "../motor/shield/rehearsal.ts";
import { why_not_shielded, XdpShield } from "../motor/shield/xdp_shield.ts";
import { default_route_interfaces, ephemeral_low, forwards, management_in_use } from "../sensor/listeners.ts";

const PROC = "/proc";

/** The network shield, loaded and rehearsed, with what is in use on this node. */
export class NodeShield implements ShieldOrgan, Disposable {
  readonly shield: XdpShield;
  readonly pins = PINS;
  /** Packets pass through: container engines switch that on when they start, which may be long after the agent did. */
  #forwards = forwards(PROC);
  readonly #config: Config["shield"];
  readonly #program: ShieldProgram;
  #interfaces: readonly string[] = [];
  #ports: readonly ShieldPort[] = [];

  private constructor(config: Config["shield"], program: ShieldProgram) {
    this.#config = config;
    this.#program = program;
    this.shield = new XdpShield({
      program,
      pins: PINS,
      salt: randomBytes(8).readBigUInt64LE(),
      ephemeral_low: ephemeral_low(PROC),
      forwards: () => this.#forwards,
      unusable: rehearse_shield(program, ["native", "generic"]),
    });
    this.refresh();
  }

  /** Loads and tries it, or says why there is none. Nothing is put on any interface of the node. */
  static open(config: Config): NodeShield | { readonly missing: string } {
    if (!config.motor.rungs.includes("shield")) return { missing: "not enabled in the configuration" };
    const names = interfaces_of(config.shield);
    if (names.length === 0) return { missing: none_found(config.shield) };
    // One that cannot be shielded keeps none of the others from it; which one that is, is told when it is put on.
    const why_not = names.map(why_not_shielded).filter((why) => why !== null);
    if (why_not.length === names.length) return { missing: why_not.join("; ") };
    let program: ShieldProgram;
    try {
      program = ShieldProgram.load(shield_object());
      // Loading frees some MB that would stay resident for good.
      trim_malloc();
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      return { missing: error.message };
    }
    try {
      return new NodeShield(config.shield, program);
    } catch (error) {
      program[Symbol.dispose]();
      throw error;
    }
  }

  /** Why there is no shield here; null where there is one. Loaded and tried like one that is used, and left again. */
  static why_missing(config: Config): Maybe<string> {
    const opened = NodeShield.open(config);
    if ("missing" in opened) return opened.missing;
    using organ = opened;
    return organ.shield.missing();
  }

  /** What is in use may have changed: takes some milliseconds, so it is done while nothing happens. */
  refresh(): void {
    this.#forwards = forwards(PROC);
    this.#interfaces = interfaces_of(this.#config);
    const in_use = management_in_use(PROC, process.env.SSH_CONNECTION ?? null);
    const configured = [...this.#config.management_ports, ...this.#config.healthcheck_ports].flatMap(parse_port);
    const all = [...configured, ...in_use].map((port) => [`${port.protocol}/${port.port}`, port] as const);
    this.#ports = [...new Map(all).values()];
  }

  /** Connection tracking is asked, for flows that only pass through. */
  get tracks(): boolean {
    return this.#forwards && this.#program.tracks;
  }

  plan(mode: "shed" | "essential", admit_share: number): ShieldPlan {
    const remains = { established: true, dns: true, dhcp: true, ping: this.#config.ping };
    const { allow } = this.#config;
    return { mode, interfaces: this.#interfaces, admit_share, ports: this.#ports, cidrs: allow, remains };
  }

  [Symbol.dispose](): void {
    this.#program[Symbol.dispose]();
  }
}

function interfaces_of({ interfaces }: Config["shield"]): readonly string[] {
  const named = interfaces.filter((name) => name !== "auto");
  const found = interfaces.includes("auto") ? default_route_interfaces(PROC) : [];
  return [...new Set([...named, ...found])];
}

function none_found({ interfaces }: Config["shield"]): string {
  return interfaces.length === 0
    ? "shield.interfaces is empty"
    : "shield.interfaces is auto, and no interface has a default route";
}

/** `tcp/22`; the configuration has checked it. */
function parse_port(text: string): readonly ShieldPort[] {
  const [protocol, port] = text.split("/");
  return protocol === "tcp" || protocol === "udp" ? [{ protocol, port: Number(port) }] : [];
}
