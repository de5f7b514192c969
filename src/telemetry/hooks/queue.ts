import type { HookCall } from "../../model/hook.ts";
import type { Maybe } from "../../model/sample.ts";

/** A hook to be run for one call. */
export interface HookJob {
  /** `pre 1`: its list in the configuration and its place there, from 1. */
  readonly hook: string;
  readonly command: readonly string[];
  readonly timeout_s: number;
  /** It only tells others. */
  readonly notifies: boolean;
  readonly call: HookCall;
}

export const WAITING_MAX = 16;

/** Hooks that wait and those that run: a bounded number of each, and those of one action in their order. Pure. */
export class HookQueue {
  at_once: number;
  readonly #waiting: HookJob[] = [];
  readonly #running = new Set<HookJob>();
  dropped = 0;

  constructor(at_once: number) {
    this.at_once = at_once;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get running(): number {
    return this.#running.size;
  }

  /** Returns what had to go for lack of room: the oldest of the same kind, or else the oldest. */
  push(job: HookJob): Maybe<HookJob> {
    this.#waiting.push(job);
    if (this.#waiting.length <= WAITING_MAX) return null;
    const same = this.#waiting.findIndex(({ hook, call }) => hook === job.hook && call.event === job.call.event);
    this.dropped++;
    return this.#waiting.splice(same === this.#waiting.length - 1 ? 0 : same, 1)[0]!;
  }

  /** The next to be run, which counts as running from now on; null when none may. */
  take(): Maybe<HookJob> {
    if (this.#running.size >= this.at_once) return null;
    const busy = new Set([...this.#running].map(({ call }) => call.action_id));
    const i = this.#waiting.findIndex(({ call }) => !busy.has(call.action_id));
    const job = this.#waiting.splice(i, i < 0 ? 0 : 1)[0] ?? null;
    if (job !== null) this.#running.add(job);
    return job;
  }

  /** Counts as running whatever the bound: the network is about to close. */
  begun(job: HookJob): void {
    this.#running.add(job);
  }

  ended(job: HookJob): void {
    this.#running.delete(job);
  }

  /** Nothing that waits will be run any more. */
  clear(): readonly HookJob[] {
    this.dropped += this.#waiting.length;
    return this.#waiting.splice(0);
  }
}
