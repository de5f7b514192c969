import { markdown_table, spread_text } from "./markdown.ts";
import type { RunLabel } from "./metrics.ts";
import { missing_runs, type Outcomes, same_group, type TimedResult } from "./outcome.ts";

interface Column {
  readonly name: string;
  readonly digits: number;
  readonly value: (r: TimedResult) => number | null;
}

/** Ends of the service, whoever brought them about: the kernel counts only its own kills, the service only its own ends. */
export function kills_of_run(r: TimedResult): number {
  return Math.max(r.kills, r.processes_lost);
}

function scaled(value: number | null | undefined, factor: number): number | null {
  return value === null || value === undefined ? null : value * factor;
}

const COLUMNS: readonly Column[] = [
  { name: "kills", digits: 0, value: kills_of_run },
  { name: "first at, s", digits: 1, value: (r) => scaled(r.first_lost_ms ?? r.first_kill_ms, 0.001) },
  { name: "served, %", digits: 1, value: (r) => scaled(r.served_ratio, 100) },
  { name: "p99, ×", digits: 2, value: (r) => r.p99_ratio },
  { name: "lost", digits: 0, value: (r) => r.transactions.lost },
  { name: "neighbour served, %", digits: 1, value: (r) => scaled(r.neighbour.served_ratio, 100) },
  { name: "neighbour p99, ×", digits: 2, value: (r) => r.neighbour.p99_ratio },
  { name: "full stall, %", digits: 1, value: (r) => scaled(r.psi_full, 100) },
  { name: "once stable, %", digits: 1, value: (r) => scaled(r.psi_full_stable, 100) },
  { name: "in swap at the end, MB", digits: 0, value: (r) => r.swap_at_end_mb ?? null },
  { name: "stable, ms", digits: 0, value: (r) => r.stable_ms },
  { name: "seen, ms", digits: 0, value: (r) => r.seen_ms },
  { name: "acted, ms", digits: 0, value: (r) => r.acted_ms },
];

/**
 * One row per agent and kernel, in the order in which they are first met: median [least–most] over the runs. Guests that
 * brought no result stand in the row, and below the table with the reason.
 */
export function compare_table(outcomes: Outcomes): string {
  const { results, failures } = outcomes;
  const missing = missing_runs(outcomes);
  const rows = groups_of([...results, ...missing]).map((group) => {
    const own = results.filter((r) => same_group(r, group));
    const failed = missing.filter((f) => same_group(f, group)).length;
    const runs = failed === 0 ? String(own.length) : `${own.length} (${failed} failed)`;
    return [group.agent, group.kernel, runs, ...COLUMNS.map((c) => spread_text(own.map(c.value), c.digits))];
  });
  const table = markdown_table([["agent", "kernel", "runs", ...COLUMNS.map((c) => c.name)], ...rows], 2);
  const notes = failures.map((f) => `guest failed: ${f.agent}, ${f.kernel}, #${f.seed}: ${f.failed}`);
  return [table, ...(notes.length > 0 ? ["", ...notes] : [])].join("\n");
}

/** Agent by agent, each on its kernels. */
export function groups_of(labels: readonly RunLabel[]): RunLabel[] {
  const groups: RunLabel[] = [];
  for (const label of labels) if (!groups.some((g) => same_group(g, label))) groups.push(label);
  const agents = [...new Set(groups.map((g) => g.agent))];
  return agents.flatMap((agent) => groups.filter((g) => g.agent === agent));
}
