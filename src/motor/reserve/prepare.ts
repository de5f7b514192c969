import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  realpathSync,
  statfsSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { KernelError } from "../../ffi/errors.ts";
import { geteuid, page_size_bytes } from "../../ffi/libc.ts";
import { allocate } from "../../ffi/swap.ts";
import { denied_hint } from "../../files/denied.ts";
import { distrust_directory } from "../../files/trust.ts";
import type { Maybe } from "../../model/sample.ts";
import { LABEL, read_header, swap_header } from "./header.ts";
import { size } from "./room.ts";

/** What an operator set aside: at most so much of the file system that holds `path`. */
export interface ReserveWish {
  readonly path: string;
  readonly size_bytes: number;
  /** Stays free on that file system. */
  readonly margin_bytes: number;
}

/** The file as the kernel will name it, or what keeps it from being used and what to do about that. */
export type Prepared = { readonly path: string } | { readonly missing: string };

/** File systems (statfs(2)) in which no swap file can lie, or only one that others have prepared. */
const WITHOUT_SWAP_FILES: ReadonlyMap<number, string> = new Map([
  [0x01021994, "tmpfs"],
  [0x858458f6, "ramfs"],
  [0x794c7630, "overlayfs"],
  [0x9123683e, "btrfs (copy on write)"],
  [0x2fc12fc1, "zfs"],
  [0x6969, "nfs"],
  [0x65735546, "fuse"],
]);
const BLOCK_BYTES = 512;

function refused(missing: string): Prepared {
  return { missing };
}

/**
 * Makes the swap file, whole and without holes, or finds the one made before; nothing is switched on. Takes as long as the file system needs to
 * reserve the blocks: for the start, not for the beat. A file that is not ours is never written to.
 */
export function prepare_reserve(wish: ReserveWish): Prepared {
  try {
    const path = join(realpathSync(dirname(wish.path)), basename(wish.path));
    const why_not = why_not_here(dirname(path));
    if (why_not !== null) return refused(why_not);
    return prepared_file({ ...wish, path });
  } catch (error) {
    return refused(sentence(error, wish.path));
  }
}

/** As far as can be told without making anything: for `hosa doctor`. */
export function examine_reserve(wish: ReserveWish): Prepared {
  try {
    const path = join(realpathSync(dirname(wish.path)), basename(wish.path));
    const why_not = why_not_here(dirname(path));
    if (why_not !== null) return refused(why_not);
    const fd = open_existing(path);
    if (fd === null) return no_room({ ...wish, path }, 0) ?? { path };
    try {
      return check_ours(fd, path, wish.size_bytes) ?? { path };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    return refused(sentence(error, wish.path));
  }
}

function why_not_here(directory: string): Maybe<string> {
  const changeable = distrust_directory(directory);
  if (changeable !== null) return `${changeable}: another user could put a file in the place of the swap file`;
  const name = WITHOUT_SWAP_FILES.get(statfsSync(directory).type);
  if (name === undefined) return null;
  return `${directory} is on ${name}, which offers no swap files: set reserve.path to a file on ext4 or xfs`;
}

function prepared_file(wish: ReserveWish): Prepared {
  const { path } = wish;
  const known = open_existing(path);
  const fd = known ?? make_file(wish);
  if (typeof fd !== "number") return fd;
  try {
    return completed(fd, wish, known !== null);
  } finally {
    closeSync(fd);
  }
}

/** Nothing is made where it would not fit. */
function make_file(wish: ReserveWish): number | Prepared {
  const flags = constants.O_CREAT | constants.O_EXCL | constants.O_RDWR | constants.O_NOFOLLOW;
  return no_room(wish, 0) ?? openSync(wish.path, flags, 0o600);
}

function completed(fd: number, wish: ReserveWish, known: boolean): Prepared {
  const { path, size_bytes } = wish;
  const refusal = known ? check_ours(fd, path, size_bytes) : null;
  if (refusal !== null) return refusal;
  const found = fstatSync(fd);
  const has_bytes = found.blocks * BLOCK_BYTES;
  // Complete, and perhaps on: then nobody may write to it.
  if (found.size === size_bytes && has_bytes >= size_bytes) return { path };
  const full = no_room(wish, has_bytes);
  if (full !== null) return full;
  // The header first: a preparation that was cut off is then known as ours by the next one.
  const page = swap_header(page_size_bytes(), size_bytes, randomBytes(16));
  writeSync(fd, page, 0, page.length, 0);
  ftruncateSync(fd, size_bytes);
  allocate(fd, size_bytes, path);
  fsyncSync(fd);
  const blocks_bytes = fstatSync(fd).blocks * BLOCK_BYTES;
  if (blocks_bytes >= size_bytes) return { path };
  return refused(
    `${path} has holes (${size(blocks_bytes)} of ${size(size_bytes)} are on disk): the kernel takes no such swap file`,
  );
}

/** Null: there is none. A symbolic link is not followed. */
function open_existing(path: string): Maybe<number> {
  try {
    return openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

/** Null when the file is one of ours, and only root can read what will be swapped into it. */
function check_ours(fd: number, path: string, size_bytes: number): Maybe<Prepared> {
  const found = fstatSync(fd);
  const elsewhere = "remove it, or name another file in reserve.path";
  if (!found.isFile()) return refused(`${path} is not an ordinary file: ${elsewhere}`);
  const page = new Uint8Array(page_size_bytes());
  const header = readSync(fd, page, 0, page.length, 0) === page.length ? read_header(page) : null;
  if (header === null)
    return refused(`${path} exists and is not ours (no swap header labelled ${LABEL}): ${elsewhere}`);
  if (found.uid !== geteuid() || (found.mode & 0o077) !== 0) {
    return refused(`${path} can be read by others than its owner: chown root, chmod 600, or remove it`);
  }
  if (header.size_bytes !== size_bytes) {
    return refused(
      `${path} is ours and holds ${size(header.size_bytes)}, reserve.size_bytes asks for ${size(size_bytes)}: remove it, it is made anew`,
    );
  }
  return null;
}

function no_room({ path, size_bytes, margin_bytes }: ReserveWish, has_bytes: number): Maybe<Prepared> {
  const { bavail, bsize } = statfsSync(dirname(path));
  const free_bytes = bavail * bsize;
  const wanted_bytes = Math.max(0, size_bytes - has_bytes) + margin_bytes;
  if (free_bytes >= wanted_bytes) return null;
  const made = has_bytes === 0 ? "" : ` more`;
  return refused(
    `${dirname(path)} has ${size(free_bytes)} free, ${size(size_bytes - has_bytes)}${made} and a margin of ${size(margin_bytes)} are wanted: make room, or lower reserve.size_bytes`,
  );
}

function sentence(error: unknown, path: string): string {
  if (error instanceof KernelError) return error.message;
  if (!(error instanceof Error && "code" in error)) throw error;
  const { code } = error;
  const todo: Readonly<Record<string, string>> = {
    ENOENT: "make its directory",
    EACCES: denied_hint("run as root"),
    EPERM: denied_hint("run as root"),
    ELOOP: "it is a symbolic link: name the file itself",
    EROFS: "its file system is read-only",
    ENOSPC: "make room, or lower reserve.size_bytes",
  };
  return `prepare ${path}: ${String(code)} (${todo[String(code)] ?? "name another file in reserve.path"})`;
}
