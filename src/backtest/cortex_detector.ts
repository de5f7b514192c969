import { cortex_options } from "../agent/cortex_options.ts";
import { decision_config } from "../agent/decision_config.ts";
import type { Config } from "../config/index.ts";
import { Cortex } from "../cortex/cortex.ts";
import type { CortexOptions } from "../cortex/self.ts";
import type { DecisionConfig } from "../decision/config.ts";
import { decide } from "../decision/decide.ts";
import { type DecisionState, initial_state } from "../decision/state.ts";
import type { Dimension } from "../model/dimension.ts";
import { OperatorError } from "../model/error.ts";
import type { Sample } from "../model/sample.ts";
import type { RowDetector, RowJudgement } from "./detector.ts";
import { resolutions } from "./resolution.ts";

/** One row is one beat of cortex time, so that its time constants are counted in rows. */
const BEAT_S = 0.1;
/** Train rows held to learn from, in numbers (16 MiB), and in rows; what comes after them is learned as it comes. */
const MOST_HELD_NUMBERS = 2_097_152;
const MOST_HELD_ROWS = 20_000;
/** Fewer rows per dimension that moves say nothing about a covariance. */
const FEWEST_ROWS_PER_DIMENSION = 4;
/** From one warm-up that did not end to the next, shorter one. */
const SHORTER = 0.9;
const NODE_BYTES = 1_073_741_824;

export interface CortexDetectorOptions {
  readonly config: Config;
  /** What one row stands for: the budgets, which are per time of the node, are converted with it. */
  readonly row_interval_s: number;
  readonly asked_alarms_per_day: number;
}

/** The agent's own judgement, row by row: the same cortex, the same decision, senses that know nothing but the row. */
export class CortexDetector implements RowDetector {
  readonly name = "hosa";
  readonly #names: readonly string[];
  #options: CortexOptions;
  readonly #decision: DecisionConfig;
  #held: Float64Array[] | null = [];
  /** Rows missing before a held one, by its place. */
  readonly #held_skips = new Map<number, number>();
  #constant: readonly string[] = [];
  #core: { readonly cortex: Cortex; readonly dimensions: readonly Dimension[] } | null = null;
  #state: DecisionState = initial_state(0);
  #beats = 0;
  #threshold = Number.POSITIVE_INFINITY;

  constructor(names: readonly string[], { config, row_interval_s, asked_alarms_per_day }: CortexDetectorOptions) {
    this.#names = names;
    this.#decision = decision_config(config, "/");
    const options = cortex_options(config);
    const stretch = row_interval_s / BEAT_S;
    const budgets = {
      vigilance_per_s: (asked_alarms_per_day / 86_400) * stretch,
      intervention_per_s: options.budgets.intervention_per_s * stretch,
    };
    const opinions =
      options.opinions === null
        ? null
        : { every_s: BEAT_S, row_s: row_interval_s, alarms_per_s: asked_alarms_per_day / 86_400 };
    this.#options = { ...options, budgets, opinions };
  }

  get threshold(): number {
    return this.#threshold;
  }

  get constant(): readonly string[] {
    return this.#constant;
  }

  get scored_by(): "opinions" | "distance" {
    return this.#options.opinions === null ? "distance" : "opinions";
  }

  learn(x: Float64Array): void {
    if (this.#held === null) {
      this.score(x);
      return;
    }
    this.#held.push(x.slice());
    const { length } = this.#held;
    if (length >= MOST_HELD_ROWS || length * x.length >= MOST_HELD_NUMBERS) this.finish_warmup();
  }

