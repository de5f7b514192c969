import type { Notice } from "../../model/notice.ts";
import type { Maybe } from "../../model/sample.ts";

export const WAITING_MAX = 32;
export const ATTEMPTS_MAX = 12;
export const FIRST_BACKOFF_S = 1;
export const BACKOFF_MAX_S = 300;

interface Waiting {
  readonly notice: Notice;
  attempts: number;
  /** A newer state of its episode has been told beside the queue. */
  superseded: boolean;
}

/** Notices on their way to one endpoint, one at a time and in order. The clock is an input. */
export class DeliveryQueue {
  /** Spreads the attempts of many nodes: 0..1, one for each node. */
  readonly #phase: number;
  readonly #waiting: Waiting[] = [];
  #flying: Maybe<Waiting> = null;
  /** Attempts in a row that failed: the endpoint is down, whatever it is to be told. */
  #failures = 0;
  #not_before_ns = Number.NEGATIVE_INFINITY;
  delivered = 0;
  failed_attempts = 0;
  dropped = 0;

  constructor(phase: number) {
    this.#phase = phase;
  }

  get length(): number {
    return this.#waiting.length + (this.#flying === null ? 0 : 1);
  }

  get failures(): number {
    return this.#failures;
  }

  /** A newer state of the same episode takes the place of what still waits, which is no loss: it says more. When there is no room the oldest goes. */
  push(notice: Notice): void {
    const same = this.#waiting.findIndex(
      (one) => one.notice.episode === notice.episode && one.notice.status === notice.status,
    );
    if (same >= 0) {
      this.#waiting[same] = { notice, attempts: 0, superseded: false };
      return;
    }
    this.#waiting.push({ notice, attempts: 0, superseded: false });
    if (this.#waiting.length <= WAITING_MAX) return;
    this.#waiting.shift();
    this.dropped++;
  }

  /** A newer state is on its way beside the queue: what waits of that episode need not be sent. */
  supersede({ episode, status }: Notice): void {
    const same = this.#waiting.findIndex((one) => one.notice.episode === episode && one.notice.status === status);
    if (same >= 0) this.#waiting.splice(same, 1);
    const flying = this.#flying;
    if (flying?.notice.episode === episode && flying.notice.status === status) flying.superseded = true;
  }

  /** What to send now; null while an attempt runs, a pause lasts, or nothing waits. */
  take(now_ns: number): Maybe<Notice> {
    if (this.#flying !== null || now_ns < this.#not_before_ns) return null;
    this.#flying = this.#waiting.shift() ?? null;
    return this.#flying?.notice ?? null;
  }

  /** Nothing that waits will be sent any more. Returns how many that are. */
  give_up(): number {
    const lost = this.length;
    this.#waiting.length = 0;
    this.#flying = null;
    this.dropped += lost;
    return lost;
  }

  accepted(): void {
    this.#flying = null;
    this.#failures = 0;
    this.#not_before_ns = Number.NEGATIVE_INFINITY;
    this.delivered++;
  }

  /** @param again the same notice may be accepted later; otherwise it never will */
  failed(now_ns: number, again: boolean): void {
    const flown = this.#flying;
    this.#flying = null;
    this.#failures++;
    this.failed_attempts++;
    this.#not_before_ns = now_ns + this.#pause_s() * 1e9;
    if (flown === null) return;
    flown.attempts++;
    const { episode, status } = flown.notice;
    const newer = this.#waiting.some((one) => one.notice.episode === episode && one.notice.status === status);
    if (newer || flown.superseded) return;
    if (again && flown.attempts < ATTEMPTS_MAX && this.#waiting.length < WAITING_MAX) this.#waiting.unshift(flown);
    else this.dropped++;
  }

  #pause_s(): number {
    const doubled = FIRST_BACKOFF_S * 2 ** Math.min(30, this.#failures - 1);
    return Math.min(BACKOFF_MAX_S, doubled) * (0.75 + this.#phase / 2);
  }
}
