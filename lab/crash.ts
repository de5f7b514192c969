/** One kill of the agent: what leaks, how the remains are healed, and when the kill comes. */
export interface CrashCase {
  readonly number: number;
  readonly mode: "background" | "inline";
  readonly heal: "run" | "release";
  /** early: counted from the onset of the leak; after: from the agent's first action. */
  readonly moment: "early" | "after";
  readonly wait_ms: number;
}

/** A case with what the guest found; empty texts mean no difference. */
export interface CrashResult extends CrashCase {
  /** From the onset. */
  readonly killed_ms: number;
  /** Rungs in the ledger at the kill. */
  readonly rungs: string;
  /** What the dead agent left changed. */
  readonly left: string;
  /** What was still changed after the healing. */
  readonly failed: string;
}

/** Somebody else's hand in the middle of a containment. */
export interface WriterResult {
  readonly case: string;
  readonly acted: boolean;
  /** Status the audit has to name. */
  readonly expects: string;
  /** Statuses it named after the interference, with their counts. */
  readonly said: string;
  /** Lines written in the five seconds after it. */
  readonly log_lines: number;
  readonly audit_lines: number;
  readonly failed: string;
}

const EARLY_SHARE = 0.15;
const EARLY_MS = 500;
const AFTER_MS = 3000;
/** A line per beat, which is what an error loop would write, is 500 in five seconds. */
const LINES_MAX = 100;

/** Cases whose last one takes the cgroup away. */
export const WRITER_CASES = [
  "limit_rewritten inline drifted",
  "thread_taken_back background gone",
  "cgroup_removed background gone",
] as const;

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function random_of(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Restart and release by turns, two of five through the governor. */
export function crash_plan(count: number, seed: number): CrashCase[] {
  const random = random_of(seed);
  return Array.from({ length: count }, (_, i) => {
    const moment = random() < EARLY_SHARE ? "early" : "after";
    const wait_ms = Math.floor(random() * (moment === "early" ? EARLY_MS : AFTER_MS));
    return {
      number: i + 1,
      mode: i % 5 < 3 ? "background" : "inline",
      heal: i % 2 ? "run" : "release",
      moment,
      wait_ms,
    };
  });
}

/** The lines of /job/plan. */
export function plan_text(cases: readonly CrashCase[]): string {
  const crashes = cases.map((c) => `crash ${c.number} ${c.mode} ${c.heal} ${c.moment} ${c.wait_ms}\n`);
  return [...crashes, ...WRITER_CASES.map((w) => `writer ${w}\n`)].join("");
}

/** Why a case of another writer went wrong; empty when it did not. */
export function writer_failure(result: WriterResult): string {
  const wrong = [result.failed.replace(/^;/, "")];
  if (!result.acted) wrong.push("the agent had not acted");
  if (!result.said.includes(result.expects)) wrong.push(`the audit does not say ${result.expects} (${result.said})`);
  if (result.log_lines > LINES_MAX) wrong.push(`${result.log_lines} log lines in 5 s`);
  if (result.audit_lines > LINES_MAX) wrong.push(`${result.audit_lines} audit lines in 5 s`);
  return wrong.filter(Boolean).join("; ");
}

export function crash_text(results: readonly CrashResult[], asked: number, writers: readonly WriterResult[]): string {
  const restored = results.filter((r) => r.failed === "");
  const lines = [`${restored.length} of ${asked} restored`];
  const touched = results.filter((r) => r.left !== "").length;
  const by = (heal: string): string => {
    const own = results.filter((r) => r.heal === heal);
    return `${own.filter((r) => r.failed === "").length} of ${own.length}`;
  };
  const rungs = new Map<string, number>();
  for (const r of results)
    for (const rung of r.rungs.split(";").filter(Boolean)) rungs.set(rung, (rungs.get(rung) ?? 0) + 1);
  const open = [...rungs].map(([rung, n]) => `${rung} ${n}`).join(", ");
  lines.push(`  by a restart ${by("run")}, by \`hosa release\` ${by("release")}`);
  lines.push(`  ${touched} kills left something changed; in the ledger at the kill: ${open || "nothing"}`);
  for (const r of results) {
    if (r.failed !== "")
      lines.push(`  FAILED #${r.number} ${r.mode} ${r.heal}, killed ${r.killed_ms} ms after the onset: ${r.failed}`);
  }
  for (const w of writers) {
    const wrong = writer_failure(w);
    lines.push(
      `${w.case}: ${wrong === "" ? `ok (${w.said.trim()}; ${w.log_lines} log and ${w.audit_lines} audit lines in 5 s)` : `FAILED: ${wrong}`}`,
    );
  }
  return lines.join("\n");
}
