import type { Assessment, KernelMemory, LeaderStall, OpinionAssessment, Thresholds } from "../model/assessment.ts";
import type { Attribution } from "../model/attribution.ts";
import type { ContainmentObservation } from "../model/containment.ts";
import type { OperatorRelease } from "../model/control.ts";
import { type Dimension, scaled } from "../model/dimension.ts";
import type { PauseInput } from "../model/pause.ts";
import type { Maybe, Sample } from "../model/sample.ts";
import type { ThreadSearch } from "../model/search.ts";
import type { WarmupProgress } from "../model/warmup.ts";
import { CalmClock } from "./calm.ts";
import { ChangeTracker } from "./change.ts";
import { contributions_into, dominant_into } from "./contribution.ts";
import { Deformation, SYSCALL_MIX } from "./deformation.ts";
import { Derivative } from "./derivative.ts";
import { Ewma, SMALLEST_ALPHA } from "./ewma.ts";
import type { RobustEstimate } from "./fast_mcd.ts";
import type { Crowding } from "./followed.ts";
import { blank_form, type Form } from "./form.ts";
import { GrowthTracker } from "./growth.ts";
import { Kurtosis, normal_kurtosis } from "./kurtosis.ts";
import { Mahalanobis } from "./mahalanobis.ts";
import { named_votes } from "./opinions/distances.ts";
import { type LearnedRows, ROWS_VERSION, rows_refusal } from "./opinions/learned_rows.ts";
import { Opinions } from "./opinions/opinions.ts";
import { opinion_options } from "./opinions/options.ts";
import { load_direction } from "./phi.ts";
import { plain_into } from "./plain.ts";
import { far_from_normal, is_incident, RobustStart } from "./robust.ts";
import { type BaselineReport, type CortexOptions, type LearnedSelf, refusal, SELF_VERSION } from "./self.ts";
import { StallTails } from "./stall.ts";
import type { TailFit } from "./tail.ts";
import { ThetaLearner } from "./theta_learner.ts";
import { basis_of, fixed_theta, floor_theta, refitted_theta, type Theta, warmup_theta } from "./thresholds.ts";
import { LEARNING_PERIOD_S, Warmup } from "./warmup.ts";
import { Welford } from "./welford.ts";

/** A beat may come a little early and still be the next one. */
const LEARNING_TOLERANCE = 0.95;
/** Time in which nothing was learned (an anomaly, a sleep of the machine) is not time in which to forget. */
const LONGEST_STEP_S = 1;
/** After an anomaly the next samples still contain its end. */
const CONVALESCENCE_S = 1;
/** While warming up, a sample this many times beyond the floor of θ1 is left out … */
const GROSS_OUTLIER = 4;
/** … unless it is one of so many in a row that it is the new normal. */
const MOST_OUTLIERS_IN_A_ROW = 20;

/** What a beat knows beside the sample: results of what earlier decisions asked for. */
export interface Extras {
  readonly search: Maybe<ThreadSearch>;
  readonly containments: readonly ContainmentObservation[];
  readonly leader_stall?: Maybe<LeaderStall>;
  readonly kernel_memory?: Maybe<KernelMemory>;
  readonly arrivals_per_s?: Maybe<number>;
  readonly releases?: readonly OperatorRelease[] | undefined;
  readonly pause?: PauseInput | undefined;
  readonly attribution?: Attribution | undefined;
}