  finish_warmup(): void {
    if (this.#held === null) return;
    const rows = this.#held;
    this.#held = null;
    const { resolution, constant } = resolutions(rows);
    this.#constant = this.#names.filter((_name, j) => constant[j]);
    const fewest = fewest_rows(this.#names.length, this.#names.length - this.#constant.length);
    if (rows.length < fewest) throw too_few(`${rows.length} train rows`, fewest, this.#names.length);
    const dimensions = this.#names.map((name, j): Dimension => {
      return { name, unit: "–", resource: "cpu", load_sign: 0, scale: "linear", resolution: resolution[j] ?? 1 };
    });
    const cortex = this.#learned(dimensions, rows, fewest);
    if (cortex === null) {
      throw too_few(`${rows.length} train rows, fewer than ${fewest} of them regular`, fewest, this.#names.length);
    }
    if (this.#options.opinions === null || cortex.opinions_ready) return;
    // Scores of two kinds in one file could not be ranked: D̄ alone judges all of it.
    this.#options = { ...this.#options, opinions: null };
    this.#learned(dimensions, rows, fewest);
  }

  skip(rows: number): void {
    if (this.#held !== null) {
      this.#held_skips.set(this.#held.length, rows);
      return;
    }
    this.#pass(rows);
  }

  score(x: Float64Array): RowJudgement {
    if (this.#core === null) throw new Error("Cannot judge a row before the warm-up is finished");
    const { cortex, dimensions } = this.#core;
    const t_ns = ++this.#beats * BEAT_S * 1e9;
    const assessment = cortex.assess(sample_of(x, dimensions, t_ns, this.#beats), NOTHING);
    const { decision, state } = decide(assessment, this.#state, this.#decision, t_ns);
    this.#state = state;
    cortex.learn(decision.level, decision.habituates);
    const { opinions, d_smooth, thresholds, contribution } = assessment;
    const score = opinions?.score ?? d_smooth;
    this.#threshold = opinions?.theta ?? thresholds.theta[0];
    return { score, alarm: score > this.#threshold, level: decision.level, contribution };
  }

  /**
   * Learns the train rows. The warm-up ends with the last of them, or sooner where some were too odd to be learned: how many that
   * are depends on where it ends, so that a few ends are tried. Null: fewer than `fewest` rows were learned.
   */
  #learned(dimensions: readonly Dimension[], rows: readonly Float64Array[], fewest: number): Cortex | null {
    let samples = rows.length;
    for (;;) {
      const cortex = this.#warm_up(dimensions, rows, samples);
      if (cortex.save().warm) return cortex;
      if (samples <= fewest) return null;
      const learned = cortex.baseline().learned_samples;
      const sooner = samples === rows.length && learned >= fewest ? learned : Math.floor(SHORTER * samples);
      samples = Math.max(fewest, Math.min(samples - 1, sooner));
    }
  }

  #warm_up(dimensions: readonly Dimension[], rows: readonly Float64Array[], samples: number): Cortex {
    // Half a beat less, so that a rounding error of the sum cannot leave the last row to wait for one more.
    const cortex = new Cortex(dimensions, { ...this.#options, warmup_s: (samples - 0.5) * BEAT_S });
    this.#core = { cortex, dimensions };
    this.#state = initial_state(0);
    this.#beats = 0;
    for (const [place, row] of rows.entries()) {
      this.#pass(this.#held_skips.get(place) ?? 0);
      this.score(row);
    }
    cortex.finish_learning();
    return cortex;
  }

  #pass(rows: number): void {
    if (rows === 0 || this.#core === null) return;
    this.#beats += rows;
    this.#core.cortex.miss_rows(rows);
  }
}

const NOTHING = { search: null, containments: [] } as const;

/** A node of which nothing but the row is known: nothing grows, nobody stalls, so no level above 1 is reached. */
function sample_of(x: Float64Array, dimensions: readonly Dimension[], t_ns: number, sequence: number): Sample {
  return {
    t_ns,
    sequence,
    dimensions,
    x,
    node_memory: { total_bytes: NODE_BYTES, available_bytes: NODE_BYTES },
    stall: { cpu: null, memory: null, io: null },
    cgroups_at_ns: t_ns,
    cgroups: [],
    gone: [],
    oom_kills: 0,
  };
}

/** Enough for the covariance of what moves, and for a distance to be measured at all. */
function fewest_rows(dimensions: number, moving: number): number {
  return Math.max(FEWEST_ROWS_PER_DIMENSION * moving, 2 * dimensions + 1);
}

function too_few(found: string, fewest: number, dimensions: number): OperatorError {
  const hint = `Give at least ${fewest} regular train rows.`;
  return new OperatorError(`cannot learn from ${found}: ${dimensions} dimensions need ${fewest}`, 2, hint);
}
