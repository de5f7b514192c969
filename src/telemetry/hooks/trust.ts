import { lstatSync, readlinkSync, type Stats, statfsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import type { Maybe } from "../../model/sample.ts";

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

/**
 * Why a program must not be run as the agent: somebody but root could put another one in its place, or it lies where reading it may
 * take for ever. Null when there is nothing against it.
 */
export function distrust(path: string): Maybe<string> {
  try {
    return walk(normalize(path), LINKS_MAX);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return code === "ENOENT" ? `${path} does not exist` : `${path} cannot be looked at: ${code}`;
  }
}

/** Looks at every directory on the way, and at what links lead to. */
function walk(path: string, links_left: number): Maybe<string> {
  const names = path.split("/").filter((name) => name !== "");
  let at = "/";
  let found = lstatSync(at);
  for (const [i, name] of names.entries()) {
    const why = changeable(at, found);
    if (why !== null) return why;
    at = join(at, name);
    found = lstatSync(at);
    if (!found.isSymbolicLink()) continue;
    if (found.uid !== 0) return `${at} is a link that user ${found.uid} can change`;
    if (links_left === 0) return `${path}: more than ${LINKS_MAX} links lead on`;
    const target = readlinkSync(at);
    const rest = names.slice(i + 1);
    return walk(normalize(join(target.startsWith("/") ? target : join(dirname(at), target), ...rest)), links_left - 1);
  }
  const why = changeable(at, found);
  if (why !== null) return why;
  if (!found.isFile()) return `${at} is no file`;
  if ((found.mode & EXECUTABLE) === 0) return `${at} is not executable`;
  const remote = REMOTE.get(Number(statfsSync(at).type));
  return remote === undefined ? null : `${at} lies on ${remote}: the beat would wait for its server`;
}

function changeable(path: string, stats: Stats): Maybe<string> {
  const { uid, gid, mode } = stats;
  if (uid !== 0) return `${path} belongs to user ${uid}`;
  const all = (mode & WRITABLE_BY_ALL) !== 0;
  const group = (mode & WRITABLE_BY_GROUP) !== 0 && gid !== 0;
  if (!all && !group) return null;
  // Whoever may write there may add names, but not replace those of others.
  if ((mode & STICKY) !== 0 && stats.isDirectory()) return null;
  return `${path} is writable by ${all ? "everybody" : `group ${gid}`}`;
}
