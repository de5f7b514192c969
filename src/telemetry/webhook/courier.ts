import { counted } from "../../model/counted.ts";
import { errno_of, errno_text } from "../../model/errno.ts";
import type { Notice } from "../../model/notice.ts";
import type { WebhookFigures } from "./figures.ts";
import { render_payload, type Template } from "./payload.ts";
import { DeliveryQueue } from "./queue.ts";

export interface CourierOptions {
  /** Place in the configuration, from 1. */
  readonly name: string;
  readonly endpoint: {
    readonly url: string;
    /** Of this endpoint; absent: none, whatever the environment says. */
    readonly proxy?: string | undefined;
    readonly secret: string;
    readonly template: Template;
    readonly timeout_s: number;
  };
  /** 0..1, see DeliveryQueue. */
  readonly phase: number;
  readonly user_agent: string;
  /** CLOCK_MONOTONIC, ns. */
  readonly clock: () => number;
  /** Seconds since 1970. */
  readonly wall_s: () => number;
  /** Aborts after so many seconds. */
  readonly deadline: (seconds: number) => AbortSignal;
  readonly on_message: (level: "warn" | "info", text: string) => void;
}

/** Carries notices to one endpoint, on the event loop: an endpoint that is slow or dead costs nobody anything. */
export class Courier {
  readonly #options: CourierOptions;
  readonly #queue: DeliveryQueue;
  #attempting: Promise<void> | null = null;

  constructor(options: CourierOptions) {
    this.#options = options;
    this.#queue = new DeliveryQueue(options.phase);
  }

  get figures(): WebhookFigures {
    const { delivered, failed_attempts, dropped, length } = this.#queue;
    return { name: this.#options.name, delivered, failed_attempts, dropped, waiting: length };
  }

  push(notice: Notice): void {
    this.#telling_drops(() => this.#queue.push(notice));
  }

  /** @param say false: that it is given up has been said already */
  #telling_drops(change: () => void, say = true): void {
    const { dropped } = this.#queue;
    change();
    if (!say || this.#queue.dropped === dropped) return;
    const { name, on_message } = this.#options;
    on_message("warn", `webhook ${name}: a notice is given up, too long or too many waited; the audit has it`);
  }

  /** Begins the next attempt when it is time for one. The promise is for tests; it never rejects. */
  turn(now_ns: number): Promise<void> | null {
    const notice = this.#queue.take(now_ns);
    if (notice === null) return null;
    this.#attempting = this.#attempt(notice);
    return this.#attempting;
  }

  /** One attempt, before everything that waits; what is older of the same episode is not sent any more. Returns what came of it. */
  async send_first(notice: Notice, within_s: number): Promise<{ readonly ok: boolean; readonly detail: string }> {
    const { name, endpoint } = this.#options;
    this.#queue.supersede(notice);
    const result = await this.#send(notice, Math.min(within_s, endpoint.timeout_s));
    if (!result.ok && result.again) this.#queue.push(notice);
    return { ok: result.ok, detail: `webhook ${name}: ${result.ok ? "told" : result.why}` };
  }

  /** One attempt for each notice that waits, without the pauses, until one fails: there is no later. */
  async drain(): Promise<void> {
    await this.#attempting;
    const failed = this.#queue.failed_attempts;
    while (this.#queue.failed_attempts === failed) {
      const attempt = this.turn(Number.POSITIVE_INFINITY);
      if (attempt === null) return;
      await attempt;
    }
  }

  /** Says what is lost. */
  close(): void {
    const { name, on_message } = this.#options;
    const lost = this.#queue.length;
    if (lost > 0)
      on_message("warn", `webhook ${name}: ${counted(lost, "notice")} not taken before the end; the audit has them`);
  }

  async #attempt(notice: Notice): Promise<void> {
    const { name, endpoint, clock, on_message } = this.#options;
    const result = await this.#send(notice, endpoint.timeout_s);
    if (result.ok) {
      if (this.#queue.failures > 0) on_message("info", `webhook ${name} is reached again`);
      this.#queue.accepted();
      return;
    }
    if (this.#queue.failures === 0 || !result.again) {
      const what = result.again ? "it is tried again" : "the notice is given up";
      on_message("warn", `webhook ${name} (${new URL(endpoint.url).host}): ${result.why}; ${what}`);
    }
    this.#telling_drops(() => this.#queue.failed(clock(), result.again), result.again);
  }

  async #send(notice: Notice, timeout_s: number): Promise<Sent> {
    const { endpoint, deadline, user_agent, wall_s } = this.#options;
    const body = render_payload(notice, endpoint.template);
    const headers = {
      "Content-Type": "application/json",
      "User-Agent": user_agent,
      ...signature(body, endpoint.secret, Math.floor(wall_s())),
    };
    try {
      // A redirect would carry what is signed for one endpoint to another.
      const response = await fetch(endpoint.url, {
        method: "POST",
        body,
        headers,
        redirect: "manual",
        ...(endpoint.proxy === undefined ? {} : { proxy: endpoint.proxy }),
        signal: deadline(timeout_s),
      });
      await response.body?.cancel();
      if (response.ok) return { ok: true };
      const { status } = response;
      return { ok: false, why: `answered ${status}`, again: status >= 500 || status === 408 || status === 429 };
    } catch (error) {
      const timed_out = error instanceof Error && error.name === "TimeoutError";
      const why = timed_out ? `no answer within ${timeout_s} s` : why_not_reached(error);
      return { ok: false, why, again: true };
    }
  }
}

type Sent = { readonly ok: true } | { readonly ok: false; readonly why: string; readonly again: boolean };

/** The kind of the failure; the message may hold the address, and that a secret. */
function why_not_reached(error: unknown): string {
  const symbol = errno_of(error);
  return symbol === null ? "not reached" : `not reached: ${errno_text(symbol)}`;
}

/**
 * Who knows the secret computes HMAC-SHA256 over `timestamp.body`, compares, and refuses old timestamps.
 * @param timestamp_s seconds since 1970
 */
export function signature(body: string, secret: string, timestamp_s: number): Record<string, string> {
  if (secret === "") return {};
  const digest = new Bun.CryptoHasher("sha256", secret).update(`${timestamp_s}.${body}`).digest("hex");
  return { "X-Hosa-Timestamp": String(timestamp_s), "X-Hosa-Signature": `sha256=${digest}` };
}
