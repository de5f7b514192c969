import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { denied_hint } from "../files/denied.ts";
import type { AuditEntry, Continuation } from "../model/audit.ts";
import { errno_of, reason_of } from "../model/errno.ts";
import { OperatorError } from "../model/error.ts";
import { ChainFile, type Disturbance } from "./chain_file.ts";
import { GENESIS, MAX_LINE_BYTES, seal } from "./line.ts";
import { resume_tail, type Tail } from "./tail.ts";

export interface AuditOptions {
  readonly path: string;
  /** The file is rotated before it would grow beyond this. */
  readonly max_bytes: number;
  /** Rotated files kept: PATH.1 (newest) … PATH.keep. */
  readonly keep: number;
  /** ISO 8601 wall time; passed in, because clocks live in one place. */
  readonly wall_time: () => string;
  /** Before each batch: keeps the lock that makes this process the only writer. Throws when another one has taken it. */
  readonly keep_lock?: () => void;
  /** Entries that an earlier process could not write before it ended. */
  readonly lost_before?: { readonly count: number; readonly why: string } | null;
}

const MAX_QUEUE = 1024;
const MAX_BATCH_BYTES = 262_144;
/** A disk that refused is left alone for so long: each attempt costs the beat, and its time is dear then. */
const RETRY_NS = 1e9;

const BECAME: Readonly<Record<Disturbance, string>> = {
  removed: "another program removed or renamed the file",
  replaced: "another program put a new file in its place",
  truncated: "another program truncated the file",
};

/** An entry that waits; it is put into words when it is written, because that costs more than the beat it came from. */
interface Pending {
  line: Readonly<Record<string, unknown>>;
  body: string | null;
}

/**
 * Append-only, hash-chained JSON lines. `append` only queues; `flush` writes, and is never awaited by the beat.
 * When the disk refuses, entries stay queued and are tried again; what no longer fits is counted and said in the next line.
 * When another program takes the file away, the chain goes on in a new one, whose first line says so.
 */
export class AuditWriter {
  readonly path: string;
  /** What kept the last flush from writing; null when it wrote. */
  trouble: string | null = null;
  /** Lines written, and entries lost, since the start. */
  written = 0;
  dropped = 0;
  /** Entries longer than a line may be, of which only a note was written. */
  shortened = 0;
  /** How often another program removed, replaced or truncated the file, and what it did the last time. */
  disturbed = 0;
  disturbance = "";
  readonly #options: AuditOptions;
  readonly #file: ChainFile;
  #queue: Pending[] = [];
  #lost = 0;
  #lost_why = "";
  #seq = 0;
  #prev = GENESIS;
  #foreign_tail = false;
  #became: Disturbance | null = null;
  #continues: Continuation | null = null;
  #flushing: Promise<void> | null = null;
  #closed = false;
  #tried_ns = Number.NEGATIVE_INFINITY;

  /** Opens or creates the file and continues its chain. Throws OperatorError when that is not possible. */
  constructor(options: AuditOptions) {
    this.path = options.path;
    this.#options = options;
    const before = options.lost_before ?? null;
    if (before !== null) {
      this.#lost = before.count;
      this.#lost_why = before.why;
    }
    try {
      mkdirSync(dirname(options.path), { recursive: true, mode: 0o750 });
      const tail = resume_tail(options.path);
      this.#file = new ChainFile(options.path, tail.identity, tail.bytes);
      this.#resume(tail);
    } catch (error) {
      throw cannot_open(options.path, error);
    }
  }

  /** Entries that wait to be written. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Queue one entry, which must not change any more; returns its id, or "" when the queue was full and the entry is lost. No I/O. */
  append(entry: AuditEntry): string {
    if (this.#closed || this.#queue.length >= MAX_QUEUE) {
      this.#lose(1, this.trouble ?? `${MAX_QUEUE} entries waited, the bound`);
      return "";
    }
    const { t_ns, kind, ...rest } = entry;
    const seq = this.#seq++;
    const id = `e${seq}`;
    const lost = this.#lost > 0 ? { lost: this.#lost, lost_why: this.#lost_why } : {};
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

  /** Flush, close the file, refuse further entries. What the disk did not take counts as lost. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
    if (this.#queue.length > 0 && this.trouble === null) await this.flush();
    // Lines that say how many are missing before them are missing themselves.
    for (const { line } of this.#queue) this.#lost += Number(line["lost"] ?? 0);
    if (this.#queue.length > 0) this.#lose(this.#queue.length, this.trouble ?? "");
    this.#queue = [];
    await this.#file.close();
  }

  /** Entries lost of which no line says so yet; null: there are none. */
  get unsaid(): NonNullable<AuditOptions["lost_before"]> | null {
    return this.#lost === 0 ? null : { count: this.#lost, why: this.#lost_why };
  }

  #lose(count: number, why: string): void {
    this.#lost += count;
    this.#lost_why = why;
    this.dropped += count;
  }