/** Judges samples against the learned self: vectors in, `Assessment` out, nothing else touched. */
export class Cortex {
  readonly #dimensions: readonly Dimension[];
  readonly #names: readonly string[];
  readonly #load_sign: readonly number[];
  readonly #options: CortexOptions;
  readonly #fixed: Theta | null;
  readonly #floor: Theta;
  #moments: Welford;
  readonly #metric: Mahalanobis;
  readonly #kurtosis: Kurtosis;
  readonly #stalls: StallTails;
  readonly #growth: GrowthTracker;
  readonly #changes: ChangeTracker;
  readonly #slope_of = (id: number) => this.#growth.slope_of(id);
  readonly #tail: ThetaLearner;
  readonly #derivative = new Derivative();
  readonly #calm = new CalmClock();
  readonly #deformation: Deformation;
  readonly #x: Float64Array;
  readonly #contribution: Float64Array;
  readonly #opinions: Opinions | null;
  #opinion: OpinionAssessment | null = null;
  #asked_ns = Number.NEGATIVE_INFINITY;
  #asked = false;
  #warmup: Warmup | null;
  #robust_start: RobustStart | null;
  #robust: RobustEstimate | null = null;
  #ewma = new Ewma(SMALLEST_ALPHA, LEARNING_PERIOD_S);
  #theta: Theta;
  /** The object handed out with every assessment until the thresholds change. */
  #thresholds: Thresholds;
  #fit: TailFit | null = null;
  #assessed_ns: number | null = null;
  #learned_ns: number | null = null;
  #anomaly_ns = Number.NEGATIVE_INFINITY;
  #outliers_in_a_row = 0;
  #distance: number | null = null;

  /** Throws RangeError on options that make no sense. */
  constructor(dimensions: readonly Dimension[], options: CortexOptions, self?: LearnedSelf) {
    const n = dimensions.length;
    this.#dimensions = dimensions;
    this.#names = Object.freeze(dimensions.map((dimension) => dimension.name));
    this.#load_sign = dimensions.map((dimension) => dimension.load_sign);
    this.#options = options;
    this.#fixed = options.thresholds === "learned" ? null : fixed_theta(options.thresholds);
    this.#floor = floor_theta(n);
    this.#theta = warmup_theta(n);
    this.#thresholds = this.#in_force();
    this.#warmup = self === undefined ? new Warmup(options.warmup_s) : null;
    this.#robust_start = self === undefined ? new RobustStart(n) : null;
    this.#moments = self === undefined ? new Welford(n, options.half_life_s) : Welford.restore(self.moments);
    const resolutions = dimensions.map((dimension) => dimension.resolution);
    this.#metric = new Mahalanobis(resolutions, options.lambda);
    this.#kurtosis = new Kurtosis(n, options.half_life_s, self?.kurtosis);
    this.#stalls = new StallTails(options.half_life_s, self?.stalls);
    this.#growth = new GrowthTracker(options.half_life_s, self?.growth);
    this.#changes = new ChangeTracker(options.half_life_s);
    this.#tail = new ThetaLearner(self?.tail);
    const { opinions, lambda } = options;
    const rules = opinions === null ? null : opinion_options(opinions.row_s, lambda, opinions.alarms_per_s);
    this.#opinions = rules === null ? null : new Opinions(Float64Array.from(resolutions), rules);
    this.#deformation = new Deformation(this.#names.indexOf(SYSCALL_MIX));
    this.#x = new Float64Array(n);
    this.#contribution = new Float64Array(n);
    if (self === undefined) return;
    this.#set_theta(self.theta, self.fit);
    this.#ewma = new Ewma(self.alpha, LEARNING_PERIOD_S);
    this.#metric.factorize(this.#moments);
  }

  /** Null once this node is known. */
  get warmup(): WarmupProgress | null {
    return this.#warmup?.progress ?? null;
  }

  /** Take up a saved self, or say why it cannot be taken up here. */
  static restore(
    dimensions: readonly Dimension[],
    options: CortexOptions,
    self: LearnedSelf,
  ): { readonly cortex: Cortex } | { readonly refused: string } {
    const refused = refusal(self, dimensions, options);
    if (refused !== null) return { refused };
    try {
      return { cortex: new Cortex(dimensions, options, self) };
    } catch (error) {
      // The configuration was already accepted without a self, so what fails here is the self.
      return { refused: `it is damaged: ${error instanceof Error ? error.message : String(error)}` };
    }
  }

