import type { AuditRecord, StartEntry } from "../model/audit.ts";
import type { Replay } from "../model/replay.ts";
import type { Episode } from "./episode.ts";
import { EpisodeBuilder, is_decision } from "./episode_builder.ts";
import type { DecisionRecord } from "./explain.ts";

/** Quiet records shown before an episode. */
const LEAD_RECORDS = 8;
const LEAD_S = 60;
/** What happens at this level and above is more than a look. */
const CONTAINING_LEVEL = 2;

/** What a search found: the episode; or that the record is there, but in no episode; or nothing. */
export type FoundEpisode = Episode | "quiet_record" | "no_episode" | "no_record";

/**
 * Finds one episode in the records of an audit, oldest first: the one a record belongs to, or the last that reached level 2, or, where
 * none did, the last. At most two episodes are in memory at a time.
 */
export class EpisodeSearch {
  readonly #wanted: string | null;
  readonly #again: (record: DecisionRecord) => Replay;
  #run: StartEntry | null = null;
  #lead: AuditRecord[] = [];
  #current: EpisodeBuilder | null = null;
  #best: { readonly episode: Episode; readonly reached: boolean } | null = null;
  #seen_wanted = false;

  /**
   * @param wanted id of a record; null: the last episode
   * @param again makes a recorded decision again
   */
  constructor(wanted: string | null, again: (record: DecisionRecord) => Replay) {
    this.#wanted = wanted;
    this.#again = again;
  }

  add(record: AuditRecord): void {
    if (this.#wanted !== null && this.#best !== null) return;
    if (record.id === this.#wanted) this.#seen_wanted = true;
    if (record.kind === "start") {
      this.#finish("cut_off");
      this.#run = record;
      this.#lead = [];
      return;
    }
    if (this.#current !== null && !this.#current.belongs(record)) this.#finish("under_way");
    if (this.#current !== null) this.#current.add(record);
    else if (is_decision(record)) this.#begin(record);
    else if (record.kind === "heartbeat" || record.kind === "trace") {
      this.#lead = [...this.#lead.slice(1 - LEAD_RECORDS), record];
    }
  }

  get(): FoundEpisode {
    this.#finish("under_way");
    if (this.#best !== null) return this.#best.episode;
    if (this.#wanted === null) return "no_episode";
    return this.#seen_wanted ? "quiet_record" : "no_record";
  }

  #begin(record: DecisionRecord): void {
    const lead = this.#lead.filter(({ t_ns }) => record.t_ns - t_ns <= LEAD_S * 1e9);
    this.#current = new EpisodeBuilder(record, lead, this.#run, this.#again, this.#wanted);
    this.#lead = [];
  }

  #finish(end: "cut_off" | "under_way"): void {
    const done = this.#current;
    this.#current = null;
    if (done === null) return;
    const reached = done.max_level >= CONTAINING_LEVEL;
    const better = this.#wanted === null ? reached || this.#best?.reached !== true : done.has_wanted;
    if (better) this.#best = { episode: done.get(end), reached };
  }
}
