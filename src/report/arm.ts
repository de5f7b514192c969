import type { Outcome, Rung } from "../model/containment.ts";
import type { Autonomy, Dial } from "../model/dial.ts";
import { type Level, level_name } from "../model/level.ts";
import type { Pause } from "../model/pause.ts";
import type { Maybe } from "../model/sample.ts";
import { dial_sentence } from "./dial.ts";
import { NEVER_TOUCHED } from "./precondition.ts";
import { outcome_line } from "./release.ts";

/** What of the configuration decides what a level may do. */
export interface Allowed {
  readonly rungs: readonly Rung[];
  readonly reserve: boolean;
  readonly quarantine: boolean;
  /** Patterns under `protect`. */
  readonly protect: readonly string[];
}

/** One level, and what is done there. */
export interface AllowedLevel {
  readonly level: Level;
  readonly name: string;
  readonly actions: readonly string[];
}

const ACTIONS: readonly { readonly level: Level; readonly rung: Rung; readonly text: string }[] = [
  { level: 2, rung: "cpu_weight", text: "give the culprit less CPU (cpu.weight)" },
  { level: 2, rung: "thread_hold", text: "freeze the one thread that leaks" },
  { level: 2, rung: "memory_governor", text: "slow the growth of a cgroup (memory.high)" },
  { level: 2, rung: "swap_reserve", text: "open the swap reserve to it" },
  { level: 2, rung: "io_max", text: "bound its disk throughput (io.max)" },
  { level: 3, rung: "cpu_max", text: "bound its CPU time (cpu.max)" },
  { level: 3, rung: "shield", text: "refuse a share of new connections" },
  { level: 4, rung: "freeze", text: "freeze a cgroup that is not essential" },
  { level: 4, rung: "shield", text: "admit only health checks, management and established connections" },
];
const QUARANTINE = "isolate the node from the network until `hosa release --quarantine`";

/** What arming up to a level allows. */
export function allowed_levels(max_level: Level, allowed: Allowed): readonly AllowedLevel[] {
  const has = (rung: Rung) => allowed.rungs.includes(rung) && (rung !== "swap_reserve" || allowed.reserve);
  const levels = ([2, 3, 4] as const).map((level) => ({
    level,
    name: level_name(level),
    actions: ACTIONS.filter((action) => action.level === level && has(action.rung)).map(({ text }) => text),
  }));
  const last = { level: 5 as const, name: level_name(5), actions: allowed.quarantine ? [QUARANTINE] : [] };
  return [...levels, last].filter(({ level }) => level <= max_level);
}

/** The short table that `hosa arm` shows before it asks. */
export function arm_lines(
  wanted: { readonly autonomy: Autonomy; readonly max_level: Level },
  allowed: Allowed,
): string {
  const rows = allowed_levels(wanted.max_level, allowed).flatMap(({ level, name, actions }) =>
    (actions.length === 0 ? ["nothing: motor.rungs or quarantine.enabled forbid it"] : actions).map(
      (action, i) => `  ${(i === 0 ? `${level} ${name}` : "").padEnd(22)} ${action}`,
    ),
  );
  const patterns = allowed.protect.length === 0 ? "" : `, and ${allowed.protect.join(", ")} (protect)`;
  return [
    `Arming (autonomy: ${wanted.autonomy}) allows HOSA, up to level ${wanted.max_level}:`,
    ...rows,
    `Never touched: ${NEVER_TOUCHED}${patterns}.`,
    "Undo: `hosa release --all` lifts what is held, `hosa pause 30m` suspends it, `hosa disarm` ends it.",
  ].join("\n");
}

/** What became of a running agent after the dial was written down. */
export interface AgentAnswer {
  readonly running: boolean;
  readonly pid: Maybe<number>;
  /** The agent does what the file says. Without an agent: it will when it starts. */
  readonly in_force: boolean;
  /** What happened, and what to do. */
  readonly detail: string;
  readonly dial: Maybe<Dial>;
  /** Nothing new is contained before its end, whatever the dial says. */
  readonly pause: Maybe<Pause>;
  readonly released: readonly Outcome[];
  readonly missing_rungs: readonly { readonly rung: Rung; readonly why: string }[];
  readonly quarantine: boolean;
}

export function answer_lines(answer: AgentAnswer): readonly string[] {
  const { dial, pause, released, missing_rungs, quarantine, detail } = answer;
  return [
    detail,
    ...(dial === null ? [] : [`autonomy: ${dial_sentence(dial)}`]),
    ...(pause === null
      ? []
      : [`Paused until ${pause.until}: nothing new is contained before. \`hosa resume\` ends it.`]),
    ...(released.length === 0
      ? []
      : [`${released.length} released first:`, ...released.map((one) => `  ${outcome_line(one)}`)]),
    ...(dial?.acts === true ? missing_rungs.map(({ rung, why }) => `missing here: ${rung}: ${why}`) : []),
    ...(quarantine ? ["The node is in quarantine (level 5), which stays: `hosa release --quarantine` ends it."] : []),
  ];
}
