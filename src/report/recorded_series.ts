import type { AuditRecord } from "../model/audit.ts";
import { GAP_STEPS, TRACE_DENSE_FOR_S, TRACE_DENSE_S, TRACE_SPARSE_S } from "../model/cadence.ts";
import { type Sample, type Span, thinned } from "./series.ts";

/** Samples kept of one series; more are thinned out, gaps and peaks kept. */
const MOST_SAMPLES = 4096;
/** At level 0 only heartbeats are written: a pause this much longer than their step is a gap in the record. */
const HEARTBEAT_SLACK = 1.2;
/** Of records that do not say it, before two heartbeats were seen. */
const HEARTBEAT_S = 30;
/** Gaps that are shown; of more, the longest. */
const MOST_GAPS = 512;

/** A stretch without any sample. */
export interface Gap extends Span {
  readonly lasted_s: number;
}

/** The step at which the record is written: known from what was written last, and from when something last happened. */
export class RecordCadence {
  #eventful_s = Number.NEGATIVE_INFINITY;
  #last: {
    readonly t_s: number;
    readonly is_heartbeat: boolean;
    readonly level: number;
    readonly step_s: number;
  } | null = null;
  #heartbeat_s: number | null = null;
  #broken_s = Number.NEGATIVE_INFINITY;
  #gaps: Gap[] = [];

  /** Follows one record with samples in it: whether a line may lead from the samples before to those of this one. */
  joins(record: AuditRecord, t_s: number, level: number): boolean {
    const last = this.#last;
    const is_heartbeat = record.kind === "heartbeat";
    if (!is_heartbeat && record.kind !== "trace") this.happened(t_s);
    this.#last = { t_s, is_heartbeat, level, step_s: this.#step_of(record, t_s) };
    if (last === null) return false;
    const step_s = t_s - last.t_s;
    if (step_s <= GAP_STEPS * last.step_s) return true;
    this.#broken_s = t_s;
    const quiet_s = HEARTBEAT_SLACK * (this.#heartbeat_s ?? HEARTBEAT_S);
    if (last.level > 0 || step_s > quiet_s) this.#gap({ from_s: last.t_s, to_s: t_s, lasted_s: step_s });
    if (record.kind === "heartbeat") this.#learn_heartbeat(record.period_s, last.is_heartbeat ? step_s : null);
    return false;
  }

  /** Something happened: for some seconds from now on traces are dense. */
  happened(t_s: number): void {
    this.#eventful_s = t_s;
  }

  /** The step in force after the last record. */
  get step_s(): number {
    return this.#last?.step_s ?? TRACE_DENSE_S;
  }

  /** Whether a line may lead to now from a sample that not every record has: no gap since, and no later than its step allows. */
  reaches(before: { readonly t_s: number; readonly step_s: number } | undefined, t_s: number): boolean {
    return before !== undefined && before.t_s >= this.#broken_s && t_s - before.t_s <= GAP_STEPS * before.step_s;
  }

  /** Stretches in which the record should have samples and has none: the pauses between heartbeats at level 0 are none. */
  get gaps(): readonly Gap[] {
    return this.#gaps;
  }

  /** A heartbeat is one sample of a quiet half minute: no line leads on from it for longer than a dense step. */
  #step_of(record: AuditRecord, t_s: number): number {
    if (record.kind !== "trace") return TRACE_DENSE_S;
    // The next trace comes after the dense time, where that ends before the next one is due.
    const due_s = t_s + GAP_STEPS * TRACE_DENSE_S;
    return due_s - this.#eventful_s < TRACE_DENSE_FOR_S ? TRACE_DENSE_S : TRACE_SPARSE_S;
  }

  #learn_heartbeat(said_s: number | undefined, seen_s: number | null): void {
    if (said_s !== undefined) this.#heartbeat_s = said_s;
    else if (seen_s !== null) this.#heartbeat_s = Math.min(this.#heartbeat_s ?? seen_s, seen_s);
  }

  #gap(gap: Gap): void {
    this.#gaps.push(gap);
    if (this.#gaps.length < 2 * MOST_GAPS) return;
    const longest = this.#gaps.toSorted((one, other) => other.lasted_s - one.lasted_s).slice(0, MOST_GAPS);
    this.#gaps = longest.sort((one, other) => one.from_s - other.from_s);
  }
}

/** Samples as they are recorded; memory is bounded however long the record is. */
export class RecordedSeries<T extends Sample> {
  readonly #value: (sample: T) => number;
  #samples: T[] = [];

  constructor(value: (sample: T) => number) {
    this.#value = value;
  }

  get samples(): readonly T[] {
    return this.#samples;
  }

  push(sample: T): void {
    if (this.#samples.length >= MOST_SAMPLES)
      this.#samples = [...thinned(this.#samples, this.#value, MOST_SAMPLES / 2)];
    this.#samples.push(sample);
  }
}
