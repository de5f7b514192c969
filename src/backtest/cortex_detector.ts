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
/** Fewer rows per dimension say nothing about a covariance. */
const FEWEST_ROWS_PER_DIMENSION = 4;
const NODE_BYTES = 1_073_741_824;

export interface CortexDetectorOptions {
  readonly config: Config;
  /** What one row stands for: the budgets, which are per time of the node, are converted with it. */
  readonly row_interval_s: number;
  readonly vigilance_per_day: number;
}

/** The agent's own judgement, row by row: the same cortex, the same decision, senses that know nothing but the row. */
export class CortexDetector implements RowDetector {
  readonly #names: readonly string[];
  readonly #options: CortexOptions;
  readonly #decision: DecisionConfig;
  #held: Float64Array[] | null = [];
  #constant: readonly string[] = [];
  #core: { readonly cortex: Cortex; readonly dimensions: readonly Dimension[] } | null = null;
  #state: DecisionState = initial_state(0);
  #beats = 0;
  #threshold = Number.POSITIVE_INFINITY;

  constructor(names: readonly string[], { config, row_interval_s, vigilance_per_day }: CortexDetectorOptions) {
    this.#names = names;
    this.#decision = decision_config(config, "/");
    const options = cortex_options(config);
    const stretch = row_interval_s / BEAT_S;
    const budgets = {
      vigilance_per_s: (vigilance_per_day / 86_400) * stretch,
      intervention_per_s: options.budgets.intervention_per_s * stretch,
    };
    const opinions =
      options.opinions === null
        ? null
        : { every_s: BEAT_S, row_s: row_interval_s, alarms_per_s: vigilance_per_day / 86_400 };
    this.#options = { ...options, budgets, opinions };
  }

  get threshold(): number {
    return this.#threshold;
  }

  get constant(): readonly string[] {
    return this.#constant;
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
    const fewest = FEWEST_ROWS_PER_DIMENSION * this.#names.length;
    if (rows.length < fewest) throw too_few(`${rows.length} train rows for ${this.#names.length} dimensions`, fewest);
    const { resolution, constant } = resolutions(rows);
    this.#constant = this.#names.filter((_name, j) => constant[j]);
    const dimensions = this.#names.map((name, j): Dimension => {
      return { name, unit: "–", resource: "cpu", load_sign: 0, scale: "linear", resolution: resolution[j] ?? 1 };
    });
    // The warm-up ends with the last of these rows, or sooner when some of them were too odd to be learned.
    const cortex = this.#warm_up(dimensions, rows, rows.length);
    if (cortex.save().warm) return;
    const learned = cortex.baseline().learned_samples;
    if (learned < fewest || !this.#warm_up(dimensions, rows, learned).save().warm) {
      throw too_few(`only ${learned} of ${rows.length} train rows are regular enough to learn from`, fewest);
    }
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

  #warm_up(dimensions: readonly Dimension[], rows: readonly Float64Array[], samples: number): Cortex {
    // Half a beat less, so that a rounding error of the sum cannot leave the last row to wait for one more.
    const cortex = new Cortex(dimensions, { ...this.#options, warmup_s: (samples - 0.5) * BEAT_S });
    this.#core = { cortex, dimensions };
    this.#state = initial_state(0);
    this.#beats = 0;
    for (const row of rows) this.score(row);
    cortex.finish_learning();
    return cortex;
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

function too_few(what: string, fewest: number): OperatorError {
  return new OperatorError(`cannot learn from ${what}`, 2, `Give at least ${fewest} rows with split train.`);
}
