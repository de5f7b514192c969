import { accessSync, closeSync, constants, existsSync, ftruncateSync, readSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { open_own } from "../files/regular.ts";
import { reason_of } from "../model/errno.ts";
import { OperatorError } from "../model/error.ts";

/** As the name of a file. */
export const STANDARD_OUTPUT = "-";
/** The mark stands at the very beginning. */
const MARK_WITHIN_BYTES = 1024;

/** A file of a kind that only HOSA makes. */
export interface OwnKind {
  /** What every file of it says near its beginning. */
  readonly mark: string;
  /** "page of hosa" */
  readonly name: string;
  /** "page of `hosa report`" */
  readonly made_by: string;
}

/** A new file, or one of ours: that may be made again, anything else is somebody's. @throws OperatorError (exit code 1) */
export function write_own(file: string, text: string, kind: OwnKind): void {
  try {
    const fd = open_own(file, "read_write", 0o640);
    try {
      if (!is_ours(fd, kind.mark)) throw foreign(file, kind);
      ftruncateSync(fd);
      writeFileSync(fd, text);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw new OperatorError(
      `cannot write ${file}: ${reason_of(error)}`,
      1,
      "Give a path in a writable directory.",
      error,
    );
  }
}

/** Whether `write_own` would write it, for what takes long before it does; nothing is changed. @throws OperatorError (exit code 1) */
export function require_own(file: string, kind: OwnKind): void {
  try {
    if (!existsSync(file)) {
      accessSync(dirname(file), constants.W_OK);
      return;
    }
    const fd = open_own(file, "read_write", 0o640);
    try {
      if (!is_ours(fd, kind.mark)) throw foreign(file, kind);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw new OperatorError(
      `cannot write ${file}: ${reason_of(error)}`,
      1,
      "Give a path in a writable directory.",
      error,
    );
  }
}

function is_ours(fd: number, mark: string): boolean {
  const head = Buffer.alloc(MARK_WITHIN_BYTES);
  const length = readSync(fd, head, 0, MARK_WITHIN_BYTES, 0);
  return length === 0 || head.toString("utf8", 0, length).includes(mark);
}

function foreign(file: string, { name, made_by }: OwnKind): OperatorError {
  const hint = `Give another name, or remove it first: only a ${made_by} is written over.`;
  return new OperatorError(`${file} is there already and is no ${name}`, 1, hint);
}
