import { mkdirSync } from "node:fs";
import { type FileHandle, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { denied_hint } from "../files/denied.ts";
import { open_own_handle } from "../files/regular.ts";
import type { AuditEntry } from "../model/audit.ts";
import { errno_of, reason_of } from "../model/errno.ts";
import { OperatorError } from "../model/error.ts";
import { GENESIS, MAX_LINE_BYTES, seal } from "./line.ts";
import { resume_tail } from "./tail.ts";

export interface AuditOptions {
  readonly path: string;
  /** The file is rotated before it would grow beyond this. */
  readonly max_bytes: number;
  /** Rotated files kept: PATH.1 (newest) … PATH.keep. */
  readonly keep: number;
  /** ISO 8601 wall time; passed in, because clocks live in one place. */
  readonly wall_time: () => string;
}

const MAX_QUEUE = 1024;
const MAX_BATCH_BYTES = 262_144;
/** A disk that refused is left alone for so long: each attempt costs the beat, and its time is dear then. */
const RETRY_NS = 1e9;

/** An entry that waits; it is put into words when it is written, because that costs more than the beat it came from. */
interface Pending {
  readonly line: Readonly<Record<string, unknown>>;
  body: string | null;
}

function render(line: Pending["line"]): string {
  const body = JSON.stringify(line);
  if (body.length * 3 < MAX_LINE_BYTES || Buffer.byteLength(body) < MAX_LINE_BYTES - 256) return body;
  const { seq, wall_time, t_ns, kind, id } = line;
  const text = `an entry of kind ${kind} was longer than ${MAX_LINE_BYTES} bytes and is not kept`;
  return JSON.stringify({ seq, wall_time, t_ns, kind: "note", id, text });
}

/**
 * Append-only, hash-chained JSON lines. `append` only queues; `flush` writes, and is never awaited by the beat.
 * When the disk refuses, entries stay queued and are tried again; what no longer fits is counted and said in the next line.
 */
export class AuditWriter {
  readonly path: string;
  /** What kept the last flush from writing; null when it wrote. */
  trouble: string | null = null;
  /** Lines written, and entries lost because the queue was full, since the start. */
  written = 0;
  dropped = 0;
  readonly #options: AuditOptions;
  #queue: Pending[] = [];
  #lost = 0;
  #seq = 0;
  #prev = GENESIS;
  #bytes = 0;
  #file: FileHandle | null = null;
  #flushing: Promise<void> | null = null;
  #closed = false;
  #tried_ns = Number.NEGATIVE_INFINITY;

  /** Opens or creates the file and continues its chain. Throws OperatorError when that is not possible. */
  constructor(options: AuditOptions) {
    this.path = options.path;
    this.#options = options;
    try {
      mkdirSync(dirname(options.path), { recursive: true, mode: 0o750 });
      this.#resume();
    } catch (error) {
      throw cannot_open(options.path, error);
    }
  }

  /** Queue one entry, which must not change any more; returns its id, or "" when the queue was full and the entry is lost. No I/O. */
  append(entry: AuditEntry): string {
    if (this.#closed || this.#queue.length >= MAX_QUEUE) {
      this.#lost++;
      this.dropped++;
      return "";
    }
    const { t_ns, kind, ...rest } = entry;
    const seq = this.#seq++;
    const id = `e${seq}`;
    const lost = this.#lost > 0 ? { lost: this.#lost } : {};
    this.#lost = 0;
    const envelope = { seq, wall_time: this.#options.wall_time(), t_ns, kind, id };
    this.#queue.push({ line: { ...envelope, ...rest, ...lost }, body: null });
    return id;
  }

  /** Something is being written, or waits and was not refused. */
  get busy(): boolean {
    return this.#flushing !== null || (this.#queue.length > 0 && this.trouble === null);
  }

  /** Once a beat: begins to write what waits; where the disk refused, a second after the last attempt. @param t_ns as that of the entries */
  turn(t_ns: number): void {
    if (this.#queue.length === 0 || (this.trouble !== null && t_ns - this.#tried_ns < RETRY_NS)) return;
    this.#tried_ns = t_ns;
    void this.flush();
  }

  /** Write what is queued. Never rejects; see `trouble`. Concurrent calls share one run. */
  flush(): Promise<void> {
    if (this.#queue.length === 0) return this.#flushing ?? Promise.resolve();
    this.#flushing ??= this.#drain().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  /** Flush, close the file, refuse further entries. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
    if (this.#queue.length > 0 && this.trouble === null) await this.flush();
    await this.#file?.close();
    this.#file = null;
  }

  #resume(): void {
    const tail = resume_tail(this.path);
    this.#bytes = tail.bytes;
    if (tail.last !== null && typeof tail.last !== "string") {
      this.#seq = tail.last.seq + 1;
      this.#prev = tail.last.hash;
    }
    if (typeof tail.last === "string") {
      this.#bytes = Number.POSITIVE_INFINITY;
      this.append({ kind: "note", t_ns: 0, text: `chain restarted: the last line of the file before ${tail.last}` });
    }
    if (tail.torn_bytes > 0) {
      const where = tail.torn_kept ? `put aside in ${this.path}.torn` : "cut off, and the disk took no copy of it";
      const text = `an unfinished last line of ${tail.torn_bytes} bytes was ${where}`;
      this.append({ kind: "note", t_ns: 0, text });
    }
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      try {
        await this.#write_batch();
        this.trouble = null;
      } catch (error) {
        this.trouble = `audit ${this.path}: ${reason_of(error)}`;
        return;
      }
    }
  }

  async #write_batch(): Promise<void> {
    let prev = this.#prev;
    let text = "";
    let bytes = 0;
    let count = 0;
    for (const pending of this.#queue) {
      pending.body ??= render(pending.line);
      const { line, hash } = seal(pending.body, prev);
      const line_bytes = Buffer.byteLength(line) + 1;
      const full = this.#bytes + bytes + line_bytes > this.#options.max_bytes;
      if (count > 0 && (full || bytes + line_bytes > MAX_BATCH_BYTES)) break;
      if (full && this.#bytes > 0) await this.#rotate();
      text += `${line}\n`;
      prev = hash;
      bytes += line_bytes;
      count++;
    }
    this.#file ??= await open_own_handle(this.path, "append", 0o640);
    try {
      await this.#file.appendFile(text);
      await this.#file.datasync();
    } catch (error) {
      await this.#file.truncate(this.#bytes).catch(() => {});
      throw error;
    }
    this.#prev = prev;
    this.#bytes += bytes;
    this.written += count;
    this.#queue = this.#queue.slice(count);
  }

  async #rotate(): Promise<void> {
    await this.#file?.close();
    this.#file = null;
    for (let n = this.#options.keep - 1; n >= 1; n--)
      await rename_if_there(`${this.path}.${n}`, `${this.path}.${n + 1}`);
    await rename_if_there(this.path, `${this.path}.1`);
    this.#bytes = 0;
  }
}

async function rename_if_there(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}

function cannot_open(path: string, error: unknown): OperatorError {
  const code = errno_of(error);
  const denied = code === "EACCES" || code === "EPERM";
  return new OperatorError(
    `audit file ${path} cannot be opened for appending: ${reason_of(error)}`,
    denied ? 3 : 1,
    denied
      ? denied_hint("Run as root, or set audit.path to a file this user may write.")
      : "Set audit.path to a writable place on a disk.",
    error,
  );
}
