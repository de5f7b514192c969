import { randomUUID } from "node:crypto";
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { errno_of, errno_text } from "../model/errno.ts";
import { OperatorError } from "../model/error.ts";

/** Throws OperatorError where the file could not be written: better said before a question than after it. */
export function require_writable(file: string): void {
  let directory = dirname(file);
  while (!existsSync(directory) && dirname(directory) !== directory) directory = dirname(directory);
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unwritable(file, error);
  }
}

/** Written beside, synced and renamed: at every instant there is one whole file, also when two commands write it. Throws OperatorError. */
export function write_drop_in(file: string, text: string): void {
  const directory = dirname(file);
  // The name does not end in .yaml, so that a draft left by a crash is never read.
  const draft = `${file}.${randomUUID()}.new`;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    const fd = openSync(draft, "wx", 0o644);
    try {
      // Whatever the operator's umask is: whoever may ask for the status reads it, too.
      fchmodSync(fd, 0o644);
      writeSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(draft, file);
    sync(directory);
  } catch (error) {
    rmSync(draft, { force: true });
    throw unwritable(file, error);
  }
}

function sync(directory: string): void {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function unwritable(file: string, error: unknown): Error {
  const symbol = errno_of(error);
  if (symbol === null) return error instanceof Error ? error : new Error(String(error));
  const denied = symbol === "EACCES" || symbol === "EPERM";
  const hint = denied
    ? "Run as root."
    : symbol === "EROFS"
      ? "Set `autonomy` where this configuration is made."
      : "Free some space, or remove what is in the way; nothing was changed.";
  return new OperatorError(`${file} cannot be written: ${errno_text(symbol)}`, denied ? 3 : 1, hint, error);
}
