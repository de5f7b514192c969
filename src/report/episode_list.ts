import type { AuditRecord } from "../model/audit.ts";
import type { Level } from "../model/level.ts";
import type { Replay } from "../model/replay.ts";
import type { Maybe } from "../model/sample.ts";
import type { Story } from "../model/story.ts";
import { is_aside } from "./aside.ts";
import type { Episode } from "./episode.ts";
import { EpisodeCutter } from "./episode_search.ts";
import { clock_text, span_text } from "./episode_words.ts";
import { story } from "./story.ts";
import type { Style } from "./style.ts";
import { by_level } from "./style.ts";

/** Episodes kept, the latest; those before are counted. */
const MOST_EPISODES = 1000;
/** What is chosen without being named comes from so long before the end of the audit. */
const RECENT_S = 86_400;
/** A level outweighs whatever lasts less than a day; acting and harm outweigh an hour and ten minutes. */
const WEIGHTS = { level: 1e6, acted: 5e4, harm: 1e4 } as const;

/** One episode in a line. */
export interface EpisodeSummary {
  /** Of its first record: any of its records names it. */
  readonly id: string;
  readonly last_id: string;
  /** The record that is explained: the first action, else its peak. */
  readonly key_id: string;
  /** ISO 8601, UTC. */
  readonly began: string;
  readonly lasted_s: number;
  readonly end: Episode["end"];
  readonly max_level: Level;
  readonly rises: number;
  readonly peak_d_smooth: number;
  readonly acted: boolean;
  /** False: the self was still being learned, and what is above level 0 then is a guess. */
  readonly warm: boolean;
  /** By the way: for a moment, or about a command of HOSA itself. */
  readonly aside: boolean;
  readonly story: Story;
  /** Moments of it that have no record, for there were too many. */
  readonly unrecorded: Episode["unrecorded"];
  /** Seconds of its length, times its distance, plus what outweighs them. */
  readonly severity: number;
}

const NOT_MADE_AGAIN: Replay = { identical: true, difference: "" };

/** The episodes of an audit, oldest first; memory is bounded whatever its size. */
export class EpisodeList {
  #episodes: EpisodeSummary[] = [];
  #dropped = 0;
  #newest_ms = 0;
  readonly #cutter = new EpisodeCutter(
    () => NOT_MADE_AGAIN,
    null,
    (done, end) => this.#take(summary_of(done.get(end))),
  );

  add(record: AuditRecord): void {
    const at_ms = Date.parse(record.wall_time);
    if (at_ms > this.#newest_ms) this.#newest_ms = at_ms;
    this.#cutter.add(record);
  }

  /** @param since_ms wall time, ms since 1970: episodes that began earlier are left out */
  get(since_ms = 0): { readonly episodes: readonly EpisodeSummary[]; readonly dropped: number } {
    this.#cutter.finish("under_way");
    const episodes = this.#episodes.filter(({ began }) => !(Date.parse(began) < since_ms));
    return { episodes, dropped: this.#dropped };
  }

  /**
   * The most severe of the last day of the audit, of how many; where nothing began in it, of all. Null: there is none.
   * @param before_ms what began later is about whoever asks
   */
  most_severe(
    before_ms = Number.POSITIVE_INFINITY,
  ): Maybe<{ readonly chosen: EpisodeSummary; readonly of: number; readonly hours: Maybe<number> }> {
    const recent = earlier(this.get(this.#newest_ms - RECENT_S * 1000).episodes, before_ms);
    const from = recent.length > 0 ? recent : this.get().episodes;
    const [chosen] = from.toSorted((one, other) => other.severity - one.severity);
    if (chosen === undefined) return null;
    return { chosen, of: from.length, hours: recent.length > 0 ? RECENT_S / 3600 : null };
  }

  /**
   * The last that was no guess and not by the way, and how many came after it; where there is none, the last.
   * @param before_ms what began later is about whoever asks
   */
  last(before_ms = Number.POSITIVE_INFINITY): Maybe<{ readonly chosen: EpisodeSummary; readonly later: number }> {
    const all = this.get().episodes;
    const episodes = earlier(all, before_ms);
    const from = episodes.length > 0 ? episodes : all;
    const at = from.findLastIndex(({ warm, aside }) => warm && !aside);
    const chosen = from[at] ?? from.at(-1);
    return chosen === undefined ? null : { chosen, later: at < 0 ? 0 : from.length - 1 - at };
  }

  #take(summary: EpisodeSummary): void {
    this.#episodes.push(summary);
    if (this.#episodes.length <= MOST_EPISODES) return;
    this.#episodes.shift();
    this.#dropped += 1;
  }
}

function earlier(episodes: readonly EpisodeSummary[], before_ms: number): readonly EpisodeSummary[] {
  return episodes.filter(({ began }) => !(Date.parse(began) >= before_ms));
}

export function summary_of(episode: Episode): EpisodeSummary {
  const { first, last, key, max_level, rises, peak_d_smooth, acted, end } = episode;
  const { assessment } = key.input;
  const lasted_s = Math.max(0, last.t_s - first.t_s);
  const told = story({ assessment, decision: key.decision });
  const harm = key.decision.harm.present;
  const lasts = end === "under_way";
  const aside = is_aside({ highest: max_level, lasted_s, lasts, actions: acted ? 1 : 0, harm, story: told });
  const times = Math.log2(1 + peak_d_smooth / Math.max(1e-9, assessment.thresholds.theta[0]));
  const weighed =
    max_level * WEIGHTS.level +
    (acted ? WEIGHTS.acted : 0) +
    (harm ? WEIGHTS.harm : 0) +
    Math.min(WEIGHTS.harm, lasted_s * times);
  return {
    id: first.id,
    last_id: last.id,
    key_id: key.id,
    began: first.wall_time,
    lasted_s,
    end,
    max_level,
    rises,
    peak_d_smooth,
    acted,
    warm: assessment.warm,
    aside,
    story: told,
    unrecorded: episode.unrecorded,
    severity: assessment.warm && !aside ? weighed : weighed / WEIGHTS.level,
  };
}

/** A line each, oldest first, and how to go on. */
export function episode_list_text(episodes: readonly EpisodeSummary[], dropped: number, paint: Style): string {
  if (episodes.length === 0) return "no episode: the node did not leave level 0\n";
  const id_width = Math.max(2, ...episodes.map(({ id }) => id.length));
  const head = `${"id".padEnd(id_width)}  ${"began (UTC)".padEnd(19)}  ${"lasted".padStart(7)}  level  what`;
  const lines = episodes.map((one) => {
    const began = clock_text(one.began, 0, 0).replace(/ UTC$/, "");
    const lasted = one.end === "under_way" ? "now" : span_text(one.lasted_s);
    const level = by_level(paint, one.max_level, String(one.max_level).padEnd(5));
    return `${one.id.padEnd(id_width)}  ${began.padEnd(19)}  ${lasted.padStart(7)}  ${level}  ${phrase(one)}`;
  });
  const more = dropped === 0 ? [] : [`${dropped} earlier episodes are not listed`];
  const hint = "`hosa explain --episode ID` explains one, `hosa report ID --html FILE` draws it";
  return `${[paint.dim(head), ...lines, ...more, paint.dim(hint)].join("\n")}\n`;
}

function phrase({ story: told, rises, acted, warm }: EpisodeSummary): string {
  const pattern = told.pattern === null ? "" : `${told.pattern.name}: `;
  const times = rises > 1 ? ` (${rises} rises)` : "";
  const done = acted ? " (acted on)" : "";
  return `${pattern}${told.headline}${times}${done}${warm ? "" : " (while still learning)"}`;
}
