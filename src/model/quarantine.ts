import type { OutcomeStatus } from "./containment.ts";
import type { GroupFacts, ManagerFacts, ProcessFacts, Unmet } from "./precondition.ts";
import type { Maybe } from "./sample.ts";
import type { ShieldPlan, ShieldPort } from "./shield.ts";

/** Where a node lives decides what isolating it may cost (SPEC §8). The last three are never guessed, only configured. */
export const ENVIRONMENTS = [
  "bare_metal_bmc",
  "cloud_vm",
  "kubernetes",
  "edge_physical",
  "edge_remote",
  "airgap",
] as const;
export type Environment = (typeof ENVIRONMENTS)[number];

/** One thing found that speaks for an environment. Weak evidence alone decides nothing. */
export interface EnvironmentEvidence {
  readonly speaks_for: "bare_metal_bmc" | "cloud_vm" | "kubernetes";
  readonly strength: "strong" | "weak";
  /** File or variable looked at. */
  readonly source: string;
  readonly found: string;
}

/** configured: the operator said so · evidence: found, unambiguous · ambiguous: nothing or contradictions found, the most recoverable is taken. */
export interface EnvironmentFinding {
  readonly environment: Environment;
  readonly basis: "configured" | "evidence" | "ambiguous";
  /** Why this one, as a sentence. */
  readonly because: string;
  readonly evidence: readonly EnvironmentEvidence[];
}

/** A network interface as it was when the plan was made. */
export interface NetworkInterface {
  readonly name: string;
  /** The kernel's number of it: a name may pass to another device. */
  readonly index: number;
  readonly up: boolean;
  readonly loopback: boolean;
  readonly ethernet: boolean;
  /** A device of the machine (or of its hypervisor) is behind it. */
  readonly physical: boolean;
  /** It is a port of a bridge, bond or team. */
  readonly enslaved: boolean;
  /** Interfaces stacked on it, of which the kernel takes down the VLANs with it. */
  readonly uppers: readonly string[];
  /** Interfaces it is stacked on. */
  readonly lowers: readonly string[];
  /** Why it is a way in for the operator; null when it is none. */
  readonly management: Maybe<{ readonly configured: boolean; readonly why: string }>;
}

/** A cgroup and who lives in it (not below it). */
export interface Inhabited {
  readonly id: number;
  readonly path: string;
  readonly memory_bytes: Maybe<number>;
  /** Cumulative. */
  readonly cpu_us: Maybe<number>;
  readonly frozen: boolean;
  /** Names of the leading threads of the processes directly in it; bounded. */
  readonly comms: readonly string[];
  /** Every cgroup directly below it was looked at, too. */
  readonly whole: boolean;
  /** What the preconditions ask of it and of the processes directly in it; absent in older records. */
  readonly group?: GroupFacts;
  readonly processes?: readonly ProcessFacts[];
  /** What of that could not be read; absent where everything could. */
  readonly unread?: readonly string[];
}

/** Everything the plan of a quarantine is made from. Plain JSON: the record can be planned again. */
export interface QuarantineFacts {
  readonly environment: EnvironmentFinding;
  readonly interfaces: readonly NetworkInterface[];
  readonly cgroups: readonly Inhabited[];
  /** Cgroups that were not read for lack of room. */
  readonly cgroups_left_out: number;
  /** Null: no service manager runs; absent in older records. */
  readonly manager?: Maybe<ManagerFacts>;
  readonly own_path: string;
  /** Peers of ssh sessions that are open now, as addresses. */
  readonly operator_peers: readonly string[];
  /** Own ports on which sshd or a kubelet listens or has a session, wherever that is. */
  readonly ports_in_use: readonly ShieldPort[];
  /** NODE_NAME; null when unset. */
  readonly node_name: Maybe<string>;
  /** A webhook, or a hook that is run before. */
  readonly webhook: boolean;
  /** Evidence a predecessor wrote of this quarantine, whole; null when there is none. */
  readonly evidence: Maybe<string>;
}

/** The part of the configuration the plan may know. */
export interface QuarantineSettings {
  readonly enabled: boolean;
  readonly ports: readonly string[];
  readonly control_plane: readonly string[];
  /** Empty: none is ever opened. */
  readonly watchdog: string;
  readonly watchdog_min: number;
  readonly conservative_marker: string;
  readonly protect: readonly string[];
}

/** A thing of the node, as the ledger and the audit name it. */
export interface Named {
  readonly id: number;
  readonly path: string;
}

export const QUARANTINE_STEPS = [
  "evidence",
  "webhook",
  "conservative",
  "isolate",
  "taint",
  "links_down",
  "freeze",
  "watchdog",
] as const;
export type QuarantineStepName = (typeof QUARANTINE_STEPS)[number];

/** One thing to do on entering level 5. */
export type QuarantineStep =
  | { readonly step: "evidence" }
  | { readonly step: "webhook" }
  | { readonly step: "conservative"; readonly marker: string }
  | { readonly step: "isolate"; readonly shield: ShieldPlan }
  | { readonly step: "taint"; readonly node: string }
  | { readonly step: "links_down"; readonly links: readonly Named[] }
  | { readonly step: "freeze"; readonly cgroups: readonly Named[] }
  | { readonly step: "watchdog"; readonly device: string; readonly after_min: number };

/** A step with its reason, or what speaks against it. */
export interface PlannedStep {
  readonly name: QuarantineStepName;
  /** Null: it is not done here, and `because` says why. */
  readonly todo: Maybe<QuarantineStep>;
  readonly because: string;
  /** What of its kind is left alone, each with its reason. */
  readonly spared: readonly string[];
  /** Cgroups that are left alone because a precondition is not met; absent where there are none. */
  readonly refused?: readonly { readonly path: string; readonly unmet: Unmet }[];
}

/** What entering level 5 means on this node, in the order in which it is done. */
export interface QuarantinePlan {
  readonly environment: Environment;
  readonly steps: readonly PlannedStep[];
  /** How the node comes back. */
  readonly recovery: string;
}

/** What became of a part of a step. */
export interface StepOutcome {
  readonly step: QuarantineStepName;
  /** The file, interface or cgroup it is about. */
  readonly subject: string;
  readonly status: OutcomeStatus;
  readonly prior: Maybe<string>;
  readonly written: Maybe<string>;
  readonly ledger_id: Maybe<string>;
  readonly detail: string;
}
