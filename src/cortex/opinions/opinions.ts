import { BlockMaxima } from "./block_maxima.ts";
import { History } from "./history.ts";
import { LearnedMetric } from "./learned_metric.ts";
import { MOST_ROWS } from "./learned_rows.ts";
import { Neighbours } from "./neighbours.ts";
import type { OpinionOptions } from "./options.ts";
import { Profile } from "./profile.ts";
import { room_for } from "./room.ts";
import { find_season, type Season } from "./season.ts";
import { Surprise } from "./surprise.ts";

/** Weight of a new distance in its smoothed value; between .2 and .4 it hardly matters. */
const ALPHA = 0.3;
/** Memories of the forecasts, as weight of a new row: a jump, a step, a ramp and a slow drift each have one that suits. */
const MEMORIES = [1, 1 / 4, 1 / 16, 1 / 64] as const;
/** The errors of a forecast are spiky: the weak directions of their correlation are noise. */
const INNOVATION_LAMBDA = 10;
const HALF_LIFE_ROWS = 36_000;
const RESERVOIR_ROWS = 200;
const RESERVOIR_STRIDE = 40;
const NEIGHBOUR = 5;
/** Autocorrelation at the period that makes a dimension seasonal; weight of a new period; half-width of a bin, in bins. */
const SEASON = { correlation: 0.25, gain: 0.15, spread_bins: 6 } as const;
const TAIL_ROWS = 16_384;
const REFIT_ROWS = 288;
const THRESHOLD_BLOCKS = 336;
/** If alarms taught the threshold nothing it would shrink with each refit; if a day-long one did, it would grow blind. */
const TEACHING_BLOCKS = 6;
/**
 * What is this far beyond the θ of a clean history teaches nothing. The θ of the day keeps the number of alarms, so incidents more
 * frequent than that raise it above themselves; without a gate of its own the self would learn them.
 */
const GATE = 1.5;
/** Odd rows, less three for each that is not, after which the new state is learned all the same. */
const HABITUATION_ROWS = 288;
const HABITUATION_RELIEF = 3;
/** After an alarm the next rows still contain its end, or are the lull of one that goes on. */
const CONVALESCENCE_ROWS = 12;

/** The names of the opinions, in the order of `votes`. */
export const OPINION_NAMES: readonly string[] = [
  "level",
  "neighbours",
  ...MEMORIES.map((memory) => `innovation_${Math.round(1 / memory)}`),
];

/**
 * Detectors that vote beside D_M (SPEC §10): the Mahalanobis distance of the level without its season, the distance to the
 * fifth nearest of the learned self, and the innovations against forecasts of four memories. Each smoothed distance becomes
 * −log p against its own past; their sum (Fisher 1932) is judged against a threshold that keeps the promised number of
 * alarms. A row is scored before it may be learned.
 *
 * State is bounded: 10,000 rows of history, 200 of the reservoir, 16,384 votes, 336 block maxima, one season of at most
 * 288 phases. A row costs 5 O(n²) + O(200 n) and allocates nothing; fits come every 288 rows, and the season is looked
 * for whenever twice as much is known as the last time.
 */
export class Opinions {
  /** −log p of each opinion on the row last scored, nats. */
  readonly votes = new Float64Array(OPINION_NAMES.length);
  readonly #n: number;
  readonly #options: OpinionOptions;
  readonly #resolution: Float64Array;
  readonly #history: History;
  readonly #forecasts: readonly Float64Array[];
  readonly #errors: readonly Float64Array[];
  readonly #residual: Float64Array;
  readonly #centred: Float64Array;
  readonly #distance = new Float64Array(OPINION_NAMES.length);
  readonly #smooth = new Float64Array(OPINION_NAMES.length);
  readonly #surprises = OPINION_NAMES.map(() => new Surprise());
  readonly #maxima: BlockMaxima;
  readonly #tails: History;
  /** Of the fits; kept, because the next one needs them again. */
  #column: Float64Array = new Float64Array(0);
  #total: Float64Array = new Float64Array(0);
  #level: LearnedMetric | null = null;
  #neighbours: Neighbours | null = null;
  #innovations: LearnedMetric[] = [];
  #profile: Profile | null = null;
  #searched = 0;
  #row = 0;
  #seen = 0;
  #since_fit = 0;
  #theta = Number.POSITIVE_INFINITY;
  #score = 0;
  /** θ when the self was last learned from its history, which holds normal rows only. */
  #first_theta = Number.POSITIVE_INFINITY;
  /** How close the odd rows are to being a state of their own; 0..HABITUATION_ROWS + 1. */
  #strangeness = 0;
  /** Rows since the last odd one. */
  #healthy_rows = CONVALESCENCE_ROWS;
  /** Rows since the present alarm began, and since its last alarming row. */
  #run_rows = 0;
  #calm_rows = CONVALESCENCE_ROWS;

