import { groups_of, kills_of_run } from "./compare.ts";
import { markdown_table, spread_text } from "./markdown.ts";
import type { RunLabel } from "./metrics.ts";
import { missing_runs, type Outcomes, same_group, type TimedResult } from "./outcome.ts";

/** What a run against a leak should reach. An unknown value meets no aim. */
interface Aim {
  readonly name: string;
  readonly bound: string;
  readonly digits: number;
  readonly value: (r: TimedResult) => number | null;
  readonly met: (value: number) => boolean;
}

type Value = Aim["value"];

function at_most(name: string, bound: number, digits: number, value: Value): Aim {
  return { name, bound: bound === 0 ? "0" : `≤ ${bound}`, digits, value, met: (v) => v <= bound };
}

function at_least(name: string, bound: number, digits: number, value: Value): Aim {
  return { name, bound: `≥ ${bound}`, digits, value, met: (v) => v >= bound };
}

const AIMS: readonly Aim[] = [
  at_most("seen, ms", 300, 0, (r) => r.seen_ms),
  at_most("acted, ms", 700, 0, (r) => r.acted_ms),
  at_most("stable, ms", 5000, 0, (r) => r.stable_ms),
  at_most("kills", 0, 0, kills_of_run),
  at_most("lost", 0, 0, (r) => r.transactions.lost),
  at_least("served", 0.95, 3, (r) => r.served_ratio),
  at_most("p99, ×", 1.5, 2, (r) => r.p99_ratio),
  at_least("neighbour served", 0.99, 3, (r) => r.neighbour.served_ratio),
  at_most("neighbour p99, ×", 1.2, 2, (r) => r.neighbour.p99_ratio),
  {
    ...{ name: "full stall once stable", bound: "< 0.05", digits: 3, value: (r) => r.psi_full_stable },
    met: (v) => v < 0.05,
  },
];

export interface AimCount {
  readonly aim: string;
  readonly bound: string;
  readonly met: number;
  /** Runs with a result, and guests that failed: those met nothing. */
  readonly runs: number;
}

export interface GroupSummary extends RunLabel {
  readonly aims: readonly AimCount[];
  readonly all_met: number;
  readonly runs: number;
}

function meets(aim: Aim, r: TimedResult): boolean {
  const value = aim.value(r);
  return value !== null && aim.met(value);
}

/** Per scenario, agent and kernel: how many runs meet each aim. */
export function summaries_of(outcomes: Outcomes): GroupSummary[] {
  return groups_of([...outcomes.results, ...outcomes.failures]).map((group) => {
    const own = outcomes.results.filter((r) => same_group(r, group));
    const runs = own.length + missing_runs(outcomes).filter((f) => same_group(f, group)).length;
    const aims = AIMS.map((aim) => ({
      aim: aim.name,
      bound: aim.bound,
      met: own.filter((r) => meets(aim, r)).length,
      runs,
    }));
    return { ...group, aims, all_met: own.filter((r) => AIMS.every((aim) => meets(aim, r))).length, runs };
  });
}

/** A table per group: the runs, their median, and how many meet each aim. A value that misses its aim carries a *. */
export function summary_text(outcomes: Outcomes): string {
  return summaries_of(outcomes)
    .map((group) => {
      const own = outcomes.results.filter((r) => same_group(r, group)).sort((a, b) => a.seed - b.seed);
      const rows = [
        ["run", ...AIMS.map((aim) => aim.name)],
        ["aim", ...AIMS.map((aim) => aim.bound)],
        ...own.map((r) => [`#${r.seed}`, ...AIMS.map((aim) => value_text(aim, r))]),
        ["median", ...AIMS.map((aim) => spread_text(own.map(aim.value), aim.digits))],
        ["met", ...group.aims.map((a) => `${a.met} of ${a.runs}`)],
      ];
      const failed = outcomes.failures.filter((f) => same_group(f, group));
      return [
        `${group.scenario}, ${group.agent}, ${group.kernel}: ${group.all_met} of ${group.runs} runs meet every aim`,
        "",
        markdown_table(rows, 1),
        ...failed.map((f) => `guest failed: #${f.seed}: ${f.failed}`),
      ].join("\n");
    })
    .join("\n\n");
}

function value_text(aim: Aim, r: TimedResult): string {
  const value = aim.value(r);
  return `${value === null ? "–" : value.toFixed(aim.digits)}${meets(aim, r) ? "" : "*"}`;
}
