import { closeSync, fstatSync, ftruncateSync, readSync, writeSync } from "node:fs";
import { open_own } from "../files/regular.ts";
import type { AuditRecord } from "../model/audit.ts";
import { MAX_LINE_BYTES, unseal } from "./line.ts";

/** Where an existing file ends. */
export interface Tail {
  readonly bytes: number;
  /** The last record; null for an empty file; a sentence when the last line is not a valid record. */
  readonly last: AuditRecord | string | null;
  /** Bytes of an unfinished last line that were cut off, and whether they could be moved to `*.torn`. */
  readonly torn_bytes: number;
  readonly torn_kept: boolean;
}

const NEWLINE = 10;

/** Find the last line of a file and put an unfinished one (power loss) aside in `PATH.torn`. Throws what the file system throws. */
export function resume_tail(path: string): Tail {
  const fd = open_own(path, "read_append", 0o640);
  try {
    const size = fstatSync(fd).size;
    const window = read_window(fd, size);
    const end = window.lastIndexOf(NEWLINE) + 1;
    const torn = window.subarray(end);
    const torn_kept = torn.length === 0 || put_aside(path, torn);
    if (torn.length > 0) ftruncateSync(fd, size - torn.length);
    const bytes = size - torn.length;
    const about = { bytes, torn_bytes: torn.length, torn_kept };
    if (end === 0) return { ...about, last: bytes === 0 ? null : "has no line end within 1 MiB" };
    const start = end < 2 ? 0 : window.lastIndexOf(NEWLINE, end - 2) + 1;
    return { ...about, last: unseal(window.subarray(start, end - 1)) };
  } finally {
    closeSync(fd);
  }
}

/** False where the disk does not take it: a full one must not keep the agent from starting. */
function put_aside(path: string, torn: Buffer): boolean {
  try {
    const fd = open_own(`${path}.torn`, "append", 0o640);
    try {
      const line = Buffer.concat([torn, Buffer.from("\n")]);
      return writeSync(fd, line) === line.length;
    } finally {
      closeSync(fd);
    }
  } catch {
    return false;
  }
}

/** The last line and an unfinished one after it fit in two line lengths. */
function read_window(fd: number, size: number): Buffer {
  const window = Buffer.alloc(Math.min(size, 2 * MAX_LINE_BYTES + 2));
  let read = 0;
  while (read < window.length) {
    const got = readSync(fd, window, read, window.length - read, size - window.length + read);
    if (got === 0) break;
    read += got;
  }
  return window.subarray(0, read);
}
