import type { DecisionConfig } from "../decision/config.ts";
import type { DecisionState } from "../decision/state.ts";
import type { Attribution } from "../model/attribution.ts";
import type { Level } from "../model/level.ts";
import type { Maybe } from "../model/sample.ts";
import type { Story } from "../model/story.ts";
import { story, type Told } from "../report/story.ts";

/** Subjects kept of one episode; the one of least weight gives way. */
const MOST_SUBJECTS = 16;
/** A beat stands for no longer than this. */
const MOST_STEP_S = 1;
/** Next to θ1 and below it a beat counts as if it were so many times beyond: on its way back the level stays for a while. */
const LEAST_TIMES = 1.05;
/** Memory given back deviates more than the leak that took it, and what is not named says less than what is. */
const PARTS = { freed: 0.2, unnamed: 0.2, named: 1 } as const;

/** A beat as it is followed; everything of it is kept (`BeatResult.kept`). */
export interface LoggedBeat extends Told {
  readonly state: DecisionState;
  readonly config: DecisionConfig;
}

/** What an episode may be about: a pattern, and what is named for it. */
export interface Subject {
  readonly key: string;
  /** Of the beat it was first seen at. */
  readonly story: Story;
  highest: LoggedBeat;
  max_level: Level;
  harm: boolean;
  /** Seconds, weighted by the distance. */
  weight: number;
}

/**
 * What an episode is about: not the beat of the largest distance, which may be a blip of something else, but what deviated for
 * most of the time, weighted by its distance; the highest level, and harm, come first.
 */
export class EpisodeSubjects {
  readonly #subjects = new Map<string, Subject>();
  #current: Subject;
  #read: Attribution | undefined;
  #about: number;
  #t_ns: number;

  constructor(first: LoggedBeat) {
    this.#t_ns = first.decision.t_ns;
    this.#read = first.assessment.attribution;
    this.#about = about(first.assessment);
    this.#current = this.#subject(first, story(first));
  }

  /** What leads so far. */
  get leading(): Subject {
    let leading = this.#current;
    for (const one of this.#subjects.values()) if (comes_before(one, leading)) leading = one;
    return leading;
  }

  /**
   * A beat above level 0. Put into words only where the processes were read anew, another dimension leads, or something higher is seen: at a hundred
   * beats a second words cost more than the judgement.
   */
  follow(beat: LoggedBeat): void {
    const { assessment, decision } = beat;
    const dt_s = Math.min(MOST_STEP_S, Math.max(0, (decision.t_ns - this.#t_ns) / 1e9));
    this.#t_ns = decision.t_ns;
    const other = assessment.attribution !== this.#read || about(assessment) !== this.#about;
    const more = decision.level > this.#current.max_level || (decision.harm.present && !this.#current.harm);
    const higher = is_higher(beat, this.#current.highest);
    if (other || more || higher) {
      this.#read = assessment.attribution;
      this.#about = about(assessment);
      this.#current = this.#subject(beat, story(beat));
    }
    const subject = this.#current;
    // The logarithm, so that one spike does not outweigh what lasts; from θ1 on and squared, so that minutes next to θ1 do not outweigh what is far beyond.
    // The distance of the beat itself where it is smaller: what is smoothed stays far away for a while after it is over.
    const distance = Math.min(assessment.d, assessment.d_smooth);
    const times = Math.log2(Math.max(LEAST_TIMES, distance / assessment.thresholds.theta[0]));
    subject.weight += dt_s * times * times * part_of(subject.story);
    if (decision.level > subject.max_level) subject.max_level = decision.level;
    subject.harm ||= decision.harm.present;
    // A higher beat has just been put into words: it is about this subject.
    if ((other || more || higher) && is_higher(beat, subject.highest)) subject.highest = beat;
  }

  #subject(beat: LoggedBeat, told: Story): Subject {
    const key = key_of(told);
    const known = this.#subjects.get(key);
    if (known !== undefined) return known;
    const { level, harm } = beat.decision;
    const subject = { key, story: told, highest: beat, max_level: level, harm: harm.present, weight: 0 };
    if (this.#subjects.size >= MOST_SUBJECTS) this.#forget_least();
    this.#subjects.set(key, subject);
    return subject;
  }

  #forget_least(): void {
    let least: Maybe<Subject> = null;
    for (const one of this.#subjects.values()) if (least === null || comes_before(least, one)) least = one;
    if (least !== null) this.#subjects.delete(least.key);
  }
}

/** The dimension that leads, and to which side of nothing: memory that is taken and given back in turns is two things. */
function about({ dominant, x }: LoggedBeat["assessment"]): number {
  const first = dominant[0] ?? -1;
  return first < 0 || (x[first] ?? 0) >= 0 ? first : -2 - first;
}

function key_of({ pattern, named }: Story): string {
  // Commands of HOSA come one after the other, and are one thing.
  if (named?.own === true) return `own ${pattern?.name === "memory being freed"}`;
  const what =
    named === null ? "" : `${named.kind} ${named.cgroup_id} ${named.comm} ${named.kind === "process" ? named.pid : ""}`;
  return `${named?.resource ?? pattern?.name ?? ""} ${pattern?.name === "memory being freed"} ${what}`;
}

function part_of({ pattern, named }: Story): number {
  if (pattern?.name === "memory being freed") return PARTS.freed;
  return named === null ? PARTS.unnamed : PARTS.named;
}

function comes_before(one: Subject, other: Subject): boolean {
  if (one.max_level !== other.max_level) return one.max_level > other.max_level;
  if (one.harm !== other.harm) return one.harm;
  return one.weight > other.weight;
}

function is_higher({ assessment: a, decision }: LoggedBeat, { assessment: b, decision: other }: LoggedBeat): boolean {
  if (decision.level !== other.level) return decision.level > other.level;
  if (decision.harm.present !== other.harm.present) return decision.harm.present;
  const known = certainty(a) - certainty(b);
  return known === 0 ? a.d_smooth > b.d_smooth : known > 0;
}

/** Nothing is known of the processes, their shares alone, their rates as well. */
export function certainty({ attribution }: LoggedBeat["assessment"]): number {
  if (attribution === undefined) return 0;
  return attribution.provisional === true ? 1 : 2;
}
