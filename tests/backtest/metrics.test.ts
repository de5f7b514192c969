import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { History, MOST_ROWS } from "../../src/backtest/history.ts";
import { alarm_figures, areas, events_of, false_hours, median, ranked, recall_at } from "../../src/backtest/metrics.ts";

/** Few distinct scores, so that ties are common. */
const rows = fc.array(
  fc.record({ score: fc.integer({ min: 0, max: 12 }), label: fc.constantFrom(0, 1), alarm: fc.constantFrom(0, 1) }),
  { minLength: 1, maxLength: 60 },
);
type Row = { readonly score: number; readonly label: number; readonly alarm: number };

const scores_of = (all: readonly Row[]) => Float64Array.from(all, (row) => row.score);
const labels_of = (all: readonly Row[]) => Uint8Array.from(all, (row) => row.label);
const alarms_of = (all: readonly Row[]) => Uint8Array.from(all, (row) => row.alarm);
const thresholds_of = (all: readonly Row[]) => [...new Set(all.map((row) => row.score))].sort((a, b) => b - a);

/** Straight from the definition: one pass over all rows per threshold. */
function slow_areas(all: readonly Row[]): { pr: number | null; roc: number | null } {
  const positives = all.filter((row) => row.label === 1);
  const negatives = all.filter((row) => row.label === 0);
  if (positives.length === 0 || negatives.length === 0) return { pr: null, roc: null };
  let pr = 0;
  let recall = 0;
  for (const threshold of thresholds_of(all)) {
    const alarmed = all.filter((row) => row.score >= threshold);
    const hits = alarmed.filter((row) => row.label === 1).length;
    pr += (hits / positives.length - recall) * (hits / alarmed.length);
    recall = hits / positives.length;
  }
  let roc = 0;
  for (const p of positives) for (const n of negatives) roc += p.score > n.score ? 1 : p.score === n.score ? 0.5 : 0;
  return { pr, roc: roc / positives.length / negatives.length };
}

/** Events as the sets of their rows, found by looking at each row's neighbour. */
function slow_events(all: readonly Row[]): number[][] {
  const events: number[][] = [];
  for (const [row, { label }] of all.entries()) {
    if (label === 0) continue;
    if (row > 0 && all[row - 1]!.label === 1) events.at(-1)!.push(row);
    else events.push([row]);
  }
  return events;
}

/** Hours with a row of that kind. */
function hours_of(all: readonly Row[], hour_rows: number, kind: (row: Row) => boolean): number {
  return new Set([...all.entries()].filter(([, row]) => kind(row)).map(([at]) => Math.floor(at / hour_rows))).size;
}

describe("against the definitions", () => {
  test("areas", () => {
    fc.assert(
      fc.property(rows, (all) => {
        const fast = areas(ranked(scores_of(all), labels_of(all)));
        const slow = slow_areas(all);
        if (slow.pr === null || slow.roc === null) expect(fast).toEqual({ pr: null, roc: null });
        else {
          expect(fast.pr).toBeCloseTo(slow.pr, 12);
          expect(fast.roc).toBeCloseTo(slow.roc, 12);
        }
      }),
    );
  });

  test("events and recall at a budget of false hours", () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 0, max: 20 }), fc.integer({ min: 1, max: 5 }), (all, allowed, hour_rows) => {
        const events = slow_events(all);
        expect(events_of(labels_of(all)).map(({ start, end }) => [start, end - start])).toEqual(
          events.map((event) => [event[0]!, event.length]),
        );
        const hours = false_hours(scores_of(all), labels_of(all), hour_rows);
        const { recall, threshold } = recall_at(events_of(labels_of(all)), scores_of(all), hours, allowed);
        const passing = (above: number) => hours_of(all, hour_rows, (row) => row.label === 0 && row.score > above);
        const best = [-1, ...thresholds_of(all)]
          .filter((above) => passing(above) <= allowed)
          .map((above) => events.filter((event) => event.some((row) => all[row]!.score > above)).length);
        expect(recall).toBe(events.length === 0 ? null : Math.max(...best) / events.length);
        expect(passing(threshold ?? -1)).toBeLessThanOrEqual(allowed);
      }),
    );
  });

  test("alarms: recall, delay, hours, false episodes", () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 5 }), (all, hour_rows) => {
        const figures = alarm_figures(events_of(labels_of(all)), labels_of(all), alarms_of(all), hour_rows);
        const events = slow_events(all);
        const delays = events.map((event) => event.findIndex((row) => all[row]!.alarm === 1)).filter((at) => at >= 0);
        expect(figures.recall).toBe(events.length === 0 ? null : delays.length / events.length);
        expect(figures.delay_rows).toBe(median(delays));
        expect(figures.hours).toBe(hours_of(all, hour_rows, (row) => row.alarm === 1));
        expect(figures.false_hours).toBe(hours_of(all, hour_rows, (row) => row.alarm === 1 && row.label === 0));
        const text = all.map((row) => (row.alarm === 0 ? "." : row.label === 1 ? "E" : "a")).join("");
        const runs = text.split(".").filter((run) => run !== "" && !run.includes("E"));
        expect(figures.false_runs).toBe(runs.length);
      }),
    );
  });
});

describe("known answers", () => {
  test("a perfect and a reversed order, and one of nothing but ties", () => {
    const labels = Uint8Array.of(0, 0, 1, 1);
    expect(areas(ranked(Float64Array.of(1, 2, 3, 4), labels))).toEqual({ pr: 1, roc: 1 });
    expect(areas(ranked(Float64Array.of(4, 3, 2, 1), labels)).roc).toBe(0);
    expect(areas(ranked(Float64Array.of(5, 5, 5, 5), labels))).toEqual({ pr: 0.5, roc: 0.5 });
  });

  test("the median of none, one, two and three", () => {
    expect([median([]), median([4]), median([4, 1]), median([9, 1, 4])]).toEqual([null, 4, 2.5, 4]);
  });
});

test("the history doubles, keeps what it was given, and ends at its bound", () => {
  const history = new History();
  for (let row = 0; row < 10_000; row++) history.push(row / 3, row % 7 === 0 ? 1 : 0, row % 5 === 0);
  expect(history.length).toBe(10_000);
  expect([...history.scores]).toEqual(Array.from({ length: 10_000 }, (_, row) => row / 3));
  expect(history.labels[9996]).toBe(1);
  expect(history.alarms[9995]).toBe(1);
  while (history.length < MOST_ROWS) history.push(0, 0, false);
  expect(() => history.push(0, 0, false)).toThrow(`more than ${MOST_ROWS} test rows`);
});
