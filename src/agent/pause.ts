import type { Asker } from "../model/asker.ts";
import type { AuditEntry } from "../model/audit.ts";
import { reason_of } from "../model/errno.ts";
import { PAUSE_S_MAX, type Pause } from "../model/pause.ts";
import type { Maybe } from "../model/sample.ts";
import { type Clocks, read_pause, remove_pause, write_pause } from "./pause_file.ts";

export interface PauseParts {
  readonly state_dir: string;
  readonly clocks: () => Clocks;
  /** ISO 8601 of a time that many nanoseconds ago. */
  readonly wall_time_of: (ago_ns: number) => string;
  readonly record: (entry: AuditEntry) => void;
  readonly on_message: (level: "warn" | "info", text: string) => void;
}

/** What an operator asks for. */
export interface PauseRequest {
  readonly for_s: number;
  readonly reason: string;
  readonly keeps: boolean;
}

/** A pause as it is asked for now. @throws RangeError when it is longer than a pause may be */
export function new_pause(
  { for_s, reason, keeps }: PauseRequest,
  by: Asker,
  now_ns: number,
  wall_time_of: PauseParts["wall_time_of"],
): Pause {
  if (!(for_s > 0 && for_s <= PAUSE_S_MAX)) throw new RangeError(`a pause is at most ${PAUSE_S_MAX} s long`);
  const until_ns = now_ns + for_s * 1e9;
  return { until_ns, reason, until: wall_time_of(-for_s * 1e9), began: wall_time_of(0), for_s, by, keeps };
}

/** The pause of this agent: begun and ended by an operator, ended by its time, and saved so that a restart or a reboot does not end it. */
export class PauseKeeper {
  readonly #parts: PauseParts;
  #current: Pause | undefined = undefined;
  /** Why the present pause would not survive a restart; null: it would. */
  #trouble: Maybe<string> = null;
  /** Writes of the file, one after the other. */
  #written: Promise<void> = Promise.resolve();

  constructor(parts: PauseParts) {
    this.#parts = parts;
  }

  get current(): Maybe<Pause> {
    return this.#current ?? null;
  }

  get trouble(): Maybe<string> {
    return this.#trouble;
  }

  /** What the decision at that time is given. */
  input(now_ns: number): Pause | undefined {
    const pause = this.#current;
    return pause === undefined || pause.until_ns > now_ns ? pause : undefined;
  }

  /** Takes up what was saved, at the start and when the configuration is read again. Null: there is nothing new. Records nothing. */
  load(): Maybe<Pause> {
    const { state_dir, clocks, on_message } = this.#parts;
    const saved = read_pause(state_dir, clocks());
    if ("refused" in saved) {
      on_message("warn", `a saved pause is not taken up: ${saved.refused}`);
      return null;
    }
    const { pause } = saved;
    if (pause === null || pause.began === this.#current?.began) return null;
    this.#current = pause;
    on_message("warn", `paused until ${pause.until}: nothing new is contained${because(pause)}`);
    return pause;
  }

  /** In force from the next beat on. `saved` resolves when it is saved, or `trouble` says why it is not. */
  begin(request: PauseRequest, by: Asker): { readonly pause: Pause; readonly saved: Promise<void> } {
    const { state_dir, clocks, wall_time_of, record, on_message } = this.#parts;
    const { now_ns, boot_id } = clocks();
    const pause = new_pause(request, by, now_ns, wall_time_of);
    this.#current = pause;
    record({ t_ns: now_ns, kind: "pause", pause, resumed: false });
    on_message("warn", `paused until ${pause.until} by uid ${by.uid}: nothing new is contained${because(pause)}`);
    return { pause, saved: this.#write(() => write_pause(state_dir, boot_id, pause)) };
  }

  /** Null: there was none. @param by null: its time is up */
  async end(by: Maybe<Asker>): Promise<Maybe<Pause>> {
    const pause = this.#current;
    if (pause === undefined) return null;
    this.#current = undefined;
    const { state_dir, clocks, record, on_message } = this.#parts;
    record({ t_ns: clocks().now_ns, kind: "resume", pause, ...(by === null ? {} : { by }) });
    const why = by === null ? "its time is up" : `uid ${by.uid} ended it`;
    on_message("warn", `the pause is over (${why}): HOSA contains again what autonomy allows`);
    await this.#write(() => remove_pause(state_dir));
    return pause;
  }

  /** Between beats: ends a pause whose time is up. */
  turn(now_ns: number): void {
    if (this.#current !== undefined && this.#current.until_ns <= now_ns) void this.end(null);
  }

  /** Resolves when everything is saved. */
  async close(): Promise<void> {
    await this.#written;
  }

  async #write(write: () => Promise<void>): Promise<void> {
    const written = this.#written.then(write).then(
      () => {
        this.#trouble = null;
      },
      (error: unknown) => {
        this.#trouble = `the pause cannot be saved: ${reason_of(error)}`;
        this.#parts.on_message("warn", this.#trouble);
      },
    );
    this.#written = written;
    await written;
  }
}

function because({ reason }: Pause): string {
  return reason === "" ? "" : ` (${reason})`;
}
