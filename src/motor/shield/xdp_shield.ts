import { KernelError } from "../../ffi/errors.ts";
import { interface_index } from "../../ffi/interfaces.ts";
import type { ShieldProgram, ShieldWords } from "../../ffi/shield.ts";
import { attached_xdp, pin, type XdpDriver, type XdpLink } from "../../ffi/xdp.ts";
import { parse_prefix } from "../../model/prefix.ts";
import type { Maybe } from "../../model/sample.ts";
import {
  SHIELD_MODES,
  SHIELD_VERDICTS,
  type Shield,
  type ShieldCounts,
  type ShieldedInterface,
  type ShieldPlan,
  type ShieldVerdict,
} from "../../model/shield.ts";
import { FileTrouble, Refusal } from "../trouble.ts";
import { type FairShare, FIRST_SHARE, next_share, WINDOW_NS } from "./fair_share.ts";
import { are_there_pins, link_pin, make_pins, remove_pins, why_not_pinnable } from "./pins.ts";

export interface XdpShieldOptions {
  readonly program: ShieldProgram;
  /** Directory on bpffs for a shield that outlives the agent. */
  readonly pins: string;
  /** Unpredictable from outside. */
  readonly salt: bigint;
  /** First port the node chooses for its own outbound flows. */
  readonly ephemeral_low: number;
  /** Flows pass through this node, to containers for one: they are known to connection tracking only. */
  readonly forwards: () => boolean;
  /** Why it cannot be used although it is loaded: its rehearsal failed; null when it can. */
  readonly unusable: Maybe<string>;
  readonly drivers?: readonly XdpDriver[];
}

const ALL_SOURCES = 2 ** 32;
const NO_BOUND = 2 ** 32 - 1;
/** Without a beat for so long everything is admitted: a hung agent must not keep a node closed. */
const LEASE_NS = 5e9;
/** Packets of one UDP conversation without a connected socket per window: a video call fits, a flood does not. */
const FLOW_PACKETS = 4096;
/** Echo requests of one source per window in `essential`. */
const PING_QUOTA = 16;
const KEEPS = { established: 1, dns: 2, dhcp: 4, ping: 8 } as const;
const KEEPS_TRACKED = 16;

interface Attached {
  readonly index: number;
  readonly driver: XdpDriver;
  /** Null once it is pinned: from then on its name in bpffs alone holds it. */
  link: Maybe<XdpLink>;
}

/** The shield of this node on real interfaces. */
export class XdpShield implements Shield {
  readonly #options: XdpShieldOptions;
  readonly #attached = new Map<string, Attached>();
  #plan: Maybe<ShieldPlan> = null;
  #share: FairShare = FIRST_SHARE;
  #window = 1;
  #window_ns = 0;
  #counted: Float64Array;

  constructor(options: XdpShieldOptions) {
    this.#options = options;
    this.#counted = options.program.counts();
    options.program.set_salt(options.salt);
  }

  missing(): Maybe<string> {
    this.#notice_release();
    const { unusable, forwards, program, pins } = this.#options;
    if (unusable !== null) return unusable;
    if (forwards() && !program.tracks) {
      return "this node forwards packets, and its kernel does not offer bpf_xdp_ct_lookup: flows to containers could not be kept";
    }
    if (this.#plan === null && are_there_pins(pins)) {
      return `an earlier quarantine is in force (${pins}); \`hosa release\` lifts it`;
    }
    return null;
  }

