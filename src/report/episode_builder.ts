import type { AuditRecord, StartEntry } from "../model/audit.ts";
import type { Outcome } from "../model/containment.ts";
import type { Verdict } from "../model/decision.ts";
import type { Level } from "../model/level.ts";
import type { Replay } from "../model/replay.ts";
import { EPISODE_REST_S, type NamedSubject } from "../model/story.ts";
import type {
  Episode,
  EpisodeAction,
  EpisodeCulprit,
  EpisodeDecision,
  EpisodeNamed,
  EpisodeVerdict,
  Forecast,
  Place,
} from "./episode.ts";
import { type DecisionRecord, decided_ns, decided_wall, is_decision } from "./explain.ts";
import { story } from "./story.ts";
import { TimelineBuilder } from "./timeline.ts";

/** Rows of a table; a longer one hides what matters. The ends stay, see `push_bounded`. */
const MOST_ROWS = 200;
const MOST_CULPRITS = 12;

/** Keeps the first and the latest: how it began and how it ended. */
function push_bounded<T>(items: T[], item: T): number {
  items.push(item);
  if (items.length <= MOST_ROWS) return 0;
  items.splice(MOST_ROWS / 2, 1);
  return 1;
}

/** Collects one episode, record by record; memory is bounded however long it lasts. */
export class EpisodeBuilder {
  readonly #again: (record: DecisionRecord) => Replay;
  readonly #run: StartEntry | null;
  readonly #timeline = new TimelineBuilder();
  readonly #zero_ns: number;
  readonly #first: Place;
  readonly #open = new Set<string>();
  readonly #culprits = new Map<string, EpisodeCulprit>();
  readonly #named = new Map<string, EpisodeNamed>();
  readonly #decisions: EpisodeDecision[] = [];
  readonly #actions: EpisodeAction[] = [];
  readonly #verdicts: EpisodeVerdict[] = [];
  readonly #omitted = { decisions: 0, actions: 0, verdicts: 0, culprits: 0 };
  #last: Place;
  #last_ns = 0;
  /** Since when it has been calm; null while it is not. */
  #calm_ns: number | null = null;
  #rises = 0;
  #unrecorded = { peaks: 0, reasons: 0 };
  #key: DecisionRecord;
  #acted = false;
  #level: Level = 0;
  #max_level: Level = 0;
  #peak = 0;
  #differing = 0;
  #oom_kills: { readonly first: number; last: number } | null = null;
  #forecast: Forecast | null = null;
  #stopped = false;
  readonly #wanted: string | null;
  #has_wanted = false;

  /**
   * @param lead the quiet records just before, for the timeline alone
   * @param again makes a recorded decision again
   * @param wanted an id to look out for
   */
  constructor(
    first: DecisionRecord,
    lead: readonly AuditRecord[],
    run: StartEntry | null,
    again: (record: DecisionRecord) => Replay,
    wanted: string | null,
  ) {
    this.#again = again;
    this.#run = run;
    this.#zero_ns = lead[0]?.t_ns ?? first.t_ns;
    this.#first = this.#place(first);
    this.#last = this.#first;
    this.#key = first;
    this.#wanted = wanted;
    for (const record of lead) this.#timeline.add(record);
    this.add(first);
  }

  get max_level(): Level {
    return this.#max_level;
  }

  /** The record that was looked for belongs to this episode. */
  get has_wanted(): boolean {
    return this.#has_wanted;
  }

