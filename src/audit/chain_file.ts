import { type BigIntStats, closeSync, readSync } from "node:fs";
import { type FileHandle, lstat, mkdir, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { open_own_handle, open_to_read } from "../files/regular.ts";
import { errno_of } from "../model/errno.ts";

/** Which file a path led to: device and inode. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
}

/** What another program did to the file since the last batch. */
export type Disturbance = "removed" | "replaced" | "truncated";

/** Of the audit: its group may read it. */
export const AUDIT_MODE = 0o640;

/**
 * The file at one path that lines are appended to. Another program may rename, remove, replace or truncate it at any time, as logrotate
 * does: `look` compares the inode behind the path with the one behind the descriptor, and finds out before anything is written.
 */
export class ChainFile {
  readonly path: string;
  #handle: FileHandle | null = null;
  #known: FileIdentity | null;
  #bytes: number;
  /** It was truncated within a line. */
  #cut = false;

  /** @param known the file the chain was resumed from, and its size; null: the next `open` makes a new one */
  constructor(path: string, known: FileIdentity | null, bytes: number) {
    this.path = path;
    this.#known = known;
    this.#bytes = bytes;
  }

  /** Size of the file as far as it is known. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * What became of the file since it was last looked at; null where it is as it was left. A file that is not the known one is let go of,
   * which frees its blocks. Rejects with what the file system says.
   */
  async look(): Promise<Disturbance | null> {
    const there = await stat_of(this.path);
    if (this.#known === null) return null;
    if (there === null || there.ino !== this.#known.ino || there.dev !== this.#known.dev) {
      await this.close();
      this.#known = null;
      this.#bytes = 0;
      return there === null ? "removed" : "replaced";
    }
    const size = Number(there.size);
    const truncated = size < this.#bytes;
    this.#bytes = size;
    if (!truncated) return null;
    this.#cut = size > 0 && !ends_with_a_line(this.path, size);
    return "truncated";
  }

  /** Appends and syncs; what a full disk took of it is cut off again. Rejects with what the file system says. */
  async append(text: string): Promise<void> {
    const handle = await this.#opened();
    // Half a line stays one of its own, which readers put aside; this text would become its other half.
    const whole = this.#cut ? `\n${text}` : text;
    try {
      await handle.appendFile(whole);
      await handle.datasync();
    } catch (error) {
      // Where even that fails, the unfinished line is put aside at the next start.
      await handle.truncate(this.#bytes).catch(() => {});
      throw error;
    }
    this.#bytes += Buffer.byteLength(whole);
    this.#cut = false;
  }

  /** Moves the file to PATH.1, that one to PATH.2 and so on; PATH.keep is given up. */
  async rotate(keep: number): Promise<void> {
    await this.close();
    for (let n = keep - 1; n >= 1; n--) await rename_if_there(`${this.path}.${n}`, `${this.path}.${n + 1}`);
    await rename_if_there(this.path, `${this.path}.1`);
    this.#known = null;
    this.#bytes = 0;
  }

  /** The file at the path is the one to go on with, whoever put it there. */
  adopt(known: FileIdentity, bytes: number): void {
    this.#known = known;
    this.#bytes = bytes;
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = null;
  }

  async #opened(): Promise<FileHandle> {
    if (this.#handle !== null) return this.#handle;
    await mkdir(dirname(this.path), { recursive: true, mode: 0o750 });
    const handle = await open_own_handle(this.path, "append", AUDIT_MODE);
    this.#handle = handle;
    const stat = await handle.stat({ bigint: true });
    this.#known = { dev: stat.dev, ino: stat.ino };
    this.#bytes = Number(stat.size);
    return handle;
  }
}

function ends_with_a_line(path: string, size: number): boolean {
  const fd = open_to_read(path);
  try {
    const last = Buffer.alloc(1);
    return readSync(fd, last, 0, 1, size - 1) === 1 && last[0] === 10;
  } finally {
    closeSync(fd);
  }
}

async function stat_of(path: string): Promise<BigIntStats | null> {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errno_of(error) ?? "")) return null;
    throw error;
  }
}

async function rename_if_there(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (errno_of(error) !== "ENOENT") throw error;
  }
}
