import type { Maybe } from "../model/sample.ts";

/** A run of rows labelled 1: `end` is the row after its last. */
export interface Event {
  readonly start: number;
  readonly end: number;
}

export function events_of(labels: ArrayLike<number>): Event[] {
  const events: Event[] = [];
  let start = -1;
  for (let row = 0; row <= labels.length; row++) {
    const inside = row < labels.length && labels[row] === 1;
    if (inside && start < 0) start = row;
    if (!inside && start >= 0) {
      events.push({ start, end: row });
      start = -1;
    }
  }
  return events;
}

/** Scores of the rows with and without the label, each ascending. */
export interface Ranked {
  readonly positive: Float64Array;
  readonly negative: Float64Array;
}

export function ranked(scores: Float64Array, labels: Uint8Array): Ranked {
  let positives = 0;
  for (let row = 0; row < labels.length; row++) positives += labels[row]!;
  const positive = new Float64Array(positives);
  const negative = new Float64Array(scores.length - positives);
  let p = 0;
  let n = 0;
  for (let row = 0; row < scores.length; row++) {
    if (labels[row] === 1) positive[p++] = scores[row]!;
    else negative[n++] = scores[row]!;
  }
  return { positive: positive.sort(), negative: negative.sort() };
}

/**
 * Average precision (Σ Δrecall · precision, equal scores taken together) and the area under the ROC curve (the chance that
 * a labelled row scores above another one, ties half). Exact, O(n) on ranked scores; null when either class is absent.
 */
export function areas({ positive, negative }: Ranked): { readonly pr: Maybe<number>; readonly roc: Maybe<number> } {
  const positives = positive.length;
  const negatives = negative.length;
  if (positives === 0 || negatives === 0) return { pr: null, roc: null };
  let p = positives;
  let n = negatives;
  let pr = 0;
  let roc = 0;
  while (p > 0) {
    const score = positive[p - 1]!;
    let hits = 0;
    let ties = 0;
    while (n > 0 && negative[n - 1]! > score) n -= 1;
    while (p > 0 && positive[p - 1] === score) {
      p -= 1;
      hits += 1;
    }
    const above = negatives - n;
    while (n > 0 && negative[n - 1] === score) {
      n -= 1;
      ties += 1;
    }
    const true_positives = positives - p;
    pr += (hits / positives) * (true_positives / (true_positives + negatives - n));
    roc += (hits / positives) * (1 - (above + ties / 2) / negatives);
  }
  return { pr, roc };
}

/**
 * The highest score of each hour of `hour_rows` rows among the rows without the label, ascending: a false-alarm hour is an
 * hour with at least one false alarm, however many rows of it alarm.
 */
export function false_hours(scores: Float64Array, labels: Uint8Array, hour_rows: number): Float64Array {
  const highest = new Float64Array(Math.ceil(scores.length / hour_rows)).fill(Number.NEGATIVE_INFINITY);
  for (let row = 0; row < scores.length; row++) {
    const hour = Math.floor(row / hour_rows);
    if (labels[row] !== 1 && scores[row]! > highest[hour]!) highest[hour] = scores[row]!;
  }
  return highest.sort();
}

/**
 * Part of the events with a row above the lowest threshold that lets at most `allowed` hours alarm falsely.
 * `threshold` is null when all of them may.
 *
 * @param hours of `false_hours`
 */
export function recall_at(
  events: readonly Event[],
  scores: Float64Array,
  hours: Float64Array,
  allowed: number,
): { readonly recall: Maybe<number>; readonly threshold: Maybe<number> } {
  // Above the score of the first hour too many, all hours before it pass; ties with it do not.
  const threshold = hours[hours.length - 1 - allowed] ?? null;
  if (events.length === 0) return { recall: null, threshold };
  const reached = events.filter(({ start, end }) => {
    for (let row = start; row < end; row++) if (threshold === null || scores[row]! > threshold) return true;
    return false;
  });
  return { recall: reached.length / events.length, threshold };
}

/** What the alarms of a run are worth. */
export interface AlarmFigures {
  readonly recall: Maybe<number>;
  /** Rows from an event's start to its first alarm, median of the detected events. */
  readonly delay_rows: Maybe<number>;
  /** Hours with an alarm, and with one on a row without the label. */
  readonly hours: number;
  readonly false_hours: number;
  /** Runs of alarmed rows that touch no event. */
  readonly false_runs: number;
}

export function alarm_figures(
  events: readonly Event[],
  labels: ArrayLike<number>,
  alarms: ArrayLike<number>,
  hour_rows: number,
): AlarmFigures {
  const delays: number[] = [];
  for (const { start, end } of events) {
    let row = start;
    while (row < end && alarms[row] !== 1) row += 1;
    if (row < end) delays.push(row - start);
  }
  let hours = 0;
  let false_hours = 0;
  let last_hour = -1;
  let last_false_hour = -1;
  let false_runs = 0;
  let running = false;
  let touched = false;
  for (let row = 0; row <= alarms.length; row++) {
    const alarm = row < alarms.length && alarms[row] === 1;
    if (alarm && !running) touched = false;
    if (alarm && labels[row] === 1) touched = true;
    const hour = Math.floor(row / hour_rows);
    if (alarm && hour !== last_hour) {
      hours += 1;
      last_hour = hour;
    }
    if (alarm && labels[row] !== 1 && hour !== last_false_hour) {
      false_hours += 1;
      last_false_hour = hour;
    }
    if (!alarm && running && !touched) false_runs += 1;
    running = alarm;
  }
  const recall = events.length === 0 ? null : delays.length / events.length;
  return { recall, delay_rows: median(delays), hours, false_hours, false_runs };
}

/** The middle one, or the mean of the two in the middle; null of none. */
export function median(values: readonly number[]): Maybe<number> {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[sorted.length >> 1]!;
  return sorted.length % 2 === 1 ? upper : (sorted[(sorted.length >> 1) - 1]! + upper) / 2;
}
