import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { KernelError } from "../../ffi/errors.ts";
import { UnixConnection, UnixListener } from "../../ffi/unix_socket.ts";
import { distrust_directory } from "../../files/trust.ts";
import { reason_of } from "../../model/errno.ts";
import type { Maybe } from "../../model/sample.ts";

const SOCKET_MODE = 0o660;
/** The group may pass through a directory of ours, not list it. */
const DIRECTORY_MODE = 0o710;
/** Connections that wait to be accepted; the kernel takes one more. */
export const BACKLOG = 256;

/** The socket cannot be had, and why; the agent goes on without it. */
export class SocketTrouble extends Error {
  override readonly name = "SocketTrouble";
}

/** A listening socket at its place; disposing of it takes the file away, if it is still this one. */
export interface PlacedSocket extends Disposable {
  readonly listener: UnixListener;
  readonly path: string;
  /** Whether the file at the path is still this socket: otherwise no new client reaches it. */
  stands(): boolean;
}

/** Number of a group in /etc/group; null when it is not there. */
export function group_id(name: string, file = "/etc/group"): Maybe<number> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return null;
  }
  const line = text.split("\n").find((each) => each.startsWith(`${name}:`));
  const gid = Number(line?.split(":")[2] ?? Number.NaN);
  return Number.isInteger(gid) ? gid : null;
}

/**
 * Listens at `path`, which appears complete, with its owner and mode, by rename(2). A socket nobody listens on any more is
 * replaced, a living one and anything that is no socket never.
 * @param own_directory a directory of the agent alone, which the group is let through
 * @throws SocketTrouble
 */
export function place_socket(path: string, gid: Maybe<number>, own_directory: string): PlacedSocket {
  const directory = dirname(path);
  try {
    const why = distrust_directory(directory);
    if (why !== null)
      throw new SocketTrouble(`control socket ${path}: ${why}; another user could put another one in its place`);
    const made = mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE }) !== undefined;
    if (gid !== null && (made || directory === own_directory)) open_to_group(directory, gid);
    clear(path);
    const draft = join(directory, `.hosa-${process.pid}`);
    rmSync(draft, { force: true });
    const listener = UnixListener.bind(draft);
    try {
      chmodSync(draft, SOCKET_MODE);
      if (gid !== null) chownSync(draft, -1, gid);
      listener.listen(BACKLOG);
      renameSync(draft, path);
    } catch (error) {
      listener[Symbol.dispose]();
      rmSync(draft, { force: true });
      throw error;
    }
    const { ino } = lstatSync(path);
    return {
      listener,
      path,
      stands: () => inode_of(path) === ino,
      [Symbol.dispose]() {
        listener[Symbol.dispose]();
        if (inode_of(path) === ino) rmSync(path, { force: true });
      },
    };
  } catch (error) {
    if (error instanceof SocketTrouble) throw error;
    const known = error instanceof KernelError || (error instanceof Error && "code" in error);
    if (!known) throw error;
    throw new SocketTrouble(`control socket ${path}: ${reason_of(error)}`);
  }
}

function open_to_group(directory: string, gid: number): void {
  const { mode } = statSync(directory);
  chownSync(directory, -1, gid);
  chmodSync(directory, (mode & 0o7777) | 0o010);
}

function inode_of(path: string): Maybe<number> {
  try {
    return lstatSync(path).ino;
  } catch {
    return null;
  }
}

/** Makes the path free, or says why it is not. */
function clear(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new SocketTrouble(`control socket ${path}: something else is there; remove it`);
  try {
    using other = UnixConnection.connect(path);
    throw new SocketTrouble(`control socket ${path}: the running process ${other.peer().pid} listens there`);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    if (error.errno === "EAGAIN") throw new SocketTrouble(`control socket ${path}: a running process listens there`);
    if (error.errno !== "ECONNREFUSED") throw error;
    rmSync(path, { force: true });
  }
}
