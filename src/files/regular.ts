import { closeSync, constants, fstatSync, openSync, readFileSync, rmSync, type Stats, writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/**
 * Opening never waits (a FIFO would, for a writer that does not come), never becomes the terminal, and a file that this process writes is
 * reached by its own name: whoever may add a name to its directory could otherwise lead it elsewhere.
 */
const READ = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
const OWN = constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
const CREATE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | OWN;
const WRITABLE_BY_ALL = 0o002;

/** A file that is there, and is not of the form that is expected. `code` stands where an errno would be said. */
export class UnsuitableFile extends Error {
  override readonly name = "UnsuitableFile";
  readonly code: string;

  constructor(path: string, code: string) {
    super(`${path}: ${code}`);
    this.code = code;
  }
}

/** Opens a regular file to read. Returns the fd. Throws UnsuitableFile, or what the file system says. */
export function open_to_read(path: string): number {
  const fd = openSync(path, READ);
  try {
    require_regular(path, fstatSync(fd));
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** The whole text of a regular file. Throws UnsuitableFile also where it is larger than `max_bytes`. */
export function read_text(path: string, max_bytes: number): string {
  const fd = open_to_read(path);
  try {
    const { size } = fstatSync(fd);
    if (size > max_bytes) throw new UnsuitableFile(path, `it is larger than ${max_bytes} bytes`);
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}

/** How an own file is opened: each of these creates it where it is not there. */
const OWN_FLAGS = {
  append: constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | OWN,
  read_append: constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | OWN,
  read_write: constants.O_RDWR | constants.O_CREAT | OWN,
} as const;

/** Opens a file that this process alone writes, or creates it. Returns the fd. Throws UnsuitableFile, or what the file system says. */
export function open_own(path: string, how: keyof typeof OWN_FLAGS, mode: number): number {
  const fd = named(path, () => openSync(path, OWN_FLAGS[how], mode));
  try {
    require_own(path, fstatSync(fd));
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** The same, off the event loop. Rejects as `open_own` throws. */
export async function open_own_handle(path: string, how: keyof typeof OWN_FLAGS, mode: number): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    handle = await open(path, OWN_FLAGS[how], mode);
  } catch (error) {
    throw no_link(path, error);
  }
  try {
    require_own(path, await handle.stat());
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A new file in the place of whatever has the name: that is removed, never written to. Returns the fd; throws what the file system says. */
export function create_anew(path: string, mode: number): number {
  rmSync(path, { force: true });
  return openSync(path, CREATE, mode);
}

/** A new file with this text, in the place of whatever has the name. Throws what the file system says. */
export function write_anew(path: string, text: string, mode: number): void {
  const fd = create_anew(path, mode);
  try {
    writeFileSync(fd, text);
  } finally {
    closeSync(fd);
  }
}

function named<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw no_link(path, error);
  }
}

function no_link(path: string, error: unknown): unknown {
  const is_link = error instanceof Error && "code" in error && error.code === "ELOOP";
  return is_link ? new UnsuitableFile(path, "it is a symbolic link; name the file itself") : error;
}

function require_regular(path: string, stats: Stats): void {
  if (!stats.isFile()) throw new UnsuitableFile(path, `it is ${kind_of(stats)}, not a regular file`);
}

function require_own(path: string, stats: Stats): void {
  require_regular(path, stats);
  const uid = process.geteuid?.() ?? 0;
  if (stats.uid !== uid && stats.uid !== 0) throw new UnsuitableFile(path, `it belongs to user ${stats.uid}`);
  if ((stats.mode & WRITABLE_BY_ALL) !== 0) throw new UnsuitableFile(path, "everybody may write to it");
  if (stats.nlink > 1) throw new UnsuitableFile(path, `it has ${stats.nlink} names (hard links)`);
}

function kind_of(stats: Stats): string {
  if (stats.isDirectory()) return "a directory";
  if (stats.isFIFO()) return "a FIFO";
  if (stats.isSocket()) return "a socket";
  return "a device";
}
