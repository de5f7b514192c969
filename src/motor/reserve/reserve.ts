import type { Outcome, OutcomeStatus } from "../../model/containment.ts";
import type { Maybe } from "../../model/sample.ts";
import type { LedgerEntry } from "../entry.ts";
import type { CgroupFiles } from "../files.ts";
import type { Ledger } from "../ledger.ts";
import { outcome_of_undo } from "../outcome.ts";
import { FileTrouble, Refusal } from "../trouble.ts";
import type { SwapPort } from "./port.ts";
import { size, why_it_stays } from "./room.ts";
import { area_at, type SwapArea } from "./swaps.ts";
import { area_entry, area_path } from "./undo.ts";

const CHECK_PERIOD_NS = 1e9;
/** What cannot be switched off is looked at again after this: each look reads the cgroups that have something in swap. */
const LOOK_AGAIN_NS = 10e9;
/** With less than this left in the host's own swap areas, ours is wanted beside them. */
const OTHERS_FREE_BYTES = 64 * 1048576;

/** off · coming and going: the kernel is at it · on · failed: it could not be switched on, or somebody else switched it off. */
export type ReserveState = "off" | "coming" | "on" | "going" | "failed";

export interface ReserveParts {
  readonly ledger: Ledger;
  readonly files: CgroupFiles;
  readonly port: SwapPort;
  readonly mount: string;
  /** The prepared swap file; null: none is set aside, and only what a predecessor left is looked after. */
  readonly path: Maybe<string>;
}

/**
 * The swap area an operator has set aside: on only while a containment needs it, off again as soon as what lies in it fits back. Nothing
 * here waits: the kernel works on a thread of its own, and each beat asks whether it has ended.
 */
export class Reserve {
  readonly #parts: ReserveParts;
  #entry: Maybe<LedgerEntry>;
  #state: ReserveState;
  #detail = "";
  #give_back: Maybe<() => void> = null;
  #checked_ns = Number.NEGATIVE_INFINITY;
  #looked_ns = Number.NEGATIVE_INFINITY;

  constructor(parts: ReserveParts) {
    this.#parts = parts;
    this.#entry = parts.ledger.entries().find((entry) => entry.kind === "swap") ?? null;
    this.#state = this.#entry === null ? "off" : "on";
  }

  get path(): Maybe<string> {
    return this.#parts.path;
  }

  get state(): ReserveState {
    return this.#state;
  }

  /** Why it is in this state; empty when there is nothing to say. */
  get detail(): string {
    return this.#detail;
  }

