import type { Organ, Target } from "../model/containment.ts";
import type { ThreadIdentity } from "./processes.ts";

/**
 * How an entry is undone: file: write `prior` back · devices: the same per line of io.max · hold: thaw the child, give the
 * threads back, remove it · child: the same for processes that were moved into a child to be frozen there · nice: niceness of each thread · stop: SIGCONT · shield: detach and remove what is pinned below `mount` ·
 * quarantine: the mark that the node is in level 5, struck off last · link: the interface up, its addresses and routes as in
 * `prior` · swap: the swap area off, once what lies in it fits back · marker: remove the file · taint: through the API server · watchdog: stop it.
 */
export type EntryKind =
  | "file"
  | "devices"
  | "hold"
  | "child"
  | "nice"
  | "stop"
  | "shield"
  | "swap"
  | "quarantine"
  | "link"
  | "marker"
  | "taint"
  | "watchdog";

/** What is written down before anything is touched; enough to undo it with no other knowledge. */
export interface LedgerEntry {
  readonly id: string;
  readonly kind: EntryKind;
  readonly boot_id: string;
  /** The containment it belongs to. */
  readonly containment: string;
  readonly rung: Organ;
  readonly target: Target;
  readonly mount: string;
  /** The root of that mount, by its inode: who sees another one (a container sees itself) cannot say that a cgroup is gone. Absent in older entries. */
  readonly root_id?: number;
  /** The cgroup touched: for a hold the one the thread lives in. Its inode is its identity. */
  readonly cgroup_id: number;
  readonly path: string;
  /** Control file below the cgroup; for a hold and a child the name of the child cgroup; for nice and stop what it is about. */
  readonly file: string;
  readonly prior: string;
  /** The value last asked for; replaced by `adjust` lines. */
  readonly intended: string;
  /** The value asked for before that: after a crash between the adjust line and its write this is what the file holds. */
  readonly superseded: string;
  readonly threads: readonly ThreadIdentity[];
  /** Level 5 is left only by `hosa release`: what a restarted agent finds of it stays. Absent: undone at the next start. */
  readonly until?: "release";
}