  /** @param resolution smallest believed standard deviation of each dimension, in the units of x */
  constructor(resolution: Float64Array, options: OpinionOptions) {
    const n = resolution.length;
    this.#n = n;
    this.#options = options;
    this.#resolution = resolution;
    this.#history = new History(n, MOST_ROWS);
    this.#forecasts = MEMORIES.map(() => new Float64Array(n));
    this.#errors = MEMORIES.map(() => new Float64Array(n));
    this.#residual = new Float64Array(n);
    this.#centred = new Float64Array(n);
    this.#maxima = new BlockMaxima(options.block_rows, THRESHOLD_BLOCKS);
    this.#tails = new History(OPINION_NAMES.length, TAIL_ROWS);
  }

  /** Fewest rows of warm-up from which a self can be learned. */
  get needed_rows(): number {
    return Math.max(4 * this.#n, 20 * this.#options.block_rows);
  }

  /** Rows of warm-up so far. */
  get known_rows(): number {
    return this.#history.count;
  }

  /** Whether rows are scored: the warm-up has been concluded. */
  get ready(): boolean {
    return this.#level !== null;
  }

  get theta(): number {
    return this.#theta;
  }

  /** Sum of the votes on the row last scored, nats. */
  get total(): number {
    return this.#score;
  }

  get alarm(): boolean {
    return this.#score > this.#theta;
  }

  /** Rows of the season found; null when there is none. */
  get period_rows(): number | null {
    return this.#profile?.period_rows ?? null;
  }

  /** A row of the warm-up: kept, learned when it is concluded unless it is odd. */
  warm(x: Float64Array, odd: boolean): void {
    this.#history.push(x, odd);
  }

  /** The warm-up is over: from here on rows are scored. Throws RangeError when it was too short to learn from. */
  conclude_warmup(): void {
    if (this.#history.count < this.needed_rows) {
      throw new RangeError(`Cannot learn a self from ${this.#history.count} rows: ${this.needed_rows} are needed`);
    }
    this.#relearn(this.#find_season());
  }

  /** The last rows, oldest first, in single precision, and which of them were not learned as normal. */
  snapshot(): { readonly rows: Float32Array; readonly odd: Uint8Array } {
    const { rows, alarm } = this.#history.snapshot();
    return { rows, odd: alarm };
  }

  /**
   * The rows of an earlier run, before any of this one: where they suffice, the self is learned from them at once, else they are
   * a part of the warm-up. Filters begin anew, because nobody knows what came between.
   *
   * @param rows row-major; checked by `rows_refusal`
   * @param missed_rows that came and went unseen meanwhile: the season went on without us
   */
  take_up(rows: Float32Array, odd: Uint8Array, missed_rows: number): void {
    const n = this.#n;
    const x = new Float64Array(n);
    for (let row = 0; row < odd.length; row++) {
      for (let j = 0; j < n; j++) x[j] = rows[row * n + j]!;
      this.#history.push(x, odd[row] === 1);
    }
    if (this.#history.count < this.needed_rows) return;
    this.conclude_warmup();
    this.#row += missed_rows;
    this.#seen = 0;
  }

  /** Judges a row; nothing of the self is learned. Returns the sum of the votes, nats. */
  score(x: Float64Array): number {
    this.#measure(x);
    let total = 0;
    for (let k = 0; k < this.votes.length; k++) {
      this.votes[k] = this.#surprises[k]!.of(this.#smooth[k]!);
      total += this.votes[k]!;
    }
    this.#score = total;
    return total;
  }

  /** Learn the row just scored where it was judged normal. @param incident nothing of an incident is ever normal */
  learn(x: Float64Array, incident: boolean): void {
    const { block_rows } = this.#options;
    const alarm = this.alarm || incident;
    const odd = alarm || this.#score > GATE * this.#first_theta;
    const stranger = odd ? this.#strangeness + 1 : this.#strangeness - HABITUATION_RELIEF;
    this.#strangeness = Math.min(HABITUATION_ROWS + 1, Math.max(0, stranger));
    const healthy = !odd && this.#healthy_rows >= CONVALESCENCE_ROWS;
    const normal = !incident && (healthy || this.#strangeness > HABITUATION_ROWS);
    if (normal) {
      this.#learn_self();
      this.#profile?.learn(x, this.#row);
    }
    if (healthy) this.#tails.push(this.#smooth, false);
    this.#healthy_rows = odd ? 0 : this.#healthy_rows + 1;
    this.#calm_rows = alarm ? 0 : this.#calm_rows + 1;
    this.#run_rows = this.#calm_rows > block_rows ? 0 : this.#run_rows + 1;
    if (!incident && this.#run_rows <= TEACHING_BLOCKS * block_rows) this.#maxima.note(this.#score);
    this.#row += 1;
    this.#since_fit += 1;
    this.#history.push(x, !normal);
    // A season longer than the warm-up shows itself later, and more exactly: look again when twice as much is known.
    const season = this.#history.count >= 2 * this.#searched ? this.#find_season() : null;
    if (season !== null && season.period_rows !== this.period_rows) this.#relearn(season);
    else if (this.#since_fit >= REFIT_ROWS) this.#fit();
  }

  #find_season(): Season | null {
    this.#searched = this.#history.count;
    return find_season(this.#history.rows(), this.#history.count, this.#n, SEASON.correlation);
  }

  /** Learn the self anew from the history: the season first, then all that lives on what the season leaves. */
  #relearn(season: Season | null): void {
    const n = this.#n;
    const count = this.#history.count;
    const rows = this.#history.rows();
    const floor = believed_floor(rows, this.#history, this.#resolution);
    this.#level = new LearnedMetric(floor, this.#options.lambda, HALF_LIFE_ROWS);
    this.#neighbours = new Neighbours(floor, RESERVOIR_ROWS, NEIGHBOUR, RESERVOIR_STRIDE, HALF_LIFE_ROWS);
    this.#innovations = MEMORIES.map(() => new LearnedMetric(floor, INNOVATION_LAMBDA, HALF_LIFE_ROWS));
    this.#profile = season === null ? null : new Profile(season, SEASON.gain, SEASON.spread_bins);
    const start = this.#profile?.period_rows ?? 0;
    const mature = start + Math.floor((count - start) / 3);
    const x = new Float64Array(n);
    this.#seen = 0;
    this.#tails.clear();
    this.#maxima.clear();
    for (this.#row = 0; this.#row < count; this.#row++) {
      x.set(rows.subarray(this.#row * n, (this.#row + 1) * n));
      const alarm = this.#history.alarm(this.#row);
      if (this.#row >= start) {
        this.#measure(x);
        if (this.#row >= mature && !alarm) this.#tails.push(this.#smooth, false);
        if (!alarm) this.#learn_self();
      }
      if (!alarm) this.#profile?.learn(x, this.#row);
    }
    this.#fit();
    this.#first_theta = this.#theta;
  }

  #measure(x: Float64Array): void {
    const level = this.#level;
    const neighbours = this.#neighbours;
    if (level === null || neighbours === null) throw new Error("Cannot score a row before the warm-up is concluded");
    const residual = this.#residual;
    if (this.#profile === null) residual.set(x);
    else this.#profile.residual_into(residual, x, this.#row);
    this.#forecast(this.#seen === 0);
    for (let j = 0; j < this.#n; j++) this.#centred[j] = residual[j]! - level.mean[j]!;
    this.#distance[0] = level.distance(residual);
    this.#distance[1] = neighbours.distance(this.#centred);
    for (let i = 0; i < MEMORIES.length; i++) {
      this.#distance[2 + i] = this.#innovations[i]!.distance(this.#errors[i]!);
    }
    const alpha = this.#seen === 0 ? 1 : ALPHA;
    for (let k = 0; k < this.#smooth.length; k++) {
      this.#smooth[k] = this.#smooth[k]! + alpha * (this.#distance[k]! - this.#smooth[k]!);
    }
    this.#seen += 1;
  }

  /** Forecasts follow in alarm too: they are filters, not a self. */
  #forecast(first: boolean): void {
    const residual = this.#residual;
    for (let i = 0; i < MEMORIES.length; i++) {
      const forecast = this.#forecasts[i]!;
      const error = this.#errors[i]!;
      if (first) forecast.set(residual);
      for (let j = 0; j < residual.length; j++) {
        error[j] = residual[j]! - forecast[j]!;
        forecast[j] = forecast[j]! + MEMORIES[i]! * error[j]!;
      }
    }
  }

  #learn_self(): void {
    this.#level?.learn(this.#residual, this.#distance[0]!);
    this.#neighbours?.learn(this.#centred);
    for (let i = 0; i < MEMORIES.length; i++) this.#innovations[i]!.learn(this.#errors[i]!, this.#distance[2 + i]!);
  }

  /** Fit the tails of the opinions, then the threshold on their sum. */
  #fit(): void {
    const count = this.#tails.count;
    this.#column = room_for(this.#column, count);
    this.#total = room_for(this.#total, count);
    const column = this.#column.subarray(0, count);
    const total = this.#total.subarray(0, count).fill(0);
    for (let k = 0; k < this.#surprises.length; k++) {
      this.#tails.column_into(column, k);
      this.#surprises[k]!.fit(column);
      for (let i = 0; i < count; i++) total[i]! += this.#surprises[k]!.of(column[i]!);
    }
    if (this.#maxima.count === 0) for (let i = 0; i < count; i++) this.#maxima.note(total[i]!);
    const { alarms_per_s, row_s, block_rows } = this.#options;
    this.#theta = this.#maxima.threshold(alarms_per_s * row_s * block_rows) ?? Number.POSITIVE_INFINITY;
    this.#since_fit = 0;
  }
}

/** A part of the range seen, so that a dimension that hardly moved is strange when it moves, but not infinitely so. */
const RANGE_PART = 0.01;

function believed_floor(rows: Float64Array, history: History, resolution: Float64Array): Float64Array {
  const n = resolution.length;
  const floor = new Float64Array(n);
  for (let j = 0; j < n; j++) {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < history.count; k++) {
      if (history.alarm(k)) continue;
      low = Math.min(low, rows[k * n + j]!);
      high = Math.max(high, rows[k * n + j]!);
    }
    floor[j] = Math.max(resolution[j]!, RANGE_PART * (high - low));
  }
  return floor;
}