  #resume({ last, torn_bytes, torn_kept }: Tail): void {
    if (last !== null && typeof last !== "string") {
      this.#seq = last.seq + 1;
      this.#prev = last.hash;
    }
    if (typeof last === "string") {
      this.#foreign_tail = true;
      this.append({ kind: "note", t_ns: 0, text: `chain restarted: the last line of the file before ${last}` });
    }
    if (torn_bytes > 0) {
      const where = torn_kept ? `put aside in ${this.path}.torn` : "cut off, and the disk took no copy of it";
      const text = `an unfinished last line of ${torn_bytes} bytes was ${where}`;
      this.append({ kind: "note", t_ns: 0, text });
    }
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      try {
        await this.#find_file();
        await this.#write_batch();
        this.trouble = null;
      } catch (error) {
        this.trouble = `audit ${this.path}: ${reason_of(error)}`;
        return;
      }
    }
  }

  /** Sees to it that the next line lands in a file of ours at the path, whatever another program did meanwhile. */
  async #find_file(): Promise<void> {
    this.#options.keep_lock?.();
    const became = await this.#file.look();
    if (became !== null) {
      this.disturbed += 1;
      this.disturbance = BECAME[became];
    }
    // A file that cannot be taken up (a link, one that others may write to) is asked about again before the next batch.
    this.#became = became ?? this.#became;
    if (this.#became === null) return;
    const is_taken_up = this.#became === "replaced" && (await this.#take_up());
    this.#became = null;
    if (is_taken_up || this.#prev === GENESIS) return;
    this.#continues = { seq: this.#first_seq() - 1, hash: this.#prev, why: this.disturbance };
  }

  /** A file that holds the chain up to its present end is gone on with; any other one that is not empty is rotated away. True: gone on with. */
  async #take_up(): Promise<boolean> {
    const { identity, bytes, last } = resume_tail(this.path);
    this.#file.adopt(identity, bytes);
    if (bytes === 0) return false;
    if (last !== null && typeof last !== "string" && last.hash === this.#prev) return true;
    await this.#file.rotate(this.#options.keep);
    return false;
  }

  /** Number of the first line that waits. */
  #first_seq(): number {
    return this.#seq - this.#queue.length;
  }

  async #write_batch(): Promise<void> {
    if (this.#continues !== null) this.#say_continued(this.#continues);
    let prev = this.#prev;
    let text = "";
    let bytes = 0;
    let count = 0;
    for (const pending of this.#queue) {
      pending.body ??= this.#render(pending.line);
      const { line, hash } = seal(pending.body, prev);
      const line_bytes = Buffer.byteLength(line) + 1;
      const full = this.#foreign_tail || this.#file.bytes + bytes + line_bytes > this.#options.max_bytes;
      if (count > 0 && (full || bytes + line_bytes > MAX_BATCH_BYTES)) break;
      if (full && this.#file.bytes > 0) await this.#file.rotate(this.#options.keep);
      this.#foreign_tail = false;
      text += `${line}\n`;
      prev = hash;
      bytes += line_bytes;
      count++;
    }
    await this.#file.append(text);
    this.#prev = prev;
    this.#continues = null;
    this.written += count;
    this.#queue = this.#queue.slice(count);
  }

  #say_continued(continues: Continuation): void {
    const first = this.#queue[0];
    if (first === undefined) return;
    first.line = { ...first.line, continues };
    first.body = null;
  }

  #render(line: Pending["line"]): string {
    const body = JSON.stringify(line);
    if (body.length * 3 < MAX_LINE_BYTES || Buffer.byteLength(body) < MAX_LINE_BYTES - 256) return body;
    this.shortened += 1;
    const { seq, wall_time, t_ns, kind, id, lost, lost_why, continues } = line;
    const text = `an entry of kind ${kind} was longer than ${MAX_LINE_BYTES} bytes and is not kept`;
    return JSON.stringify({ seq, wall_time, t_ns, kind: "note", id, text, lost, lost_why, continues });
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