  /** The node is back at level 0 and nothing is contained: what rises again soon still belongs here, and what the log says of its end. */
  belongs(record: AuditRecord): boolean {
    if (this.#stopped) return false;
    if (!this.#is_calm || record.t_ns === this.#last_ns) return true;
    if (record.kind === "episode") return record.began_ns <= (this.#calm_ns ?? 0);
    return record.t_ns === 0 || record.t_ns - (this.#calm_ns ?? 0) < EPISODE_REST_S * 1e9;
  }

  get #is_calm(): boolean {
    return this.#level === 0 && this.#open.size === 0;
  }

  add(record: AuditRecord): void {
    if (record.id === this.#wanted) this.#has_wanted = true;
    this.#timeline.add(record);
    // A note of the writer itself bears no time of the beat.
    if (record.t_ns === 0) return;
    const place = this.#place(record);
    const was_calm = this.#is_calm && this.#calm_ns !== null;
    // What is told while it is calm, and what is written of it afterwards, make it no longer.
    const later = record.kind === "episode" || (was_calm && !is_decision(record) && record.t_ns !== this.#last_ns);
    if (!later) {
      this.#last = place;
      this.#last_ns = record.t_ns;
    }
    if (record.kind === "episode" && record.omitted !== undefined) this.#unrecorded = record.omitted;
    if (is_decision(record)) this.#decided(record);
    else if (record.kind === "trace") this.#peak = Math.max(this.#peak, record.d_smooth);
    else if (record.kind === "verification" || record.kind === "undo") {
      for (const outcome of record.outcomes) this.#noticed(outcome, place, record.kind === "undo");
      if (record.kind === "verification") for (const verdict of record.verdicts) this.#judged(verdict, place);
    } else if (record.kind === "stop") this.#stopped = true;
    if (!this.#is_calm) this.#calm_ns = null;
    else this.#calm_ns ??= record.t_ns;
  }

  /** @param end how it ended, where the records themselves do not say it */
  get(end: "cut_off" | "under_way"): Episode {
    const kills = this.#oom_kills;
    const timeline = this.#timeline.get();
    return {
      first: this.#first,
      last: this.#last,
      end: this.#stopped ? "stopped" : this.#is_calm ? "calm" : end,
      run: this.#run,
      max_level: this.#max_level,
      peak_d_smooth: this.#peak,
      oom_kills: kills === null ? 0 : Math.max(0, kills.last - kills.first),
      timeline,
      key: this.#key,
      config: this.#key.input.config,
      forecast: this.#forecast,
      decisions: this.#decisions.toSorted((one, other) => one.t_s - other.t_s),
      differing_decisions: this.#differing,
      actions: this.#actions,
      verdicts: this.#verdicts,
      culprits: [...this.#culprits.values()],
      named: [...this.#named.values()],
      rises: this.#rises,
      acted: this.#acted,
      unrecorded: this.#unrecorded,
      containments: timeline.containments,
      omitted: this.#omitted,
    };
  }

  #place({ id, t_ns, wall_time }: Pick<AuditRecord, "id" | "t_ns" | "wall_time">): Place {
    return { id, t_s: (t_ns - this.#zero_ns) / 1e9, wall_time };
  }

  #decided(record: DecisionRecord): void {
    const { decision, input, id } = record;
    const place = this.#place({ id, t_ns: decided_ns(record), wall_time: decided_wall(record) });
    const { level, previous_level, rule, inaction } = decision;
    const replay = this.#again(record);
    if (!replay.identical) this.#differing += 1;
    const kind = record.kind === "episode" ? record.event : record.kind;
    const line = { ...place, kind, previous_level, level, rule, inaction, replay };
    this.#omitted.decisions += push_bounded(this.#decisions, line);
    this.#peak = Math.max(this.#peak, input.assessment.d_smooth);
    const { oom_kills } = input.assessment;
    this.#oom_kills = { first: this.#oom_kills?.first ?? oom_kills, last: oom_kills };
    this.#name(record, place);
    const outcomes = record.kind === "action" ? record.outcomes : [];
    const applies = decision.actions.some(({ verb }, i) => verb === "apply" && outcomes[i]?.status !== "refused");
    this.#foresee(record, place, applies && !this.#acted);
    this.#choose_key(record, applies);
    if (level > this.#max_level) this.#max_level = level;
    // What was decided earlier, or again, changes nothing now.
    if (record.kind === "episode") return;
    if (previous_level === 0 && level > 0) this.#rises += 1;
    this.#level = level;
    this.#acted ||= applies;
    decision.actions.forEach((action, i) => {
      const outcome = outcomes[i] ?? null;
      this.#omitted.actions += push_bounded(this.#actions, { ...place, action, outcome });
      this.#open.add(action.id);
      if (action.verb === "release" || outcome?.status === "refused") this.#open.delete(action.id);
    });
  }

  /**
   * The one that isolated the node; else the first that acted; else the latest peak of the highest level; without one, as in older records, the
   * first of that level.
   */
  #choose_key(record: DecisionRecord, applies: boolean): void {
    if (isolates(this.#key)) return;
    if (isolates(record)) this.#key = record;
    if (this.#acted || isolates(record)) return;
    const { level } = record.decision;
    const peak = record.kind === "episode" && record.event === "peak";
    const no_peak_yet = this.#key.kind !== "episode";
    if (applies && record.kind !== "episode") this.#key = record;
    else if (peak && (level >= this.#key.decision.level || no_peak_yet) && level >= this.#max_level) this.#key = record;
    else if (level > this.#max_level) this.#key = record;
  }

  #name({ decision, input: { assessment } }: DecisionRecord, place: Place): void {
    const { named } = decision.level > 0 ? story({ assessment, decision }) : { named: null };
    if (named !== null) this.#note_named(named, place);
    const { culprit } = decision;
    if (culprit === null) return;
    const key = `${culprit.cgroup_id} ${culprit.path} ${culprit.tid ?? culprit.pid ?? ""}`;
    const known = this.#culprits.get(key);
    if (known !== undefined) this.#culprits.set(key, { ...known, times: known.times + 1 });
    else if (this.#culprits.size < MOST_CULPRITS) this.#culprits.set(key, { ...place, culprit, times: 1 });
    else this.#omitted.culprits += 1;
  }

  #note_named(named: NamedSubject, place: Place): void {
    const key = `${named.resource} ${named.kind} ${named.cgroup_id} ${named.comm} ${named.kind === "process" ? named.pid : ""}`;
    const known = this.#named.get(key);
    if (known === undefined) {
      if (this.#named.size < MOST_CULPRITS) this.#named.set(key, { ...place, named, times: 1 });
      return;
    }
    const larger = Math.abs(named.rate) > Math.abs(known.named.rate);
    this.#named.set(key, { ...known, named: larger ? named : known.named, times: known.times + 1 });
  }

  /** What was known when it was first acted on counts; before that, the nearest end. */
  #foresee({ input, decision }: DecisionRecord, place: Place, first_action: boolean): void {
    const target = decision.actions.find((action) => action.verb === "apply")?.target ?? decision.culprit;
    const of_it = input.assessment.growth.find((one) => one.cgroup_id === target?.cgroup_id);
    // Where no culprit was looked for, what grows is known all the same.
    const growth = of_it ?? input.assessment.growth.find((one) => one.sustained_s > 0);
    if (growth === undefined || growth.ttf.ttf_s === null || this.#acted) return;
    if (!first_action && this.#forecast !== null && this.#forecast.ttf_s <= growth.ttf.ttf_s) return;
    const { headroom_bytes, ttf_s, resource } = growth.ttf;
    const { path, memory_bytes, slope_bytes_per_s } = growth;
    const of_node = resource === "node_memory";
    const reached_s = place.t_s + ttf_s;
    this.#forecast = { ...place, path, memory_bytes, slope_bytes_per_s, headroom_bytes, ttf_s, reached_s, of_node };
  }

  #noticed(outcome: Outcome, place: Place, undone: boolean): void {
    this.#omitted.actions += push_bounded(this.#actions, { ...place, action: null, outcome });
    const ended = undone || outcome.verb === "release" || outcome.status === "gone";
    if (ended) this.#open.delete(outcome.id);
  }

  #judged(verdict: Verdict, place: Place): void {
    this.#omitted.verdicts += push_bounded(this.#verdicts, { ...place, verdict });
    if (verdict.verdict !== "effective") this.#open.delete(verdict.id);
  }
}

function isolates({ kind, decision: { level, previous_level } }: DecisionRecord): boolean {
  return kind !== "episode" && level === 5 && previous_level < 5;
}
