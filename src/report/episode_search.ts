import type { AuditRecord, StartEntry } from "../model/audit.ts";
import type { Replay } from "../model/replay.ts";
import type { Episode } from "./episode.ts";
import { EpisodeBuilder } from "./episode_builder.ts";
import { type DecisionRecord, is_decision } from "./explain.ts";

/** Quiet records shown before an episode. */
const LEAD_RECORDS = 8;
const LEAD_S = 60;

/** Cuts the records of an audit, oldest first, into episodes, and hands over each that is over. One is in memory at a time. */
export class EpisodeCutter {
  readonly #again: (record: DecisionRecord) => Replay;
  readonly #take: (done: EpisodeBuilder, end: "cut_off" | "under_way") => void;
  readonly #wanted: string | null;
  #run: StartEntry | null = null;
  #lead: AuditRecord[] = [];
  #current: EpisodeBuilder | null = null;

  /**
   * @param again makes a recorded decision again
   * @param wanted id of a record to look out for
   */
  constructor(
    again: (record: DecisionRecord) => Replay,
    wanted: string | null,
    take: (done: EpisodeBuilder, end: "cut_off" | "under_way") => void,
  ) {
    this.#again = again;
    this.#wanted = wanted;
    this.#take = take;
  }

  add(record: AuditRecord): void {
    if (record.kind === "start") {
      this.finish("cut_off");
      this.#run = record;
      this.#lead = [];
      return;
    }
    if (this.#current !== null && !this.#current.belongs(record)) this.finish("under_way");
    if (this.#current !== null) this.#current.add(record);
    else if (is_decision(record) && record.kind !== "episode") this.#begin(record);
    else if (record.kind === "heartbeat" || record.kind === "trace") {
      this.#lead = [...this.#lead.slice(1 - LEAD_RECORDS), record];
    }
  }

  finish(end: "cut_off" | "under_way"): void {
    const done = this.#current;
    this.#current = null;
    if (done !== null) this.#take(done, end);
  }

  #begin(record: DecisionRecord): void {
    const lead = this.#lead.filter(({ t_ns }) => record.t_ns - t_ns <= LEAD_S * 1e9);
    this.#current = new EpisodeBuilder(record, lead, this.#run, this.#again, this.#wanted);
    this.#lead = [];
  }
}

/** What a search found: the episode; or that the record is there, but in no episode; or nothing. */
export type FoundEpisode = Episode | "quiet_record" | "no_record";

/** Finds the episode that a record belongs to. */
export class EpisodeSearch {
  readonly #wanted: string;
  readonly #cutter: EpisodeCutter;
  #found: Episode | null = null;
  #seen_wanted = false;

  /**
   * @param wanted id of a record
   * @param again makes a recorded decision again
   */
  constructor(wanted: string, again: (record: DecisionRecord) => Replay) {
    this.#wanted = wanted;
    this.#cutter = new EpisodeCutter(again, wanted, (done, end) => {
      if (done.has_wanted) this.#found = done.get(end);
    });
  }

  add(record: AuditRecord): void {
    if (this.#found !== null) return;
    if (record.id === this.#wanted) this.#seen_wanted = true;
    this.#cutter.add(record);
  }

  get(): FoundEpisode {
    this.#cutter.finish("under_way");
    if (this.#found !== null) return this.#found;
    return this.#seen_wanted ? "quiet_record" : "no_record";
  }
}
