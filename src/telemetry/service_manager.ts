import { NotifySocket } from "../ffi/notify_socket.ts";
import type { Maybe } from "../model/sample.ts";

/** The part of the interval after which the manager is fed again: one lost datagram must not mean a restart. */
const FEEDS_PER_INTERVAL = 4;
/** Not counted as a loss: one line of `systemctl status`; `hosa status` says all of it. */
const STATUS_CHARS_MAX = 200;

/** Of what the manager put into the environment: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID. */
export type ManagerEnvironment = Readonly<Record<string, string | undefined>>;

/** Interval of the watchdog in ns; null when none is set, or it is meant for another process. */
export function watchdog_interval_ns(environment: ManagerEnvironment, pid: number): Maybe<number> {
  const { WATCHDOG_USEC: interval = "", WATCHDOG_PID: meant = String(pid) } = environment;
  if (meant !== String(pid)) return null;
  const usec = /^[1-9]\d{0,15}$/.test(interval) ? Number(interval) : 0;
  return usec > 0 ? usec * 1000 : null;
}

/**
 * What sd_notify(3) says, without libsystemd. Every call sends at most one datagram and never waits: a manager that does not read
 * costs its own knowledge, not a beat. Without a manager every call does nothing.
 */
export class ServiceManager implements Disposable {
  readonly #socket: Maybe<NotifySocket>;
  readonly #feed_every_ns: number;
  #fed_ns = Number.NEGATIVE_INFINITY;
  /** Messages the manager did not take. */
  lost = 0;
  #status = "";

  /** Throws KernelError when NOTIFY_SOCKET names what cannot be a socket. */
  constructor(environment: ManagerEnvironment, pid: number) {
    const name = environment["NOTIFY_SOCKET"] ?? "";
    this.#socket = name === "" ? null : new NotifySocket(name);
    const interval_ns = watchdog_interval_ns(environment, pid);
    this.#feed_every_ns = interval_ns === null ? Number.POSITIVE_INFINITY : interval_ns / FEEDS_PER_INTERVAL;
  }

  ready(status: string): void {
    this.#status = one_line(status);
    this.#send("READY=1", `STATUS=${this.#status}`);
  }

  /** @param now_ns CLOCK_MONOTONIC; the manager tells by it which READY=1 ends this reload */
  reloading(now_ns: number): void {
    this.#send("RELOADING=1", `MONOTONIC_USEC=${Math.floor(now_ns / 1000)}`);
  }

  /** Sent only when it says something new. */
  status(text: string): void {
    const status = one_line(text);
    if (status === this.#status) return;
    this.#status = status;
    this.#send(`STATUS=${status}`);
  }

  stopping(status: string): void {
    this.#send("STOPPING=1", `STATUS=${one_line(status)}`);
  }

  /** To be called by the beat and nobody else: a loop that hangs is restarted, whatever else of the process lives. */
  beaten(now_ns: number): void {
    if (now_ns - this.#fed_ns < this.#feed_every_ns) return;
    this.#fed_ns = now_ns;
    this.#send("WATCHDOG=1");
  }

  [Symbol.dispose](): void {
    this.#socket?.[Symbol.dispose]();
  }

  #send(...lines: readonly string[]): void {
    if (this.#socket?.send(lines.join("\n")) === false) this.lost += 1;
  }
}

function one_line(text: string): string {
  return text.replace(/\s+/g, " ").slice(0, STATUS_CHARS_MAX);
}
