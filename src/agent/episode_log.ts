import type { AuditEntry, EpisodeEntry } from "../model/audit.ts";
import type { Level } from "../model/level.ts";
import type { Maybe } from "../model/sample.ts";
import { EPISODE_REST_S, type EpisodeNews, type Story } from "../model/story.ts";
import { is_aside } from "../report/aside.ts";
import { without_numbers } from "../report/number.ts";
import { story } from "../report/story.ts";
import { certainty, EpisodeSubjects, type LoggedBeat, type Subject } from "./episode_subjects.ts";

/** Records of one episode besides its end: more would say the same again. */
const MOST_PEAKS = 6;
const MOST_REASONS = 8;
/** Nothing is written of what is not named before it has lasted so long. */
const UNNAMED_S = 1;
/** A peak of the same subject is written again when it is this many times higher; of another one when it leads; so long after the one before. */
const HIGHER = 1.5;
const PEAK_SPACING_S = 1;
/** A reason that gives way to the next one sooner was none, and one that comes back so soon after it was told is no news. */
const REASON_STANDS_S = 0.3;
const REASON_AGAIN_S = 10;

interface Open {
  readonly number: number;
  readonly began_ns: number;
  readonly subjects: EpisodeSubjects;
  rises: number;
  max_level: Level;
  peak_d_smooth: number;
  /** The first beat that something was done at: it is what the episode is told as. */
  acted: Maybe<LoggedBeat>;
  written: Maybe<{ readonly key: string; readonly beat: LoggedBeat; readonly t_ns: number }>;
  peaks: number;
  reasons: number;
  readonly omitted: { peaks: number; reasons: number };
  /** What was last said of why nothing is done, when each reason was, and what has stood since when. */
  reason: string;
  readonly told_ns: Map<string, number>;
  next_reason: string;
  next_since_ns: number;
  calm_ns: Maybe<number>;
  latest_ns: number;
  actions: number;
  path: string;
}

/** What of the latest episode is asked for. */
export interface LoggedEpisode {
  readonly began_ns: number;
  /** Null while it lasts. */
  readonly calm_ns: Maybe<number>;
  readonly highest: Level;
  readonly rises: number;
  readonly story: Story;
  readonly rule: string;
  readonly path: string;
  readonly actions: number;
  readonly lasted_s: number;
  readonly lasts: boolean;
  readonly harm: boolean;
}

/** What a beat means for the episode it belongs to. */
export interface Logged {
  readonly entries: readonly AuditEntry[];
  readonly news: EpisodeNews["news"];
  /** Put into words when it is asked for. */
  readonly view: () => EpisodeNews;
}

/**
 * Follows the episodes of a run: what each is about, which beat was its peak, why nothing was done, and when it was over. Pure
 * but for its memory. What happens before the self is learned is a guess, and no episode.
 */
export class EpisodeLog {
  #count = 0;
  #open: Maybe<Open> = null;
  #last: Maybe<LoggedEpisode> = null;

  /** The episode that lasts, else the last one, but one by the way only where there is no other; null where there was none. */
  latest(): Maybe<LoggedEpisode> {
    if (this.#open === null) return this.#last;
    return this.#counted(summary(this.#open));
  }

  /** One by the way takes the place of its like alone. */
  #counted(next: LoggedEpisode): LoggedEpisode {
    return this.#last !== null && !is_aside(this.#last) && is_aside(next) ? this.#last : next;
  }

  /** An episode lasts: also beats at level 0 are to be noted. */
  get is_open(): boolean {
    return this.#open !== null;
  }

  /** Takes a beat; null outside of an episode. */
  note(beat: LoggedBeat): Maybe<Logged> {
    const { assessment, decision } = beat;
    const { t_ns, level } = decision;
    if (this.#open === null) {
      if (level === 0 || !assessment.warm) return null;
      this.#open = opened(++this.#count, beat);
      return logged(this.#open, [], ["began"], t_ns);
    }
    const open = this.#open;
    follow(open, beat);
    if (level > 0) return this.#above(open, beat);
    if (t_ns - (open.calm_ns ?? t_ns) < EPISODE_REST_S * 1e9) return logged(open, [], [], t_ns);
    return logged(open, this.#end(open, t_ns), ["ended"], t_ns);
  }

  /** The agent ends: what is open is written as it stands. */
  close(t_ns: number): readonly AuditEntry[] {
    return this.#open === null ? [] : this.#end(this.#open, t_ns);
  }

  #above(open: Open, beat: LoggedBeat): Logged {
    const { t_ns, inaction } = beat.decision;
    const entries: AuditEntry[] = [];
    const news: EpisodeNews["news"][number][] = [];
    const { leading } = open.subjects;
    if (peak_due(open, leading, t_ns)) {
      entries.push(peak_entry(open, leading, t_ns));
      if (story(leading.highest).named !== null) news.push("named");
    }
    if (reason_changed(open, inaction, t_ns)) {
      if (open.reasons < MOST_REASONS) {
        open.reasons += 1;
        news.push("reason");
        entries.push({ t_ns, ...entry_of(open, "reason"), ...decided(beat) });
      } else open.omitted.reasons += 1;
    }
    return logged(open, entries, news, t_ns);
  }

  #end(open: Open, t_ns: number): readonly AuditEntry[] {
    const { calm_ns, omitted, subjects, written } = open;
    const { leading } = subjects;
    // What was highest has a record in any case: the last place is kept for it.
    const peak = written?.beat === leading.highest ? [] : [peak_entry(open, leading, t_ns)];
    const last = { ...summary(open), calm_ns: calm_ns ?? t_ns };
    this.#last = this.#counted(last);
    this.#open = null;
    return [...peak, { t_ns, ...entry_of(open, "ended"), calm_ns, omitted }];
  }
}

