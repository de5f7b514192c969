import type { Maybe } from "./sample.ts";

/**
 * How the network is admitted. open: everything · shed: a share of the new flows, fairly by source, and every established
 * one · essential: healthchecks, management, DNS replies, established flows and the allow-list · isolate: only what the plan says.
 */
export const SHIELD_MODES = ["open", "shed", "essential", "isolate"] as const;
export type ShieldMode = (typeof SHIELD_MODES)[number];

/** A port of this node that stays reachable. */
export interface ShieldPort {
  readonly protocol: "tcp" | "udp";
  readonly port: number;
}

/**
 * What `isolate` leaves beside its ports and peers; the other modes keep all of it, but `essential` answers pings only if told to. ARP, neighbour discovery, link control
 * (LACP, LLDP, 802.1X, spanning tree), IGMP, MLD and "packet too big" go on in every mode.
 */
export interface ShieldRemains {
  /** Flows whose socket (or conntrack entry) exists. */
  readonly established: boolean;
  /** Replies from port 53 to a socket of this node. */
  readonly dns: boolean;
  readonly dhcp: boolean;
  readonly ping: boolean;
}

/** Whom to admit, and where. Plain JSON: it stands in the audit and in the ledger. */
export interface ShieldPlan {
  readonly mode: ShieldMode;
  /** Names of the interfaces that are shielded; every other one (a management interface) is left alone. */
  readonly interfaces: readonly string[];
  /** shed: part of the new flows that is admitted, 0..1. The other modes do not look at it. */
  readonly admit_share: number;
  /** Own ports open to everybody. */
  readonly ports: readonly ShieldPort[];
  /** Peers from whom everything is admitted: IPv4 and IPv6 prefixes such as 10.0.0.0/8 and 169.254.169.254/32. */
  readonly cidrs: readonly string[];
  /** `isolate` looks at all of it, `essential` at `ping`. */
  readonly remains: ShieldRemains;
}

/** How many packets met which verdict since the shield was loaded. Keys: `SHIELD_VERDICTS`. */
export type ShieldCounts = Readonly<Record<ShieldVerdict, number>>;

/** Why a packet was admitted or not, in the order of `enum shield_verdict` (bpf/wire.h). */
export const SHIELD_VERDICTS = [
  "open",
  "link",
  "allowed",
  "port",
  "established",
  "reply",
  "ping",
  "new_flow",
  "fragment",
  "unjudged",
  "drop_malformed",
  "drop_fragment",
  "drop_share",
  "drop_refused",
] as const;
export type ShieldVerdict = (typeof SHIELD_VERDICTS)[number];

/** The shield and what only the agent knows for it. */
export interface ShieldOrgan {
  readonly shield: Shield;
  /** Directory on bpffs in which a shield that outlives the agent is pinned. */
  readonly pins: string;
  /** Ports, peers and interfaces as configured and in use now. */
  plan(mode: "shed" | "essential", admit_share: number): ShieldPlan;
}

/** How one interface is shielded; `pinned` outlives the agent. */
export interface ShieldedInterface {
  readonly name: string;
  readonly driver: "native" | "generic";
  readonly pinned: boolean;
}

/**
 * The shield of this node. Before `apply` the caller writes down, in the ledger, an entry of kind "shield" (`src/motor/rungs/shield.ts`
 * does): undoing it needs no daemon. Up to `essential` the shield leaves with the process; in `isolate` it is pinned and outlives it.
 */
export interface Shield {
  /** Why this host cannot be shielded; null when it can. */
  missing(): Maybe<string>;
  /** Admit by this plan from now on, on exactly these interfaces. All or nothing: @throws Refusal with the reason, then nothing is attached. */
  apply(plan: ShieldPlan, now_ns: number): readonly ShieldedInterface[];
  /** Which of these interfaces cannot take it now, and why; those it is on already can. Absent: not known beforehand. */
  refuses?(interfaces: readonly string[]): readonly { readonly name: string; readonly why: string }[];
  /** Every beat: renews the lease, without which `shed` and `essential` admit everything, and steers the fair share. */
  renew(now_ns: number): void;
  /** Packets by verdict since the shield was loaded; null when it is not. */
  counts(): Maybe<ShieldCounts>;
  /** Interfaces it was put on that are gone, or are others by now. */
  lost(): readonly string[];
  /** Take it off, unless it is there to outlive this process. */
  leave(): void;
  /** Detach and unpin; doing it twice is the same as once. */
  undo(): void;
}