  /** Once a beat. @param needed a containment wants it on. Returns what there is to tell. */
  poll(now_ns: number, needed: boolean): Maybe<Outcome> {
    if (this.#state === "off" && !needed) return null;
    const asked = this.#state === "coming" || this.#state === "going";
    if (asked && this.#parts.port.running()) return null;
    if (this.#state === "failed" && !needed) this.#state = "off";
    if (!asked && now_ns - this.#checked_ns < CHECK_PERIOD_NS) return null;
    this.#checked_ns = now_ns;
    try {
      if (asked) return this.#ended(now_ns);
      return needed ? this.#keep_on(now_ns) : this.#let_go(now_ns, "no longer needed");
    } catch (error) {
      // A Refusal: the ledger could not take it, so nothing was asked for.
      if (!(error instanceof FileTrouble || error instanceof Refusal)) throw error;
      const listed = this.#entry !== null && this.#state !== "off";
      return listed ? this.#troubled(now_ns, error.message) : this.#failed(now_ns, error.message);
    }
  }

  /** It stays in the ledger, whatever kept us from looking at it; told once. */
  #troubled(now_ns: number, message: string): Maybe<Outcome> {
    if (this.#detail === message) return null;
    this.#detail = message;
    return this.#tell(now_ns, "failed", message);
  }

  /** An operator, or the end of the agent, wants it off. @param wait the agent ends: an empty area is switched off at once */
  release(now_ns: number, reason: string, wait = false): Maybe<Outcome> {
    if (this.#entry === null) return null;
    if (this.#state === "coming" || this.#state === "going") {
      if (this.#parts.port.running()) return this.#tell(now_ns, "pending", `${reason}: the kernel is still at it`);
      const ended = this.#ended(now_ns);
      if (this.#entry === null) return ended;
    }
    this.#looked_ns = Number.NEGATIVE_INFINITY;
    try {
      return this.#let_go(now_ns, reason, wait) ?? this.#tell(now_ns, "pending", this.#detail);
    } catch (error) {
      if (!(error instanceof FileTrouble)) throw error;
      return this.#tell(now_ns, "failed", error.message);
    }
  }

  #keep_on(now_ns: number): Maybe<Outcome> {
    const { port, path, ledger, mount } = this.#parts;
    const areas = port.areas();
    if (this.#state === "on") {
      if (this.#area(areas) !== undefined) return null;
      return this.#failed(now_ns, `another writer switched ${this.#own_path()} off; not fought`, "drifted");
    }
    if (this.#state === "failed" || path === null) return null;
    const free = areas.reduce((sum, area) => sum + area.size_bytes - area.used_bytes, 0);
    if (free >= OTHERS_FREE_BYTES) return null;
    this.#give_back = port.hold(path);
    if (this.#give_back === null) return this.#failed(now_ns, `${path} is held by another process`);
    this.#entry = ledger.open(area_entry(path, mount));
    port.begin_on(path);
    this.#state = "coming";
    return this.#tell(now_ns, "pending", `${path} is being switched on`, "apply");
  }

  /** Null: it stays for now, and that has been told. */
  #let_go(now_ns: number, reason: string, wait = false): Maybe<Outcome> {
    if (this.#entry === null || now_ns - this.#looked_ns < LOOK_AGAIN_NS) return null;
    this.#looked_ns = now_ns;
    const { port, files, mount } = this.#parts;
    const path = this.#own_path();
    const area = this.#area(port.areas());
    if (area === undefined) return this.#closed(now_ns, "done", `${reason}: ${path} is off already`);
    const why = why_it_stays(port, area, files, mount);
    if (why !== null) {
      const told = this.#detail !== "";
      this.#detail = `${path} stays on: ${why}`;
      return told ? null : this.#tell(now_ns, "pending", `${reason}: ${this.#detail}`);
    }
    this.#detail = "";
    this.#give_back = port.hold(path);
    if (this.#give_back === null) return this.#tell(now_ns, "pending", `${path} is held by another process`);
    if (wait && area.used_bytes === 0) {
      this.#asked(() => port.off(path));
      return this.#closed(now_ns, "done", `${reason}: ${path} switched off`);
    }
    if (wait) {
      this.#unhold();
      return this.#tell(
        now_ns,
        "pending",
        `${path} stays on: ${size(area.used_bytes)} lie in it; \`hosa release\` waits for them`,
      );
    }
    this.#asked(() => port.begin_off(path));
    this.#state = "going";
    return this.#tell(
      now_ns,
      "pending",
      `${reason}: ${path} is being switched off, ${size(area.used_bytes)} lie in it`,
    );
  }

  /** The kernel has answered. */
  #ended(now_ns: number): Maybe<Outcome> {
    const came = this.#state === "coming";
    const path = this.#own_path();
    const errno = this.#parts.port.errno();
    this.#unhold();
    if (!came) {
      if (errno === null || errno === "EINVAL") return this.#closed(now_ns, "done", `${path} switched off`);
      // Not all of it could come back: what is left stays where it is, and is tried again.
      this.#state = "on";
      this.#detail = `${path} stays on: swapoff ended with ${errno}`;
      return this.#tell(now_ns, "pending", this.#detail);
    }
    if (errno !== null)
      return this.#failed(now_ns, `swapon ${path}: ${errno} (${HINTS[errno] ?? "see the kernel's log"})`);
    const area = this.#area(this.#parts.port.areas());
    if (area === undefined) return this.#unlisted(now_ns, path);
    this.#state = "on";
    this.#looked_ns = Number.NEGATIVE_INFINITY;
    const about = `${size(area.size_bytes)}, priority ${area.priority}`;
    return this.#tell(now_ns, "done", `${path} switched on: ${about}`, "apply");
  }

  /** An area the kernel lists under another name could not be followed: off with it while nothing lies in it. */
  #unlisted(now_ns: number, path: string): Maybe<Outcome> {
    try {
      this.#parts.port.off(path);
    } catch (error) {
      if (!(error instanceof FileTrouble)) throw error;
    }
    return this.#failed(now_ns, `${path} was switched on, but /proc/swaps has no such name: switched off again`);
  }

  #failed(now_ns: number, detail: string, status: OutcomeStatus = "failed"): Maybe<Outcome> {
    this.#unhold();
    this.#state = "failed";
    this.#detail = detail;
    const told = this.#tell(now_ns, status, detail, "apply");
    this.#strike();
    return told;
  }

  #closed(now_ns: number, status: OutcomeStatus, detail: string): Maybe<Outcome> {
    const told = this.#tell(now_ns, status, detail);
    this.#unhold();
    this.#strike();
    this.#state = "off";
    this.#detail = "";
    return told;
  }

  #strike(): void {
    if (this.#entry !== null) this.#parts.ledger.close_entry(this.#entry.id);
    this.#entry = null;
  }

  /** A request the kernel does not take gives the area back, or we would find it held by ourselves at the next one. */
  #asked(request: () => void): void {
    try {
      request();
    } catch (error) {
      this.#unhold();
      throw error;
    }
  }

  #unhold(): void {
    this.#give_back?.();
    this.#give_back = null;
  }

  #own_path(): string {
    return this.#entry === null ? (this.#parts.path ?? "the reserve") : area_path(this.#entry);
  }

  #area(areas: readonly SwapArea[]): SwapArea | undefined {
    return area_at(areas, this.#own_path());
  }

  #tell(now_ns: number, status: OutcomeStatus, detail: string, verb: Outcome["verb"] = "release"): Maybe<Outcome> {
    const { path, mount } = this.#parts;
    const about = this.#entry ?? (path === null ? null : { ...area_entry(path, mount), ...UNWRITTEN });
    if (about === null) return null;
    return { ...outcome_of_undo(about, { status, found: null, written: null, detail }, now_ns, ""), verb };
  }
}

/** An outcome about an area that never came into the ledger. */
const UNWRITTEN = { id: "", boot_id: "", superseded: "" };

const HINTS: Readonly<Record<string, string>> = {
  EPERM: "not permitted, or as many areas as the kernel knows are on",
  EINVAL: "its file system offers no swap files, or the file has holes",
  EBUSY: "it is on already, or in use otherwise",
  ENOMEM: "the kernel had no memory for its tables",
};