  /**
   * Judge one sample. Throws RangeError when a dimension is missing or not finite; nothing is learned here.
   *
   * @param spent one of this cortex's assessments that nobody keeps any more (of a beat that has left the flight recorder): written over and handed
   *   out again; null: a new one is made, and never written again
   */
  assess(sample: Sample, extras: Extras, spent: Maybe<Assessment> = null): Assessment {
    this.#scale(sample);
    const dt_s = this.#assessed_ns === null ? 0 : (sample.t_ns - this.#assessed_ns) / 1e9;
    this.#assessed_ns = sample.t_ns;
    const d = this.#measure();
    const d_smooth = this.#ewma.update(d, dt_s);
    this.#derivative.update(sample.t_ns, d_smooth);
    this.#stalls.update(sample.stall);
    this.#growth.update(sample);
    this.#changes.update(sample, this.#slope_of);
    this.#ask(sample.t_ns);
    const out = spent === null ? blank_form(this.#names, this.#thresholds, sample) : (spent as Form);
    dominant_into(out.dominant, this.#contribution);
    const resource = this.#dimensions[out.dominant[0]!]!.resource;
    out.t_ns = sample.t_ns;
    plain_into(out.x, sample.x);
    plain_into(out.mean, this.#moments.mean);
    out.d = d;
    out.d_smooth = d_smooth;
    out.velocity = this.#derivative.velocity;
    out.acceleration = this.#derivative.acceleration;
    out.phi = load_direction(this.#load_sign, this.#metric.deviation);
    plain_into(out.contribution, this.#contribution);
    out.dominant_resource = resource;
    out.thresholds = this.#thresholds;
    out.opinions = this.#opinion;
    out.shape = this.#deformation.shape;
    out.warm = this.#warmup === null;
    out.learned_samples = this.#moments.count;
    out.stall = sample.stall;
    out.stall_tail = this.#stalls.get();
    out.leader_stall = extras.leader_stall ?? null;
    this.#growth.node_ttf_into(out.node_ttf, sample.node_memory.available_bytes);
    out.growth = this.#growth.assess(sample);
    out.changes = this.#changes.rank(resource);
    out.oom_kills = sample.oom_kills;
    out.kernel_memory = extras.kernel_memory ?? null;
    out.arrivals_per_s = extras.arrivals_per_s ?? null;
    out.search = extras.search;
    out.containments = extras.containments;
    out.releases = extras.releases;
    out.pause = extras.pause;
    out.attribution = extras.attribution;
    return out;
  }

  /**
   * Call after the decision with the level it chose: learns the sample just assessed when that level is 0 (up to 1
   * while warming up), at most ten times a second of kernel time, and not within a second of an anomaly.
   *
   * @param habituates the decision found a plateau that may be learned as if its level were 0
   */
  learn(decided: number, habituates = false): void {
    const t_ns = this.#assessed_ns;
    if (t_ns === null) return;
    const level = habituates ? 0 : decided;
    // What is contained or attacked is not looked at: only a plateau of level 1 may ever be learned.
    this.#deformation.follow(t_ns, decided === 1 && this.#warmup === null, this.#x, this.#moments, this.#metric.sigma);
    const normal = level === 0 || (level === 1 && this.#warmup !== null);
    this.#teach_opinions(level, normal);
    // A plateau that is being learned is an alarm still: its D̄ is not what the normal scatters by.
    this.#teach_theta(t_ns, decided);
    const step = this.#calm.advance(t_ns, normal);
    this.#stalls.learn(step);
    this.#growth.learn(step);
    this.#changes.learn(step);
    if (!normal) {
      this.#anomaly_ns = t_ns;
      return;
    }
    if ((t_ns - this.#anomaly_ns) / 1e9 < CONVALESCENCE_S) return;
    const dt_s = this.#learned_ns === null ? LEARNING_PERIOD_S : (t_ns - this.#learned_ns) / 1e9;
    if (dt_s < LEARNING_TOLERANCE * LEARNING_PERIOD_S) return;
    this.#learned_ns = t_ns;
    if (this.#is_gross_outlier()) return;
    this.#teach(Math.min(dt_s, LONGEST_STEP_S));
  }

  /** The second opinions have a slower clock: what they see takes longer to show, and a row costs them more. */
  #ask(t_ns: number): void {
    const opinions = this.#opinions;
    const every_s = this.#options.opinions?.every_s ?? Number.POSITIVE_INFINITY;
    this.#asked = opinions !== null && (t_ns - this.#asked_ns) / 1e9 >= LEARNING_TOLERANCE * every_s;
    if (opinions === null || !this.#asked) return;
    this.#asked_ns = t_ns;
    if (!opinions.ready) return;
    const score = opinions.score(this.#x);
    const { theta } = opinions;
    const said = { score, theta, votes: named_votes(opinions.votes), decide: every_s <= LEARNING_PERIOD_S };
    this.#opinion = Number.isFinite(theta) ? said : null;
  }

  #teach_opinions(level: number, normal: boolean): void {
    const opinions = this.#opinions;
    if (opinions === null || !this.#asked) return;
    if (opinions.ready) {
      opinions.learn(this.#x, level >= 2);
      return;
    }
    // A row of an anomaly keeps its place in time, but teaches nothing.
    opinions.warm(this.#x, !normal);
    if (this.#warmup === null) opinions.begin();
  }

  /** Thresholds learned in the warm-up are a beginning: what follows it knows more, and forgets what is no longer so. */
  #teach_theta(t_ns: number, level: number): void {
    const d_smooth = this.#ewma.get();
    if (this.#warmup !== null || this.#fixed !== null || d_smooth === null) return;
    if (!this.#tail.follow(t_ns, d_smooth, level, this.#theta[0])) return;
    const fit = this.#tail.fit();
    this.#set_theta(refitted_theta(fit, this.#x.length, this.#options.budgets), fit);
  }

  /** What the bounds on the cgroups that are judged have cut off: growths and changes at the latest assessment, and places. */
  get bounds(): { readonly cut: number; readonly growth: Crowding; readonly changes: Crowding } {
    const cut = this.#growth.cut + this.#changes.cut;
    return { cut, growth: this.#growth.crowding, changes: this.#changes.crowding };
  }

  save(): LearnedSelf {
    return {
      version: SELF_VERSION,
      dimensions: this.#described(),
      warm: this.#warmup === null,
      alpha: this.#ewma.alpha,
      theta: this.#theta,
      fit: this.#fit,
      tail: this.#tail.snapshot(),
      moments: this.#moments.snapshot(),
      kurtosis: this.#kurtosis.snapshot(),
      stalls: this.#stalls.snapshot(),
      growth: this.#growth.snapshot(),
    };
  }

  /** What the second opinions learn from, to be saved; null where none are asked. A copy of some hundred kilobytes. */
  learned_rows(): LearnedRows | null {
    if (this.#opinions === null || this.#options.opinions === null) return null;
    const { row_s } = this.#options.opinions;
    return { version: ROWS_VERSION, dimensions: this.#described(), row_s, ...this.#opinions.snapshot() };
  }

  /**
   * Take up the rows of an earlier run, before the first beat; or say why not, then nothing has changed.
   *
   * @param missed_s from their saving until now
   */
  take_up_rows(saved: LearnedRows, missed_s: number): string | null {
    if (this.#opinions === null || this.#options.opinions === null) return "no opinions are asked";
    const { row_s } = this.#options.opinions;
    const refused = rows_refusal(saved, this.#dimensions, row_s);
    if (refused === null) this.#opinions.take_up(saved.rows, saved.odd, Math.round(Math.max(0, missed_s) / row_s));
    return refused;
  }

  /** Learn at once what the opinions else learn a little a beat: for where no beat waits, as after the train rows of a backtest. */
  finish_learning(): void {
    if (this.#warmup !== null) return;
    this.#opinions?.begin();
    this.#opinions?.finish();
  }

  /** Whether the second opinions judge the next sample. */
  get opinions_ready(): boolean {
    return this.#opinions?.ready === true;
  }

  /** Rows that should have come after the last sample and did not: the season goes on without them. */
  miss_rows(rows: number): void {
    this.#opinions?.miss(this.#x, rows);
  }

  #described(): LearnedSelf["dimensions"] {
    return this.#dimensions.map(({ name, scale, resolution }) => ({ name, scale, resolution }));
  }

  baseline(): BaselineReport {
    return {
      alpha: this.#ewma.alpha,
      theta: this.#fixed ?? this.#theta,
      fit: this.#fit,
      learned_samples: this.#moments.count,
      effective_samples: this.#moments.effective_count,
      kurtosis: this.#kurtosis.get(),
      normal_kurtosis: normal_kurtosis(this.#dimensions.length),
      kurtosis_excess: this.#kurtosis.excess(),
      factorizations: this.#metric.factorizations,
      robust: this.#robust === null ? null : { kept: this.#robust.kept, rows: this.#robust.rows },
      mean: Array.from(this.#moments.mean),
      sigma: Array.from(this.#metric.sigma),
    };
  }

  #scale(sample: Sample): void {
    if (sample.x.length !== this.#x.length) {
      throw new RangeError(`Cannot judge ${sample.x.length} dimensions: ${this.#x.length} were announced at start`);
    }
    for (let j = 0; j < this.#x.length; j++) {
      const natural = sample.x[j]!;
      // Checked before scaling: log1p(max(0, NaN)) would hide nothing, but the message names the natural value.
      if (!Number.isFinite(natural)) {
        throw new RangeError(`Cannot judge ${this.#names[j]} = ${natural}: it is not finite, leave the dimension out`);
      }
      this.#x[j] = scaled(this.#dimensions[j]!, natural);
    }
  }

  /** 0 until twice as many samples as dimensions are learned: before that a distance means nothing. */
  #measure(): number {
    const ready = this.#moments.count >= 2 * this.#x.length;
    if (!ready) {
      this.#distance = null;
      return 0;
    }
    this.#metric.refresh(this.#moments);
    this.#distance = this.#metric.distance(this.#x, this.#moments.mean);
    contributions_into(this.#contribution, this.#metric.deviation, this.#metric.weighted);
    return this.#distance;
  }

  #is_gross_outlier(): boolean {
    const outlier = this.#warmup !== null && this.#distance !== null && this.#distance > GROSS_OUTLIER * this.#floor[0];
    this.#outliers_in_a_row = outlier ? this.#outliers_in_a_row + 1 : 0;
    return outlier && this.#outliers_in_a_row <= MOST_OUTLIERS_IN_A_ROW;
  }

  #teach(dt_s: number): void {
    const distance = this.#distance;
    this.#moments.update(this.#x, dt_s);
    if (distance !== null) {
      this.#metric.moved(distance * distance, this.#moments.weight);
      this.#kurtosis.update(distance, dt_s);
    }
    if (this.#warmup === null) return;
    this.#robust_start?.push(this.#x);
    if (this.#robust_start !== null && !this.#warmup.settling) this.#reconsider(this.#robust_start);
    this.#warmup.learn(distance, dt_s);
    if (this.#warmup.complete) this.#end_warmup(this.#warmup);
  }

  /** Half-way through the warm-up: where κ is far off because of an incident, μ and Σ begin anew from the robust estimate. */
  #reconsider(start: RobustStart): void {
    this.#robust_start = null;
    const normal = normal_kurtosis(this.#x.length);
    if (!far_from_normal(this.#kurtosis.get(), normal, this.#kurtosis.excess())) return;
    const floor = Float64Array.from(this.#dimensions, (dimension) => dimension.resolution);
    const robust = start.estimate(floor);
    if (robust === null || !is_incident(robust.outside)) return;
    this.#robust = robust;
    const { mean, covariance, kept } = robust;
    this.#moments = Welford.of(mean, covariance, kept, this.#options.half_life_s);
    this.#metric.factorize(this.#moments);
  }

  #end_warmup(warmup: Warmup): void {
    if (this.#distance === null) return;
    const { alpha, theta, fit } = warmup.conclude(this.#x.length, this.#options.budgets);
    this.#ewma = new Ewma(alpha, LEARNING_PERIOD_S, this.#ewma.get());
    this.#warmup = null;
    this.#set_theta(theta, fit);
  }

  #set_theta(theta: Theta, fit: TailFit | null): void {
    this.#theta = theta;
    this.#fit = fit;
    this.#thresholds = this.#in_force();
  }

  #in_force(): Thresholds {
    if (this.#fixed !== null) return { theta: this.#fixed, source: "fixed" };
    if (this.#warmup !== null) return { theta: this.#theta, source: "warmup" };
    return { theta: this.#theta, source: "learned", basis: basis_of(this.#theta, this.#names.length) };
  }
}
