import { Allowance } from "./allowance.ts";
import { OPINION_NAMES, row_products } from "./distances.ts";
import { History } from "./history.ts";
import { MOST_ROWS } from "./learned_rows.ts";
import type { OpinionOptions } from "./options.ts";
import { find_season } from "./season.ts";
import { type Learned, study } from "./study.ts";

/** Autocorrelation at the period that makes a dimension seasonal. */
const SEASON_CORRELATION = 0.25;
/** What is learned anew may cost with each row as much as so many rows do: so it soon catches up with them. */
const ALLOWED_ROWS = 8;
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

/**
 * Detectors that vote beside D_M (SPEC §10): distances from a learned self (`Distances`), of which each votes −log p, and a
 * threshold on the sum (`Votes`). A row is scored before it may be learned.
 *
 * State is bounded: 10,000 rows of history beside what those hold. A row allocates nothing and costs the same at any age. Whenever
 * twice as much is known as the last time, the season is sought, and where it is another one the self is learned anew: a little with
 * each row, while the one before judges on.
 */
export class Opinions {
  /** −log p of each opinion on the row last scored, nats. */
  readonly votes = new Float64Array(OPINION_NAMES.length);
  readonly #options: OpinionOptions;
  readonly #resolution: Float64Array;
  readonly #history: History;
  readonly #allowance = new Allowance();
  readonly #allowed_products: number;
  #learned: Learned | null = null;
  /** What is being learned anew; null: nothing. */
  #errand: Generator<void, void> | null = null;
  #searched = 0;
  #row = 0;
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
    this.#options = options;
    this.#resolution = resolution;
    this.#history = new History(resolution.length, MOST_ROWS);
    this.#allowed_products = ALLOWED_ROWS * row_products(resolution.length);
  }

  /** Fewest rows of warm-up from which a self can be learned. */
  get needed_rows(): number {
    return Math.max(4 * this.#resolution.length, 20 * this.#options.block_rows);
  }

  /** Rows of warm-up so far. */
  get known_rows(): number {
    return this.#history.count;
  }

  /** Whether rows are scored: a self was learned from the warm-up. */
  get ready(): boolean {
    return this.#learned !== null;
  }

  get theta(): number {
    return this.#learned?.votes.theta ?? Number.POSITIVE_INFINITY;
  }

  /** Sum of the votes on the row last scored, nats. */
  get total(): number {
    return this.#score;
  }

  get alarm(): boolean {
    return this.#score > this.theta;
  }

  /** Rows of the season found; null when there is none. */
  get period_rows(): number | null {
    return this.#learned?.distances.period_rows ?? null;
  }

  /** A row of the warm-up: kept, and learned when the self is, unless it is odd. */
  warm(x: Float64Array, odd: boolean): void {
    this.#history.push(x, odd);
    this.#go_on(this.#allowed_products);
  }

  /** Where enough is known and twice as much as the last time, begin to learn the self anew; the first one ends the warm-up. */
  begin(): void {
    if (this.#history.count >= Math.max(this.needed_rows, 2 * this.#searched)) this.#errand ??= this.#learn_anew();
  }

  /** Do at once the rest of what has begun; for where no beat waits. */
  finish(): void {
    while (this.#errand !== null) this.#go_on(Number.POSITIVE_INFINITY);
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
    const n = this.#resolution.length;
    const x = new Float64Array(n);
    for (let row = 0; row < odd.length; row++) {
      for (let j = 0; j < n; j++) x[j] = rows[row * n + j]!;
      this.#history.push(x, odd[row] === 1);
    }
    this.begin();
    this.finish();
    this.#row += missed_rows;
    this.#learned?.distances.interrupt();
  }

  /** Rows that did not come: they keep their place in time (at most so many as half a history), and teach nothing. @param last the row before them */
  miss(last: Float64Array, rows: number): void {
    if (this.#history.count === 0) return;
    for (let row = 0; row < Math.min(rows, MOST_ROWS / 2); row++) this.#history.push(last, true);
    if (this.#learned === null) return;
    this.#row += rows;
    this.#learned.distances.interrupt();
  }

  /** Judges a row; nothing of the self is learned. Returns the sum of the votes, nats. */
  score(x: Float64Array): number {
    const { distances, votes } = this.#known();
    distances.measure(x, this.#row);
    this.#score = votes.judge_into(this.votes, distances.smooth);
    return this.#score;
  }

  /** Learn the row just scored where it was judged normal. @param incident nothing of an incident is ever normal */
  learn(x: Float64Array, incident: boolean): void {
    const { distances, votes } = this.#known();
    const { block_rows } = this.#options;
    const alarm = this.alarm || incident;
    const odd = alarm || this.#score > GATE * this.#first_theta;
    const stranger = odd ? this.#strangeness + 1 : this.#strangeness - HABITUATION_RELIEF;
    this.#strangeness = Math.min(HABITUATION_ROWS + 1, Math.max(0, stranger));
    const healthy = !odd && this.#healthy_rows >= CONVALESCENCE_ROWS;
    const normal = !incident && (healthy || this.#strangeness > HABITUATION_ROWS);
    if (normal) distances.learn(x, this.#row);
    if (healthy) votes.remember(distances.smooth);
    this.#healthy_rows = odd ? 0 : this.#healthy_rows + 1;
    this.#calm_rows = alarm ? 0 : this.#calm_rows + 1;
    this.#run_rows = this.#calm_rows > block_rows ? 0 : this.#run_rows + 1;
    if (!incident && this.#run_rows <= TEACHING_BLOCKS * block_rows) votes.note(this.#score);
    this.#row += 1;
    this.#history.push(x, !normal);
    votes.follow();
    this.begin();
    this.#go_on(this.#allowed_products);
  }

  #known(): Learned {
    if (this.#learned === null) throw new Error("Cannot judge a row before a self is learned");
    return this.#learned;
  }

  #go_on(products: number): void {
    if (this.#errand === null) return;
    this.#allowance.renew(products);
    if (this.#errand.next().done === true) this.#errand = null;
  }

  /** A season longer than the warm-up shows itself later, and more exactly; a self that has it already stays. */
  *#learn_anew(): Generator<void, void> {
    const history = this.#history;
    const { count } = history;
    this.#searched = count;
    const n = this.#resolution.length;
    const season = yield* find_season(history.rows(), count, n, SEASON_CORRELATION, this.#allowance);
    if (this.#learned !== null && (season === null || season.period_rows === this.period_rows)) return;
    const learned = yield* study(history, season, this.#resolution, this.#options, this.#allowance);
    if (learned === null) {
      this.#searched = 0;
      return;
    }
    this.#learned = learned;
    this.#row = learned.next_row;
    this.#first_theta = learned.votes.theta;
  }
}
