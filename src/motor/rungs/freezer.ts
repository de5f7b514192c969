import type { Maybe } from "../../model/sample.ts";
import { type CgroupFiles, flat_value, type KeptFile } from "../files.ts";
import { FileTrouble, Gone } from "../trouble.ts";
import { Confirmation } from "./confirmation.ts";
import { type Change, change } from "./containment.ts";

/** The freezer of one cgroup with its two files kept open: a dose is one write, a confirmation one read. */
export class Freezer {
  readonly #directory: string;
  readonly #switch: KeptFile;
  readonly #events: KeptFile;
  readonly #confirmation = new Confirmation();
  #wanted = false;
  #frozen: Maybe<boolean> = null;

  constructor(files: CgroupFiles, directory: string) {
    this.#directory = directory;
    this.#switch = files.keep(`${directory}/cgroup.freeze`, "write");
    try {
      this.#events = files.keep(`${directory}/cgroup.events`, "read");
    } catch (error) {
      this.#switch.close();
      throw error;
    }
  }

  /** What the kernel last confirmed. */
  get frozen(): Maybe<boolean> {
    return this.#frozen;
  }

  set(frozen: boolean, prior: string, now_ns: number): Change {
    this.#switch.write(frozen ? "1" : "0");
    return this.written(frozen, prior, now_ns);
  }

  /** Thawed and frozen again, with nothing in between but the wait. */
  blink(wait: () => void): void {
    this.#switch.write("0");
    try {
      wait();
    } finally {
      this.#switch.write("1");
    }
  }

  /** What became of a write just made. */
  written(frozen: boolean, prior: string, now_ns: number): Change {
    this.#wanted = frozen;
    if (frozen) this.#confirmation.ask(now_ns);
    else this.#confirmation.settle();
    // A thaw takes effect with its write; only a freeze has to be asked about.
    const confirmed = !frozen || this.#events_now().frozen;
    if (confirmed) {
      this.#frozen = frozen;
      this.#confirmation.settle();
    }
    const more = { file: `${this.#directory}/cgroup.freeze`, prior, written: frozen ? "1" : "0" };
    if (!frozen) return change("done", "thawed", more);
    return confirmed ? change("done", "frozen", more) : change("pending", "freeze asked, not confirmed yet", more);
  }

  /** @throws Gone when the cgroup was removed, or nothing lives in it any more */
  confirm(now_ns: number): Maybe<Change> {
    const events = this.#events_now();
    if (!events.populated) throw new Gone("nothing lives in it any more");
    if (this.#confirmation.pending) {
      if (events.frozen) {
        this.#confirmation.settle();
        this.#frozen = true;
        return change("done", "frozen: confirmed by cgroup.events");
      }
      if (!this.#confirmation.overdue(now_ns)) return null;
      this.#confirmation.settle();
      return change("failed", "not frozen within 2 s (a thread cannot be interrupted); undone", { end: true });
    }
    if (events.frozen === this.#frozen) return null;
    if (this.#wanted && !events.frozen) {
      this.#frozen = false;
      return change("drifted", "another writer thawed it");
    }
    this.#frozen = events.frozen;
    return null;
  }

  close(): void {
    this.#switch.close();
    this.#events.close();
  }

  #events_now(): { frozen: boolean; populated: boolean } {
    try {
      const text = this.#events.read();
      return { frozen: flat_value(text, "frozen") === "1", populated: flat_value(text, "populated") === "1" };
    } catch (error) {
      if (error instanceof FileTrouble && error.vanished) throw new Gone(`${this.#directory} was removed`);
      throw error;
    }
  }
}