function opened(number: number, beat: LoggedBeat): Open {
  const { assessment, decision } = beat;
  const reason = without_numbers(decision.inaction);
  return {
    number,
    began_ns: decision.t_ns,
    subjects: new EpisodeSubjects(beat),
    rises: 1,
    max_level: decision.level,
    peak_d_smooth: assessment.d_smooth,
    acted: applies(beat) ? beat : null,
    written: null,
    peaks: 0,
    reasons: 0,
    omitted: { peaks: 0, reasons: 0 },
    // The first reason stands in the record of the first rise.
    reason,
    told_ns: new Map([[reason, decision.t_ns]]),
    next_reason: reason,
    next_since_ns: decision.t_ns,
    calm_ns: null,
    latest_ns: decision.t_ns,
    actions: decision.actions.length,
    path: decision.actions[0]?.target.path ?? "",
  };
}

function follow(open: Open, beat: LoggedBeat): void {
  const { assessment, decision } = beat;
  const { level, t_ns, actions } = decision;
  open.latest_ns = t_ns;
  if (level > 0 && open.calm_ns !== null) open.rises += 1;
  open.calm_ns = level > 0 ? null : (open.calm_ns ?? t_ns);
  open.actions += actions.length;
  if (open.acted === null && applies(beat)) open.acted = beat;
  if (actions[0] !== undefined && open.path === "") open.path = actions[0].target.path;
  if (level === 0) return;
  if (level > open.max_level) open.max_level = level;
  open.peak_d_smooth = Math.max(open.peak_d_smooth, assessment.d_smooth);
  open.subjects.follow(beat);
}

/** Counts what the bound leaves out. */
function peak_due(open: Open, leading: Subject, t_ns: number): boolean {
  const { written } = open;
  if (written === null) {
    const named = leading.story.named !== null && certainty(leading.highest.assessment) > 0;
    return named || t_ns - open.began_ns >= UNNAMED_S * 1e9;
  }
  if (written.beat === leading.highest || t_ns - written.t_ns < PEAK_SPACING_S * 1e9) return false;
  const { assessment, decision } = written.beat;
  const surer = certainty(leading.highest.assessment) > certainty(assessment);
  const other = surer || written.key !== leading.key || leading.highest.decision.level > decision.level;
  if (!other && leading.highest.assessment.d_smooth < HIGHER * assessment.d_smooth) return false;
  if (open.peaks < MOST_PEAKS - 1) return true;
  open.omitted.peaks += 1;
  open.written = { ...written, t_ns };
  return false;
}

function peak_entry(open: Open, leading: Subject, t_ns: number): AuditEntry {
  open.peaks += 1;
  open.written = { key: leading.key, beat: leading.highest, t_ns };
  return { t_ns, ...entry_of(open, "peak"), ...decided(leading.highest) };
}

function reason_changed(open: Open, inaction: string, t_ns: number): boolean {
  if (inaction === "") return false;
  const reason = without_numbers(inaction);
  if (reason !== open.next_reason) {
    open.next_reason = reason;
    open.next_since_ns = t_ns;
  }
  if (reason === open.reason || t_ns - open.next_since_ns < REASON_STANDS_S * 1e9) return false;
  open.reason = reason;
  const told_ns = open.told_ns.get(reason);
  if (open.told_ns.size < MOST_REASONS) open.told_ns.set(reason, t_ns);
  return told_ns === undefined || t_ns - told_ns >= REASON_AGAIN_S * 1e9;
}

function entry_of(open: Open, event: EpisodeEntry["event"]): Omit<EpisodeEntry, "input" | "decision"> {
  const { number, began_ns, rises, max_level, peak_d_smooth } = open;
  return { kind: "episode", version: 1, event, number, began_ns, rises, max_level, peak_d_smooth };
}

function decided({ assessment, state, config, decision }: LoggedBeat): Pick<EpisodeEntry, "input" | "decision"> {
  return { input: { assessment, state, config }, decision };
}

function applies({ decision }: LoggedBeat): boolean {
  return decision.actions.some(({ verb }) => verb === "apply");
}

/** What is told of it: its first action, else what its latest record says, so that whoever reads the records says the same. */
function told_story({ subjects, acted, written }: Open): { readonly told: Story; readonly beat: LoggedBeat } {
  const beat = acted ?? written?.beat ?? subjects.leading.highest;
  return { told: story(beat), beat };
}

function logged(open: Open, entries: readonly AuditEntry[], news: EpisodeNews["news"], t_ns: number): Logged {
  const { number, rises, max_level, began_ns, calm_ns } = open;
  const lasted_s = ((calm_ns ?? t_ns) - began_ns) / 1e9;
  return { entries, news, view: () => ({ number, news, rises, max_level, lasted_s, story: told_story(open).told }) };
}

function summary(open: Open): LoggedEpisode {
  const { began_ns, calm_ns, max_level, rises, actions } = open;
  const { told, beat } = told_story(open);
  const until_ns = calm_ns ?? open.latest_ns;
  return {
    began_ns,
    calm_ns,
    highest: max_level,
    rises,
    story: told,
    rule: beat.decision.rule,
    path: open.path || (told.named?.path ?? ""),
    actions,
    lasted_s: (until_ns - began_ns) / 1e9,
    lasts: calm_ns === null,
    harm: beat.decision.harm.present,
  };
}
