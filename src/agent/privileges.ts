import { drop_capabilities } from "../ffi/all_threads.ts";
import { KernelError } from "../ffi/errors.ts";
import type { Finding } from "../model/doctor.ts";
import type { Level } from "../model/level.ts";

/** One capability (capabilities(7)) and what it is for. */
export interface Privilege {
  readonly bit: number;
  readonly name: string;
  /** Levels at which it is used; empty: only until the first beat. */
  readonly levels: readonly Level[];
  /** Used by an agent that only looks, too. */
  readonly observes: boolean;
  readonly use: string;
}

const ALL: readonly Level[] = [0, 1, 2, 3, 4, 5];

/** Everything HOSA ever uses, most wanted first; deploy/hosa.service and deploy/kubernetes.yaml grant exactly these. */
export const PRIVILEGES: readonly Privilege[] = [
  { bit: 39, name: "CAP_BPF", levels: [], observes: true, use: "load BPF programs" },
  { bit: 38, name: "CAP_PERFMON", levels: [], observes: true, use: "attach them to tracepoints and page faults" },
  { bit: 24, name: "CAP_SYS_RESOURCE", levels: [], observes: true, use: "lower the agent's own OOM score" },
  {
    bit: 21,
    name: "CAP_SYS_ADMIN",
    levels: [],
    observes: true,
    use: "read tracepoint ids, rehearse in a namespace; kept for a swap reserve, and for hooks that ask systemd",
  },
  {
    bit: 12,
    name: "CAP_NET_ADMIN",
    levels: [3, 4, 5],
    observes: false,
    use: "put the shield on interfaces, take links down",
  },
  { bit: 13, name: "CAP_NET_RAW", levels: [], observes: false, use: "rehearse the shield with packets of its own" },
  { bit: 0, name: "CAP_CHOWN", levels: [], observes: false, use: "give the control socket to its group" },
  { bit: 14, name: "CAP_IPC_LOCK", levels: ALL, observes: false, use: "keep the agent's memory from being paged out" },
  {
    bit: 19,
    name: "CAP_SYS_PTRACE",
    levels: ALL,
    observes: true,
    use: "read which runtime a service is, and I/O of threads",
  },
  {
    bit: 1,
    name: "CAP_DAC_OVERRIDE",
    levels: [2, 3, 4, 5],
    observes: false,
    use: "write the files of cgroups owned by users",
  },
  { bit: 23, name: "CAP_SYS_NICE", levels: [2, 3, 4, 5], observes: false, use: "a pulse in real time, niceness" },
  { bit: 5, name: "CAP_KILL", levels: [4, 5], observes: false, use: "stop processes where the freezer is missing" },
];

/** Capabilities as a bit set. */
export function bits_of(privileges: readonly Privilege[]): bigint {
  return privileges.reduce((bits, { bit }) => bits | (1n << BigInt(bit)), 0n);
}

/**
 * What an agent needs after its first beat, at any level. Its highest level decides: at the moment of need nothing can be regained.
 *
 * @param administers it acts with swapon(2), or by hooks: systemd obeys only who holds CAP_SYS_ADMIN
 */
export function kept_privileges(acts: boolean, administers = false): readonly Privilege[] {
  const administering = (name: string) => acts && administers && name === "CAP_SYS_ADMIN";
  return PRIVILEGES.filter(
    ({ name, levels, observes }) => administering(name) || (levels.length > 0 && (acts || observes)),
  );
}

/** Gives up what only the start needed. Returns what is to be said about it. */
export function drop_privileges(
  acts: boolean,
  administers: boolean,
): { readonly level: "info" | "warn"; readonly text: string } {
  const kept = kept_privileges(acts, administers);
  const names = kept.map(({ name }) => name).join(", ");
  let beyond: readonly string[];
  try {
    beyond = drop_capabilities(bits_of(kept));
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return { level: "warn", text: `capabilities are kept that are not needed any more: ${error.message}` };
  }
  // What nobody can reach from inside is bounded from outside, by CapabilityBoundingSet= of the unit.
  const rest = beyond.length === 0 ? "" : `; not by the runtime's thread ${beyond.join(", ")}, which takes no signals`;
  return { level: "info", text: `capabilities given up but ${names}${rest}` };
}

/** The minimal set at the start and at each level. */
export function privilege_findings(): readonly Finding[] {
  const finding = (what: string, privileges: readonly Privilege[]): Finding => {
    const detail = privileges.map(({ name }) => name).join(" ");
    return { what, state: "ok", detail, costs: "", remedy: "" };
  };
  return [
    finding("at the start", PRIVILEGES),
    ...ALL.map((level) =>
      finding(
        `level ${level}`,
        PRIVILEGES.filter(({ levels }) => levels.includes(level)),
      ),
    ),
    finding("observing", kept_privileges(false)),
  ];
}
