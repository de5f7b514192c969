import { basename, dirname } from "node:path";
import type { StepOutcome } from "../../model/quarantine.ts";
import type { Maybe } from "../../model/sample.ts";
import type { LedgerEntry } from "../entry.ts";
import { FileTrouble } from "../trouble.ts";
import { entry_of, type QuarantineContext, told, told_of_error } from "./context.ts";
import { type Watchdog, watchdog_attribute } from "./devices.ts";

const FEED_EVERY_NS = 1e9;

/** The hardware watchdog of a node nobody can reach: fed until its time is up, then left to reboot it. */
export class Deadline {
  readonly #context: QuarantineContext;
  #watchdog: Maybe<Watchdog> = null;
  #device = "";
  #until_ns = 0;
  #fed_ns = Number.NEGATIVE_INFINITY;
  #over = false;

  constructor(context: QuarantineContext) {
    this.#context = context;
  }

  /** Opens the device and feeds it for the first time; after a restart of the agent its old time holds. */
  arm(device: string, after_min: number): StepOutcome {
    const { ledger, world, now_ns } = this.#context;
    const known = ledger.entries().find((each) => each.kind === "watchdog");
    const until_ns = known === undefined ? now_ns() + after_min * 60e9 : Number(known.intended);
    const about = { id: 0, path: dirname(device), file: basename(device) };
    let entry: LedgerEntry | undefined = known;
    try {
      entry ??= ledger.open(entry_of("watchdog", "watchdog", about, "closed", String(until_ns)));
      this.#watchdog = world.devices.open_watchdog(device);
    } catch (error) {
      // It was never armed: there is nothing to stop.
      if (known === undefined && entry !== undefined) ledger.close_entry(entry.id);
      return told_of_error("watchdog", device, error);
    }
    this.#device = device;
    this.#until_ns = until_ns;
    this.#feed(now_ns());
    const timeout = watchdog_attribute(world.sys, device, "timeout");
    const within = timeout === null ? "its own timeout" : `${timeout} s`;
    const left_min = Math.max(0, (until_ns - now_ns()) / 60e9).toFixed(0);
    const detail = `fed for ${left_min} min, then the node reboots within ${within}; sooner if the agent ends`;
    return told("watchdog", device, "done", detail, { prior: "closed", written: "open", ledger_id: entry.id });
  }

  /** Feeds it when due. Returns what there is to tell: once, when the time is up. */
  at_leisure(now_ns: number): Maybe<StepOutcome> {
    if (this.#watchdog === null || this.#over) return null;
    if (now_ns >= this.#until_ns) {
      this.#over = true;
      return told("watchdog", this.#device, "done", "its time is up: no longer fed, the node reboots");
    }
    if (now_ns - this.#fed_ns < FEED_EVERY_NS) return null;
    return this.#feed(now_ns);
  }

  /** Lets go of the device as a crash would: it runs on until an undo stops it. */
  abandon(): void {
    this.#watchdog?.abandon();
    this.#watchdog = null;
  }

  #feed(now_ns: number): Maybe<StepOutcome> {
    this.#fed_ns = now_ns;
    try {
      this.#watchdog?.feed();
      return null;
    } catch (error) {
      if (!(error instanceof FileTrouble)) throw error;
      this.#over = true;
      return told("watchdog", this.#device, "failed", `${error.message}: it is not fed any more, the node reboots`);
    }
  }
}
