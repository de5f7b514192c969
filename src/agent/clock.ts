/** The only place that knows wall time and timers; the beat itself lives by the kernel's timestamps. */

export function wall_time_iso(): string {
  return new Date().toISOString();
}

/** Gives the event loop one turn: signals, audit lines and sockets are served between two beats. */
export function next_turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Monotonic time for measuring a stretch of user space, microseconds. */
export function stopwatch_us(): number {
  return performance.now() * 1000;
}
