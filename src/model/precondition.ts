import type { Maybe } from "./sample.ts";

/**
 * What a remedy does to its target, by what an innocent one would pay. weight: less of what others want · limit: a share of the
 * processors or the disk · memory: delays when it allocates · hold: one thread stands still · freeze: all of it stands still.
 */
export const REMEDY_KINDS = ["weight", "limit", "memory", "hold", "freeze"] as const;
export type RemedyKind = (typeof REMEDY_KINDS)[number];

/** Whether a cgroup is a child that HOSA made: what lives in it belongs to the cgroup it lies in. */
export function is_own_child(path: string): boolean {
  return /\/hosa-(hold|freeze)[^/]*$/.test(path);
}

/** What is known of one process of a target. */
export interface ProcessFacts {
  readonly pid: number;
  /** As the kernel keeps it, at most 15 characters. */
  readonly comm: string;
  /** comm of its parent; null when it cannot be read. */
  readonly parent: Maybe<string>;
  /** Path of its cgroup. */
  readonly path: string;
  /** Name of a signal that waits to be handled and asks it to end or to act; null when none does. */
  readonly signal: Maybe<string>;
  /** It, or the main process of its unit, has to report to its service manager this often; null when it need not. */
  readonly watchdog_s: Maybe<number>;
  /** Process-id namespaces it lives in below that of the agent: above 0 in a container. */
  readonly namespaces: number;
  /**
   * It leads something. start: the service manager started it directly, as the main process of a unit or a command of it, or it is the first
   * process of a container · stop: a command that ends its unit (ExecStop=) · null: neither.
   */
  readonly leads: Maybe<"start" | "stop">;
  /** Devices it has open that others depend on: "/dev/kvm", "/dev/watchdog", "/dev/fuse". */
  readonly devices: readonly string[];
}

/** What is known of one cgroup of a target. */
export interface GroupFacts {
  readonly path: string;
  /** What says that its subtree belongs to another owner: "user.delegate", "trusted.delegate", "Delegate=", "user 1000"; null when nothing does. */
  readonly delegated: Maybe<string>;
  /** How often the unit has to report to its service manager, as its files say; null when it need not. */
  readonly watchdog_s: Maybe<number>;
}

/** The service manager of the node. */
export interface ManagerFacts {
  readonly name: "systemd";
  /** Null when it cannot be read. */
  readonly version: Maybe<number>;
}

/** What is read of a target before it is touched, and once a second while it is held. Plain JSON, bounded. */
export interface TargetFacts {
  /** The cgroup that is touched: for a hold the one its thread lives in. */
  readonly path: string;
  /** The process of the thread that is meant; null: all of it is. */
  readonly pid: Maybe<number>;
  readonly own_path: string;
  /** Null: none runs; absent: not known. */
  readonly manager?: Maybe<ManagerFacts>;
  /** The cgroup, what it lies in below the root, and what lies below it. */
  readonly groups: readonly GroupFacts[];
  /** Processes of the cgroup and below it. */
  readonly processes: readonly ProcessFacts[];
  /** What could not be read, each with its reason; empty when everything could. */
  readonly unread: readonly string[];
}

/** What the safety list says of a program, a unit or a path. */
export type Meaning =
  | "root"
  | "service_manager"
  | "login"
  | "desktop"
  | "remote_access"
  | "name_service"
  | "logging"
  | "network"
  | "clock"
  | "devices"
  | "storage"
  | "management_agent"
  | "container_runtime"
  | "orchestration"
  | "hypervisor"
  | "holds_protected"
  | "hosa";

/** Why a remedy must not be used on a target now. The words for it are in src/report/precondition.ts. */
export type Unmet =
  | { readonly code: "self"; readonly path: string }
  | { readonly code: "protected_path"; readonly path: string; readonly meaning: Meaning; readonly pattern: string }
  | { readonly code: "protected_by_config"; readonly path: string; readonly pattern: string }
  | {
      readonly code: "essential_program";
      readonly path: string;
      readonly pid: number;
      readonly comm: string;
      readonly meaning: Meaning;
    }
  | { readonly code: "runtime_owned"; readonly path: string; readonly runtime: string }
  | { readonly code: "delegated"; readonly path: string; readonly by: string }
  | { readonly code: "manager_may_spawn"; readonly path: string; readonly systemd_version: Maybe<number> }
  | { readonly code: "not_a_leaf"; readonly path: string; readonly child: string }
  | { readonly code: "being_ended"; readonly pid: number; readonly comm: string; readonly signal: string }
  | { readonly code: "command_runs"; readonly path: string; readonly pid: number; readonly comm: string }
  | { readonly code: "watchdog"; readonly path: string; readonly watchdog_s: number }
  | {
      readonly code: "virtual_machine";
      readonly path: string;
      readonly pid: Maybe<number>;
      readonly comm: Maybe<string>;
    }
  | { readonly code: "device"; readonly pid: number; readonly comm: string; readonly device: string }
  | { readonly code: "unknown"; readonly what: string };
