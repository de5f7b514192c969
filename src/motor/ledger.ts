import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeSync,
} from "node:fs";
import { create_anew, open_own, read_text, UnsuitableFile } from "../files/regular.ts";
import { distrust_directory } from "../files/trust.ts";
import { errno_text } from "../model/errno.ts";
import type { Maybe } from "../model/sample.ts";
import type { LedgerEntry } from "./entry.ts";
import { LedgerBusy, type Lock, take_lock } from "./lock.ts";
import { Refusal } from "./trouble.ts";

type Line =
  | { readonly op: "open"; readonly entry: LedgerEntry }
  | { readonly op: "adjust"; readonly id: string; readonly intended: string }
  | { readonly op: "close"; readonly id: string };

const FILE_NAME = "ledger.jsonl";
const OPEN_ENTRIES_MAX = 256;
/** Past this size the file is rewritten with its open entries only. */
const COMPACT_BYTES = 256 * 1024;
/** With less room than this the next entry may not fit: an entry takes a kilobyte or two, and the file system gives pages. */
const LEAST_ROOM_BYTES = 16 * 1024;
/** Larger than any ledger gets: 256 entries, and a line on top of what is compacted. */
const FILE_BYTES_MAX = 64 * 1024 * 1024;

/** An entry before the ledger has numbered it. */
export type NewEntry = Omit<LedgerEntry, "id" | "boot_id" | "superseded">;

export interface LedgerOptions {
  /** Called around every change of the file; a test stops the motor there. */
  readonly step?: (name: string) => void;
  readonly boot_id?: string;
}

/** The boot this is: entries of another one speak of cgroups that no longer exist. */
export function current_boot_id(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
}

/** Append-only file of JSON lines in a directory on tmpfs, synced before the write it protects. */
export class Ledger {
  readonly boot_id: string;
  /** Why nothing can be written down, and so nothing may be done; null while it can. */
  trouble: Maybe<string> = null;
  /** Entries that could not be written down: what they were for was not done. */
  refused = 0;
  /** How often another program removed the file or its lock, which were then made again. */
  disturbed = 0;
  readonly path: string;
  readonly #directory: string;
  readonly #step: (name: string) => void;
  readonly #open = new Map<string, LedgerEntry>();
  readonly #lock: Lock;
  #fd: number;
  /** Then the file belongs to whoever takes the lock next. */
  #closed = false;
  #inode: number;
  #size_bytes: number;
  #sequence = 0;

  /** @throws LedgerBusy when a live process holds it */
  constructor(directory: string, options: LedgerOptions = {}) {
    this.#step = options.step ?? (() => undefined);
    this.boot_id = options.boot_id ?? current_boot_id();
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    // What it says is written by root to wherever it says.
    const why = distrust_directory(directory);
    if (why !== null) throw new UnsuitableFile(directory, why);
    this.#lock = take_lock(`${directory}/ledger.lock`, this.boot_id);
    this.#directory = directory;
    this.path = `${directory}/${FILE_NAME}`;
    try {
      for (const entry of read_entries(this.path).values()) {
        if (entry.boot_id === this.boot_id) this.#open.set(entry.id, entry);
      }
      this.#fd = open_own(this.path, "append", 0o600);
      this.#inode = fstatSync(this.#fd).ino;
      this.#size_bytes = 0;
      // A torn last line must not swallow the next one, and closed entries need not be kept.
      this.#compact();
    } catch (error) {
      this.#lock();
      throw error;
    }
  }