  apply(plan: ShieldPlan, now_ns: number): readonly ShieldedInterface[] {
    const why_not = this.missing() ?? (plan.mode === "isolate" ? why_not_pinnable(this.#options.pins) : null);
    if (why_not !== null) throw new Refusal(why_not);
    if (this.#plan?.mode === "isolate" && plan.mode !== "isolate") {
      throw new Refusal("the node is isolated: only `hosa release` ends that");
    }
    // First of all: a program on a bond or a VLAN keeps another one off the card below it.
    const left = [...this.#attached.keys()].filter((name) => !plan.interfaces.includes(name));
    for (const name of left) this.#detach(name);
    let added: readonly string[] = [];
    try {
      added = this.#attach(plan.interfaces);
      this.#configure(plan, now_ns);
      if (plan.mode === "isolate") this.#pin();
    } catch (error) {
      for (const name of added) this.#detach(name);
      if (this.#plan === null) this.undo();
      else this.#back_to(this.#plan, left, now_ns);
      throw refusal_of(error);
    }
    this.#plan = plan;
    return [...this.#attached].map(([name, { driver, link }]) => ({ name, driver, pinned: link === null }));
  }

  refuses(interfaces: readonly string[]): readonly { readonly name: string; readonly why: string }[] {
    return interfaces.flatMap((name) => {
      const why = this.#attached.has(name) ? null : why_not_shielded(name);
      return why === null ? [] : [{ name, why }];
    });
  }

  renew(now_ns: number): void {
    const plan = this.#plan;
    if (plan === null || plan.mode === "isolate") return;
    const { program } = this.#options;
    program.set_lease(now_ns + LEASE_NS);
    if (now_ns - this.#window_ns < WINDOW_NS) return;
    this.#window_ns = now_ns;
    this.#window = (this.#window + 1) % NO_BOUND;
    if (plan.mode === "shed" && plan.admit_share < 1) {
      const counted = program.counts();
      const since = (verdict: ShieldVerdict) => counted[at(verdict)]! - this.#counted[at(verdict)]!;
      const admitted = since("new_flow") + since("ping");
      this.#share = next_share(this.#share, { admitted, asked: admitted + since("drop_share") }, plan.admit_share);
      this.#counted = counted;
    }
    const { quota, source_share } = this.#words(plan);
    program.set_share(this.#window, quota, source_share);
  }

  counts(): Maybe<ShieldCounts> {
    if (this.#plan === null) return null;
    const counted = this.#options.program.counts();
    return Object.fromEntries(SHIELD_VERDICTS.map((verdict, index) => [verdict, counted[index]!])) as ShieldCounts;
  }

  /** Interfaces it is on that are no longer the ones it was put on. */
  lost(): readonly string[] {
    return [...this.#attached].flatMap(([name, { index }]) => (interface_index(name) === index ? [] : [name]));
  }

  leave(): void {
    this.#notice_release();
    if (this.#plan?.mode !== "isolate") this.undo();
  }

  undo(): void {
    const pinned = this.#plan?.mode === "isolate";
    this.#options.program.set_words({ ...this.#words(null), mode: 0 });
    for (const name of [...this.#attached.keys()]) this.#detach(name);
    if (pinned) remove_pins(this.#options.pins);
    this.#plan = null;
    this.#share = FIRST_SHARE;
  }

  /** What was pinned may have been lifted by a release that did not ask us. */
  #notice_release(): void {
    if (this.#plan?.mode !== "isolate" || are_there_pins(this.#options.pins)) return;
    this.#attached.clear();
    this.undo();
  }

  /** Puts the program, which admits everything until it is configured, on what it is not yet on; names what was added. */
  #attach(interfaces: readonly string[]): readonly string[] {
    const { program, drivers = ["native", "generic"] } = this.#options;
    const added: string[] = [];
    try {
      for (const name of interfaces) {
        if (this.#attached.has(name)) continue;
        const index = interface_index(name);
        if (index === null) throw new Refusal(`there is no interface ${name}`);
        const link = program.attach(index, name, drivers);
        this.#attached.set(name, { index, driver: link.driver, link });
        added.push(name);
      }
      if (this.#attached.size === 0) throw new Refusal("no interface is named");
      return added;
    } catch (error) {
      for (const name of added) this.#detach(name);
      throw refusal_of(error);
    }
  }

  /** As it was before a plan that could not be carried out; below level 5 open, where that cannot be either. */
  #back_to(plan: ShieldPlan, left: readonly string[], now_ns: number): void {
    try {
      if (left.length > 0) this.#attach(left);
      this.#configure(plan, now_ns);
    } catch {
      if (plan.mode !== "isolate") this.undo();
    }
  }

  #detach(name: string): void {
    this.#attached.get(name)?.link?.[Symbol.dispose]();
    this.#attached.delete(name);
  }

  #configure(plan: ShieldPlan, now_ns: number): void {
    const { program } = this.#options;
    const prefixes = plan.cidrs.map((text) => {
      const prefix = parse_prefix(text);
      if (prefix === null) throw new Refusal(`${text} is no address prefix`);
      return prefix;
    });
    const ports = (protocol: "tcp" | "udp") =>
      plan.ports.filter((each) => each.protocol === protocol).map(({ port }) => port);
    if (this.#plan?.mode !== plan.mode || this.#plan.admit_share >= 1) {
      this.#share = FIRST_SHARE;
      this.#counted = program.counts();
      this.#window_ns = now_ns;
    }
    program.set_prefixes(prefixes);
    program.set_ports("tcp", ports("tcp"));
    program.set_ports("udp", ports("udp"));
    program.set_lease(plan.mode === "isolate" ? 0 : now_ns + LEASE_NS);
    program.set_words(this.#words(plan));
  }

  #words(plan: Maybe<ShieldPlan>): ShieldWords {
    const { ephemeral_low, forwards } = this.#options;
    const mode = plan?.mode ?? "open";
    const remains = mode === "isolate" ? plan!.remains : { established: true, dns: true, dhcp: true, ping: true };
    let keeps = forwards() ? KEEPS_TRACKED : 0;
    for (const [what, bit] of Object.entries(KEEPS)) if (remains[what as keyof typeof KEEPS]) keeps |= bit;
    if (mode === "essential" && !plan!.remains.ping) keeps &= ~KEEPS.ping;
    // Admitting every new flow is a look at who arrives.
    const sheds = mode === "shed" && plan!.admit_share < 1;
    // Nobody turns the windows of an isolated node once its agent is gone: a quota would be used up for good.
    const bounded = mode === "essential" || sheds;
    return {
      mode: SHIELD_MODES.indexOf(mode),
      keeps,
      window: this.#window,
      quota: sheds ? this.#share.quota : bounded ? PING_QUOTA : NO_BOUND,
      source_share: sheds ? Math.round(this.#share.source_share * ALL_SOURCES) : ALL_SOURCES,
      flow_packets: mode === "isolate" ? NO_BOUND : FLOW_PACKETS,
      ephemeral_low,
    };
  }

  /** From here on bpffs holds program, maps and links, and this process no longer does: removing the names is the undo. */
  #pin(): void {
    const { pins, program } = this.#options;
    const unpinned = [...this.#attached.values()].filter(({ link }) => link !== null);
    if (unpinned.length === 0) return;
    const first = !are_there_pins(pins);
    try {
      make_pins(pins);
      if (first) program.pin_into(pins);
      for (const { index, link } of unpinned) pin(link!.fd, link_pin(pins, index));
    } catch (error) {
      if (first) remove_pins(pins);
      throw error;
    }
    for (const each of unpinned) {
      each.link?.[Symbol.dispose]();
      each.link = null;
    }
  }
}

const at = (verdict: ShieldVerdict): number => SHIELD_VERDICTS.indexOf(verdict);

/** What the kernel said as a refusal the operator can read; defects are thrown on. */
function refusal_of(error: unknown): Error {
  if (error instanceof Refusal || error instanceof FileTrouble) return error;
  if (!(error instanceof KernelError)) throw error;
  if (error.errno === "EBUSY" || error.errno === "EEXIST") {
    return new Refusal(`${error.subject} already has an XDP program, which is not replaced`);
  }
  return new Refusal(error.message);
}

/** Why an interface cannot take the shield now; null when it can. */
export function why_not_shielded(name: string): Maybe<string> {
  const index = interface_index(name);
  if (index === null) return `there is no interface ${name}`;
  try {
    const id = attached_xdp(index);
    return id === 0 ? null : `${name} already has an XDP program (id ${id}), which is not replaced`;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return error.message;
  }
}
