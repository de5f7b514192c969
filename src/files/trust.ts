import { accessSync, constants, lstatSync, readlinkSync, type Stats, statfsSync } from "node:fs";
import { dirname, join, normalize, resolve } from "node:path";
import { errno_of, reason_of } from "../model/errno.ts";
import type { Maybe } from "../model/sample.ts";

const LINKS_MAX = 16;
const WRITABLE_BY_GROUP = 0o020;
const WRITABLE_BY_ALL = 0o002;
const STICKY = 0o1000;
const EXECUTABLE = 0o111;

/** File systems with a server behind them (statfs(2)): until the program has begun, the beat would wait for that server. */
const REMOTE: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x65735546, "FUSE"],
  [0x00c36400, "Ceph"],
  [0x5346414f, "AFS"],
]);

/** What is asked of a path. */
interface Question {
  /** Besides root, the owner that is trusted: the user this process runs as. */
  readonly uid: number;
  /** A group other than root's may write to the directories on the way: on some distributions /var/log is like that. */
  readonly group_may_write: boolean;
  /** What does not exist yet is made by this process. */
  readonly may_be_absent: boolean;
}

/**
 * Why a program must not be run as the agent: another user could put another one in its place, or it lies where reading it may
 * take for ever. Null when there is nothing against it.
 */
export function distrust_program(path: string): Maybe<string> {
  return looked_at(path, () => {
    const found = walk(resolve(path), { uid: 0, group_may_write: false, may_be_absent: false }, LINKS_MAX);
    if (typeof found === "string") return found;
    const { at, stats } = found;
    if (!stats.isFile()) return `${at} is not a regular file`;
    if ((stats.mode & EXECUTABLE) === 0) return `${at} is not executable`;
    const remote = REMOTE.get(Number(statfsSync(at).type));
    return remote === undefined ? null : `${at} is on ${remote}: the beat would wait for its server`;
  });
}

/** Why another user could decide what a file says that this process obeys; null when none could. /dev/null says nothing. */
export function distrust_file(path: string): Maybe<string> {
  return looked_at(path, () => {
    const found = walk(resolve(path), { uid: own_uid(), group_may_write: false, may_be_absent: false }, LINKS_MAX);
    if (typeof found === "string") return found;
    return found.stats.isFile() ? null : `${found.at} is not a regular file`;
  });
}

/**
 * Why another user could decide what becomes of what this process writes into a directory; null when none could. Of a directory that does not
 * exist yet, the ones on the way to it are asked.
 */
export function distrust_directory(path: string, group_may_write = false): Maybe<string> {
  return looked_at(path, () => {
    const found = walk(resolve(path), { uid: own_uid(), group_may_write, may_be_absent: true }, LINKS_MAX);
    if (typeof found === "string") return found;
    return found.stats.isDirectory() ? null : `${found.at} is not a directory`;
  });
}

function own_uid(): number {
  return process.geteuid?.() ?? 0;
}

function looked_at(path: string, look: () => Maybe<string>): Maybe<string> {
  if (path === "/dev/null") return null;
  try {
    return look();
  } catch (error) {
    return errno_of(error) === "ENOENT" ? `${path} does not exist` : `${path} cannot be examined: ${reason_of(error)}`;
  }
}

interface Found {
  readonly at: string;
  readonly stats: Stats;
}

/** Looks at every directory on the way, and at what links lead to. Returns what is at the end, or why not to trust it. */
function walk(path: string, question: Question, links_left: number): Found | string {
  const names = path.split("/").filter((name) => name !== "");
  let at = "/";
  let stats = lstatSync(at);
  for (const [i, name] of names.entries()) {
    const why = changeable(at, stats, question);
    if (why !== null) return why;
    const next = question.may_be_absent
      ? lstatSync(join(at, name), { throwIfNoEntry: false })
      : lstatSync(join(at, name));
    if (next === undefined) return { at, stats };
    at = join(at, name);
    stats = next;
    if (!stats.isSymbolicLink()) continue;
    if (!is_trusted(stats.uid, question)) return `${at} is a link that user ${stats.uid} can change`;
    if (links_left === 0) return `${path}: more than ${LINKS_MAX} links lead on`;
    const target = readlinkSync(at);
    const from = target.startsWith("/") ? target : join(dirname(at), target);
    return walk(normalize(join(from, ...names.slice(i + 1))), question, links_left - 1);
  }
  return changeable(at, stats, question) ?? { at, stats };
}

function is_trusted(uid: number, question: Question): boolean {
  return uid === 0 || uid === question.uid;
}

function changeable(path: string, stats: Stats, question: Question): Maybe<string> {
  const { uid, gid, mode } = stats;
  if (!is_trusted(uid, question)) return `${path} belongs to user ${uid}`;
  const all = (mode & WRITABLE_BY_ALL) !== 0;
  const by_group = (mode & WRITABLE_BY_GROUP) !== 0 && gid !== 0;
  const group = by_group && !(question.group_may_write && stats.isDirectory());
  if (!all && !group) return null;
  // Whoever may write there may add names, but not replace those of others.
  if ((mode & STICKY) !== 0 && stats.isDirectory()) return null;
  if (is_read_only(path)) return null;
  return `${path} is writable by ${all ? "everybody" : `group ${gid}`}`;
}

/** Kubernetes mounts a ConfigMap read-only, with a directory whose mode says that everybody may write. */
function is_read_only(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return false;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EROFS";
  }
}
