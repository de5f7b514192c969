import { closeSync, createReadStream, readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { denied_hint } from "../files/denied.ts";
import { open_to_read } from "../files/regular.ts";
import type { AuditRecord } from "../model/audit.ts";
import { errno_of, reason_of } from "../model/errno.ts";
import { OperatorError } from "../model/error.ts";
import { GENESIS, MAX_LINE_BYTES, unseal } from "./line.ts";

/** A record that is what was written, or a place where the chain says it is not. Lines count from 1. */
export type AuditItem =
  | { readonly type: "record"; readonly record: AuditRecord; readonly file: string; readonly line: number }
  | { readonly type: "problem"; readonly problem: string; readonly file: string; readonly line: number };

/** PATH and its rotated files, oldest first. Throws OperatorError when there is none. */
export function audit_files(path: string): readonly string[] {
  const rotated: number[] = [];
  try {
    for (const name of readdirSync(dirname(path))) {
      const suffix = name.startsWith(`${basename(path)}.`) ? name.slice(basename(path).length + 1) : "";
      if (/^[1-9][0-9]?$/.test(suffix)) rotated.push(Number(suffix));
    }
    statSync(path);
  } catch (error) {
    if (rotated.length === 0) throw unreadable(path, error);
  }
  const numbered = rotated.sort((a, b) => b - a).map((n) => join(dirname(path), `${basename(path)}.${n}`));
  try {
    statSync(path);
    return [...numbered, path];
  } catch {
    return numbered;
  }
}

/**
 * Every line of the audit, oldest first, checked against the chain. Streams: memory is bounded by one line and one chunk.
 * A chain proves that no line was changed, removed or put in between; lines cut off at the very end leave no trace in it.
 */
export async function* read_audit(path: string): AsyncGenerator<AuditItem> {
  let expected = null as Link | null;
  using opened = new OpenFiles(audit_files(path));
  for (const { file, fd } of opened.files) {
    let number = 0;
    for await (const piece of lines_of(file, fd)) {
      number++;
      const at = { file, line: number };
      if (typeof piece === "string") {
        yield { type: "problem", problem: piece, ...at };
        continue;
      }
      const record = unseal(piece);
      if (typeof record === "string") {
        yield { type: "problem", problem: `tampered: line ${record}`, ...at };
        expected = { seq: expected?.seq == null ? null : expected.seq + 1, prev: null };
        continue;
      }
      const broken = broken_link(record, expected, file !== path);
      if (broken !== null) yield { type: "problem", problem: broken, ...at };
      expected = { seq: record.seq + 1, prev: record.hash };
      yield { type: "record", record, ...at };
    }
  }
}

/** All files at once: what an agent rotates while one is read keeps its place. */
class OpenFiles {
  readonly files: { readonly file: string; readonly fd: number }[] = [];

  constructor(paths: readonly string[]) {
    for (const file of paths) {
      try {
        this.files.push({ file, fd: open_to_read(file) });
      } catch (error) {
        // Rotated out of the way between the listing and here; the chain says if anything is missing.
        if (paths.length > 1 && error instanceof Error && "code" in error && error.code === "ENOENT") continue;
        this[Symbol.dispose]();
        throw unreadable(file, error);
      }
    }
  }

  [Symbol.dispose](): void {
    for (const { fd } of this.files) closeSync(fd);
  }
}

/** What the next line must be; null where it cannot be known. */
interface Link {
  readonly seq: number | null;
  readonly prev: string | null;
}

function broken_link(record: AuditRecord, expected: Link | null, oldest_is_rotated: boolean): string | null {
  const starts = record.seq === 0 && record.prev === GENESIS;
  if (expected === null) {
    if (starts || (record.seq > 0 && oldest_is_rotated)) return null;
    return record.seq === 0 ? "tampered: starts no chain" : `truncated: the ${record.seq} lines before are missing`;
  }
  if (starts) return "chain restarted: the lines before are not linked to the ones after";
  if (expected.seq !== null && record.seq !== expected.seq) {
    return `tampered: line ${expected.seq} of the chain expected, line ${record.seq} found`;
  }
  if (expected.prev !== null && record.prev !== expected.prev) return "tampered: not linked to the line before";
  return null;
}

/** Lines without their newline; a sentence for a piece that is no line. */
async function* lines_of(file: string, fd: number): AsyncGenerator<Uint8Array | string> {
  let rest: Buffer = Buffer.alloc(0);
  let skipping = false;
  const stream = createReadStream(file, { fd, autoClose: false });
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      let data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10)) {
        if (!skipping) yield data.subarray(0, end);
        skipping = false;
        data = data.subarray(end + 1);
      }
      rest = data;
      if (rest.length > MAX_LINE_BYTES) {
        if (!skipping) yield `tampered: line longer than ${MAX_LINE_BYTES} bytes`;
        skipping = true;
        rest = Buffer.alloc(0);
      }
    }
  } catch (error) {
    throw unreadable(file, error);
  }
  if (rest.length > 0 && !skipping) yield `truncated: the last line is unfinished (${rest.length} bytes)`;
}

function unreadable(path: string, error: unknown): OperatorError {
  const code = errno_of(error);
  const denied = code === "EACCES" || code === "EPERM";
  const hint = denied
    ? denied_hint("Run as root: the audit is for root alone, unless its directory was opened to others.")
    : "Give the file with --audit FILE, or set audit.path in the configuration; it is written by `hosa run`.";
  return new OperatorError(`audit file ${path} cannot be read: ${reason_of(error)}`, denied ? 3 : 1, hint, error);
}
