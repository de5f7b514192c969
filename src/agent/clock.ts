/** The only place that knows wall time and timers; the beat itself lives by the kernel's timestamps. */

export function wall_time_iso(): string {
  return new Date().toISOString();
}

/** Local time of day, `14:03:22`. */
export function time_of_day(): string {
  const now = new Date();
  return [now.getHours(), now.getMinutes(), now.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}

/** Seconds since 1970. */
export function wall_s(): number {
  return Date.now() / 1000;
}

/** When this process began, ms since 1970: a little late, by what the runtime took to start. */
export function began_ms(): number {
  return performance.timeOrigin;
}

/** The wall time `ago_ns` before now, ISO 8601. */
export function wall_time_of(ago_ns: number): string {
  return new Date(Date.now() - ago_ns / 1e6).toISOString();
}

/** Aborts after so many seconds. */
export function deadline(seconds: number): AbortSignal {
  return AbortSignal.timeout(Math.ceil(seconds * 1000));
}

/** A tenth of a second in which the event loop runs. */
export function short_pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 100));
}

/** Gives the event loop one turn: signals, audit lines and sockets are served between two beats. */
export function next_turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Monotonic time for measuring a stretch of user space, microseconds. */
export function stopwatch_us(): number {
  return performance.now() * 1000;
}

/** Resolves after so many milliseconds; 0 gives the event loop one turn. */
export function pause(ms: number): Promise<void> {
  return ms <= 0 ? next_turn() : new Promise((resolve) => setTimeout(resolve, ms));
}

/** A signal that aborts after so many milliseconds. */
export function abort_after(ms: number): AbortSignal {
  return AbortSignal.timeout(ms);
}
