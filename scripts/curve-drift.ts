import { COURSES } from "../tests/simulation/courses.ts";
import { type Course, type Teaching, type Watch, watch } from "../tests/simulation/watched.ts";

/** Drift of one dimension against a self six hours old: a table as markdown. Rates in standard deviations. */
const OLD_H = 6;
const SEEDS = [1, 2, 3];
const TEACHINGS: readonly Teaching[] = ["frozen", "free", "gated", "hosa"];

function runs(teaching: Teaching, make: () => Course, hours: number): Watch[] {
  return SEEDS.map((seed) => watch(teaching, COURSES.after(OLD_H, make()), OLD_H + hours, seed, OLD_H));
}

/** Alarms per hour, and the part of the time in alarm. */
function alarms(watches: readonly Watch[], hours: number): string {
  const total = watches.reduce((sum, w) => sum + w.episodes, 0) / (watches.length * hours);
  const part = watches.reduce((sum, w) => sum + w.alarm_s, 0) / (watches.length * hours * 36);
  return `${total.toFixed(2)}/h, ${part.toFixed(part < 1 ? 2 : 0)} % of time`;
}

/** When it is seen for good: an alarm that is still there in the last ten minutes; else where the mean went. */
function verdict(watches: readonly Watch[]): string {
  const lasting = watches.filter((w) => !w.silent_at_end && w.alarm_s > 60);
  if (lasting.length === watches.length) {
    const latest = Math.max(...watches.map((w) => w.seen_s ?? Number.POSITIVE_INFINITY));
    return `seen within ${latest.toFixed(0)} s, still there`;
  }
  const learned = Math.max(...watches.map((w) => w.mean.at(-1) ?? 0));
  const alarm_s = Math.max(...watches.map((w) => w.alarm_s));
  return alarm_s > 60
    ? `learned away after ${alarm_s.toFixed(0)} s of alarm`
    : `never as such, mean followed by ${learned.toFixed(1)} σ`;
}

type Cell = (teaching: Teaching) => string;
const ROWS: readonly (readonly [string, Cell])[] = [
  ["nothing happens, 12 h", (t) => alarms(runs(t, COURSES.quiet, 12), 12)],
  [
    "benign tide ± 6 σ in 24 h",
    (t) =>
      alarms(
        runs(t, () => COURSES.tide(6, 24), 24),
        24,
      ),
  ],
  ...[0.001, 0.01, 0.1, 0.3, 1].map(
    (rate) =>
      [
        `walk ${100 * rate} % of σ a minute, 3 h`,
        (t: Teaching) => verdict(runs(t, () => COURSES.walk(rate), 3)),
      ] as const,
  ),
  ["step of 8 σ that stays, 3 h", (t) => verdict(runs(t, () => COURSES.step(8, 0), 3))],
];

console.log(`| dimension 1 of 8 | ${TEACHINGS.join(" | ")} |\n|---|${"---|".repeat(TEACHINGS.length)}`);
for (const [name, cell] of ROWS) console.log(`| ${name} | ${TEACHINGS.map(cell).join(" | ")} |`);
