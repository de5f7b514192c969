import { fstatSync } from "node:fs";
import type { LogLevel } from "../config/index.ts";

/** Syslog priorities of sd-daemon(3): journald takes them from the front of a line and stores them as PRIORITY=. */
export const PRIORITIES: Readonly<Record<LogLevel, number>> = { error: 3, warn: 4, info: 6, debug: 7 };

/** Whether a descriptor leads to the journal: JOURNAL_STREAM names device and inode of the stream, and it may have been redirected. */
export function is_journal(fd: number, stream: string | undefined): boolean {
  if (stream === undefined || !/^\d+:\d+$/.test(stream)) return false;
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    // A descriptor that is closed leads nowhere.
    return false;
  }
}

/** A line with its priority in front. */
export function with_priority(level: LogLevel, line: string): string {
  return `<${PRIORITIES[level]}>${line}`;
}
