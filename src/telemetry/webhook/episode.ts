import type { Assessment } from "../../model/assessment.ts";
import type { Outcome } from "../../model/containment.ts";
import type { Decision } from "../../model/decision.ts";
import { type Level, level_name } from "../../model/level.ts";
import type { Notice, NoticeReason, Severity } from "../../model/notice.ts";
import type { Maybe } from "../../model/sample.ts";

export interface EpisodeOptions {
  readonly node: string;
  readonly dry_run: boolean;
  readonly min_level: number;
  /** A standing episode is told again so often; Infinity: never. */
  readonly renew_s: number;
  /** Entering level 5 is told by the last word, which comes within so many seconds; 0: none will come. */
  readonly last_word_within_s: number;
}

/** One beat, and its wall time in ISO 8601. */
export interface ToldBeat {
  readonly assessment: Assessment;
  readonly decision: Decision;
  readonly outcomes: readonly Outcome[];
  readonly wall_time: () => string;
}

/** So long below the level an episode is over; coming back earlier continues it, and nobody is told twice. */
export const SETTLE_S = 10;
/** Targets told of in one episode: the audit knows them all, and those beyond are counted. */
export const ACTED_MAX = 8;
/** Targets told apart beyond that, so that each is counted once; further ones are not told apart and not counted. */
const LEFT_OUT_MAX = 1024;

interface Episode {
  readonly id: string;
  readonly began: string;
  highest: Level;
  action: Notice["action"];
  culprit: Notice["culprit"];
  readonly acted: Set<string>;
  readonly left_out: Set<string>;
  readonly severities: Set<Severity>;
  told: boolean;
  told_ns: number;
  below_since_ns: Maybe<number>;
  quarantined_ns: Maybe<number>;
  last_word_said: boolean;
}

/** Chooses from the beats what one endpoint is told: the start, each rise, each new containment and the end of an episode. */
export class EpisodeNotices {
  readonly #options: EpisodeOptions;
  #episode: Maybe<Episode> = null;
  /** Targets that got no notice of their own, ever. */
  untold = 0;

  constructor(options: EpisodeOptions) {
    this.#options = options;
  }

  /** At most one notice; costs nothing while all is quiet. */
  note(beat: ToldBeat): Maybe<Notice> {
    const { level, t_ns } = beat.decision;
    const high = level >= this.#options.min_level;
    if (this.#episode === null && !high) return null;
    this.#episode ??= this.#open(beat);
    const episode = this.#episode;
    this.#follow(episode, beat);
    if (this.#left_to_last_word(episode, beat)) {
      this.#newly_acted(episode, beat);
      return null;
    }
    if (high) {
      episode.below_since_ns = null;
      return this.#continue(episode, beat);
    }
    episode.below_since_ns ??= t_ns;
    if (t_ns - episode.below_since_ns < SETTLE_S * 1e9) return null;
    this.#episode = null;
    return episode.told ? this.#notice(episode, beat, "over") : null;
  }

  /** A notice that is due whatever was told before: the node is about to fall silent. */
  last_word(beat: ToldBeat): Notice {
    this.#episode ??= this.#open(beat);
    const episode = this.#episode;
    this.#follow(episode, beat);
    this.#newly_acted(episode, beat);
    episode.last_word_said = true;
    if (beat.decision.level > episode.highest) episode.highest = beat.decision.level;
    return this.#notice(episode, beat, "quarantine");
  }

  /** A quarantine is told once: what would be said of it meanwhile is in its last word. One that never comes is not waited for. */
  #left_to_last_word(episode: Episode, { decision: { level, t_ns } }: ToldBeat): boolean {
    if (level < 5 || episode.last_word_said) return false;
    episode.quarantined_ns ??= t_ns;
    return t_ns - episode.quarantined_ns < this.#options.last_word_within_s * 1e9;
  }

  #open({ decision, wall_time }: ToldBeat): Episode {
    const began = wall_time();
    const id = `${this.#options.node}/${began}`;
    const base = {
      acted: new Set<string>(),
      left_out: new Set<string>(),
      severities: new Set<Severity>(),
      action: null,
      culprit: null,
    };
    const later = { told: false, below_since_ns: null, quarantined_ns: null, last_word_said: false };
    return { ...base, ...later, id, began, highest: decision.level, told_ns: decision.t_ns };
  }

  #continue(episode: Episode, beat: ToldBeat): Maybe<Notice> {
    const { level, t_ns } = beat.decision;
    const acted = this.#newly_acted(episode, beat);
    const risen = level > episode.highest;
    if (risen) episode.highest = level;
    if (!episode.told) return this.#notice(episode, beat, "begun");
    if (risen) return this.#notice(episode, beat, "risen");
    if (acted) return this.#notice(episode, beat, "acted");
    return t_ns - episode.told_ns >= this.#options.renew_s * 1e9 ? this.#notice(episode, beat, "renewed") : null;
  }

  #follow(episode: Episode, { decision, outcomes }: ToldBeat): void {
    const who = decision.culprit;
    if (who !== null)
      episode.culprit = { path: who.path, scope: who.scope, pid: who.pid, tid: who.tid, comm: who.comm };
    const last = outcomes.at(-1);
    if (last !== undefined)
      episode.action = { rung: last.rung, verb: last.verb, path: last.target.path, status: last.status };
  }

  #newly_acted({ acted, left_out }: Episode, { outcomes }: ToldBeat): boolean {
    let found = false;
    for (const { verb, rung, target } of outcomes) {
      const what = `${rung} ${target.cgroup_id} ${target.path}`;
      if (verb !== "apply" || acted.has(what)) continue;
      if (acted.size >= ACTED_MAX) {
        if (!left_out.has(what) && left_out.size < LEFT_OUT_MAX) this.untold += 1;
        if (left_out.size < LEFT_OUT_MAX) left_out.add(what);
        continue;
      }
      acted.add(what);
      found = true;
    }
    return found;
  }

  #notice(episode: Episode, { assessment: a, decision, wall_time }: ToldBeat, reason: NoticeReason): Notice {
    episode.told = true;
    episode.told_ns = decision.t_ns;
    const severity = severity_of(reason === "over" ? episode.highest : decision.level);
    episode.severities.add(severity);
    const dominant = a.dominant[0] ?? 0;
    return {
      episode: episode.id,
      status: reason === "over" ? "resolved" : "firing",
      reason,
      severity,
      node: this.#options.node,
      time: wall_time(),
      began: episode.began,
      level: decision.level,
      level_name: level_name(decision.level),
      highest_level: episode.highest,
      d_m: a.d,
      d_smooth: a.d_smooth,
      derivative: a.velocity,
      dominant_dimension: a.dimension_names[dominant] ?? "",
      dominant_share: a.d > 0 ? (a.contribution[dominant] ?? 0) / (a.d * a.d) : 0,
      culprit: episode.culprit,
      action: episode.action,
      rule: decision.rule,
      inaction: decision.inaction,
      dry_run: this.#options.dry_run,
      severities: [...episode.severities],
    };
  }
}

export function severity_of(level: Level): Severity {
  if (level >= 5) return "emergency";
  if (level >= 3) return "critical";
  return level === 2 ? "warning" : "info";
}