  /**
   * Once a second, whether anything is written or not: file and lock are made again where another program removed them, and `trouble` says
   * whether the next entry could be written down.
   */
  examine(): void {
    if (this.#closed) return;
    try {
      this.#find_file();
      accessSync(this.#directory, constants.W_OK);
      const { bavail, bsize } = statfsSync(this.#directory);
      const room_bytes = bavail * bsize;
      // What refused the latest entry need not be the room: asked by a line that says nothing.
      if (this.trouble !== null && room_bytes >= LEAST_ROOM_BYTES) this.#write("\n");
      this.trouble =
        room_bytes < LEAST_ROOM_BYTES
          ? `${this.path}: ${errno_text("ENOSPC")}: ${room_bytes} bytes are free there`
          : null;
    } catch (error) {
      this.trouble = `${this.path}: ${why_of(error)}`;
    }
  }

  /** Open entries, oldest first. */
  entries(): readonly LedgerEntry[] {
    return [...this.#open.values()];
  }

  /** Write an entry down; it is on tmpfs when this returns. @throws Refusal at the bound of open entries, or when it cannot be written */
  open(entry: NewEntry): LedgerEntry {
    if (this.#open.size >= OPEN_ENTRIES_MAX) {
      throw new Refusal(`the ledger holds ${OPEN_ENTRIES_MAX} open entries, its bound; release some first`);
    }
    const own = { id: this.#next_id(), boot_id: this.boot_id, superseded: entry.intended };
    const full: LedgerEntry = { ...entry, ...own };
    // Before the line: writing it may rewrite the file from what is open.
    this.#open.set(full.id, full);
    this.#append({ op: "open", entry: full }, () => this.#open.delete(full.id));
    return full;
  }

  /** A new intended value of an open entry, so that an undo after a crash still knows our own value. @throws Refusal when it cannot be written */
  adjust(entry: LedgerEntry, intended: string): LedgerEntry {
    if (entry.intended === intended) return entry;
    const changed = adjusted(entry, intended);
    this.#open.set(entry.id, changed);
    this.#append({ op: "adjust", id: entry.id, intended }, () => this.#open.set(entry.id, entry));
    return changed;
  }

  /** The entry is undone. Where that cannot be written down it will be undone once more, which changes nothing. */
  close_entry(id: string): void {
    if (!this.#open.delete(id)) return;
    try {
      this.#append({ op: "close", id });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
    if (this.#open.size === 0) this.#compact();
  }

  /** Close the file and give the lock back; open entries stay for whoever comes next. */
  close(): void {
    this.#closed = true;
    closeSync(this.#fd);
    this.#lock();
  }

  /** A pid may come back within one boot, so an id left by a predecessor is stepped over. */
  #next_id(): string {
    do this.#sequence += 1;
    while (this.#open.has(`${process.pid}-${this.#sequence}`));
    return `${process.pid}-${this.#sequence}`;
  }

  /** @param take_back forgets what was remembered for the line; called when it cannot be written. @throws Refusal then */
  #append(line: Line, take_back: () => void = () => undefined): void {
    this.#step(`before ledger ${line.op}`);
    try {
      this.#find_file();
      this.#write(`${JSON.stringify(line)}\n`);
      this.trouble = null;
    } catch (error) {
      take_back();
      this.refused += 1;
      this.trouble = `${this.path}: ${why_of(error)}`;
      throw new Refusal(`write the ledger ${this.trouble}; nothing is done that could not be undone`);
    }
    this.#step(`after ledger ${line.op}`);
    if (this.#size_bytes > COMPACT_BYTES) this.#compact();
  }

  /** Appends and syncs, or leaves the file as it was. */
  #write(text: string): void {
    const bytes = Buffer.from(text);
    try {
      // A full disk takes a part of it at most, and says so only at the next call.
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
      fsyncSync(this.#fd);
    } catch (error) {
      ftruncateSync(this.#fd, this.#size_bytes);
      throw error;
    }
    this.#size_bytes += bytes.length;
  }

  /** The file at the path is the one that is written, and the lock is ours: what cleans up /run may have taken either away. */
  #find_file(): void {
    const there = lstatSync(this.path, { throwIfNoEntry: false });
    const lost_file = there === undefined || there.ino !== this.#inode;
    if (lost_file) mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const lost_lock = this.#lock.keep();
    if (lost_file) this.#rewrite();
    if (lost_file || lost_lock) this.disturbed += 1;
  }

  /** Where there is no room for two files, the one stays. */
  #compact(): void {
    try {
      this.#rewrite();
    } catch (error) {
      code_of(error);
      rmSync(`${this.path}.new`, { force: true });
      this.#cut_torn_line();
    }
  }

  /** Rewrite beside and rename over: at every instant one complete file exists. */
  #rewrite(): void {
    const draft = `${this.path}.new`;
    write_entries(draft, this.#open.values());
    this.#step("before ledger compact");
    renameSync(draft, this.path);
    this.#step("after ledger compact");
    closeSync(this.#fd);
    this.#fd = open_own(this.path, "append", 0o600);
    const { ino, size } = fstatSync(this.#fd);
    this.#inode = ino;
    this.#size_bytes = size;
  }

  #cut_torn_line(): void {
    const whole = readFileSync(this.path).lastIndexOf("\n") + 1;
    ftruncateSync(this.#fd, whole);
    this.#size_bytes = whole;
  }
}

/** What keeps an entry from being written, in a few words; our own bugs are thrown again. */
function why_of(error: unknown): string {
  return error instanceof LedgerBusy ? error.message : errno_text(code_of(error));
}

/** errno of a failed call; anything else is our own bug and thrown again. */
function code_of(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  throw error;
}

function write_entries(path: string, entries: Iterable<LedgerEntry>): void {
  const fd = create_anew(path, 0o600);
  try {
    for (const entry of entries) {
      const bytes = Buffer.from(`${JSON.stringify({ op: "open", entry })}\n`);
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    }
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Open entries of a ledger file by id, oldest first; empty when there is no file. */
export function read_entries(path: string): Map<string, LedgerEntry> {
  const open = new Map<string, LedgerEntry>();
  let text: string;
  try {
    text = read_text(path, FILE_BYTES_MAX);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return open;
    throw error;
  }
  for (const raw of text.split("\n")) {
    const line = parse_line(raw);
    if (line === null) continue;
    if (line.op === "open") open.set(line.entry.id, line.entry);
    else if (line.op === "close") open.delete(line.id);
    else {
      const entry = open.get(line.id);
      if (entry !== undefined) open.set(line.id, adjusted(entry, line.intended));
    }
  }
  return open;
}

function adjusted(entry: LedgerEntry, intended: string): LedgerEntry {
  return { ...entry, intended, superseded: entry.intended };
}

/** A torn line was never synced, so nothing it announced was done: it is skipped. */
function parse_line(raw: string): Maybe<Line> {
  try {
    const value: Line = JSON.parse(raw);
    return typeof value === "object" && value !== null && "op" in value ? value : null;
  } catch {
    return null;
  }
}
