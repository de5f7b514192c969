import type { Maybe } from "../model/sample.ts";
import { KernelError } from "./errors.ts";
import { close, last_errno } from "./libc.ts";
import {
  AF_UNIX,
  called,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  sockets,
} from "./sockets.ts";

const SO_SNDBUF = 7;
const SO_PEERCRED = 17;
const SO_PEERGROUPS = 59;
const SHUT_WR = 1;
const EINTR = 4;
const EAGAIN = 11;
const PATH_BYTES_MAX = 107;
const PEER_GROUPS_MAX = 1024;

/** Who is at the other end of a Unix socket, as the kernel wrote it down when the connection was made. */
export interface Peer {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** struct sockaddr_un. Throws KernelError (ENAMETOOLONG). */
function address_of(path: string): Uint8Array {
  const bytes = Buffer.from(path);
  if (bytes.length > PATH_BYTES_MAX) {
    throw new KernelError("use the socket path", path, "ENAMETOOLONG", `at most ${PATH_BYTES_MAX} bytes`);
  }
  const address = new Uint8Array(2 + bytes.length + 1);
  address[0] = AF_UNIX;
  address.set(bytes, 2);
  return address;
}

function new_socket(subject: string): number {
  return called(sockets.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "create a socket for", subject);
}

/** One end of a connection; nothing here ever waits. */
export class UnixConnection implements Disposable {
  readonly fd: number;
  #open = true;

  constructor(fd: number) {
    this.fd = fd;
  }

  /** Throws KernelError: ENOENT and ECONNREFUSED when nobody listens, EAGAIN when the listener's queue is full. */
  static connect(path: string): UnixConnection {
    const address = address_of(path);
    const fd = new_socket(path);
    if (sockets.connect(fd, address, address.length) < 0) {
      const errno = last_errno();
      close(fd);
      throw new KernelError("connect to", path, errno);
    }
    return new UnixConnection(fd);
  }

  /** Throws KernelError. */
  peer(): Peer {
    const credentials = new Int32Array(3);
    const length = new Uint32Array([credentials.byteLength]);
    called(
      sockets.getsockopt(this.fd, SOL_SOCKET, SO_PEERCRED, credentials, length),
      "ask who is behind",
      `fd ${this.fd}`,
    );
    return { pid: credentials[0]!, uid: credentials[1]! >>> 0, gid: credentials[2]! >>> 0 };
  }

  /** Whether the peer was in the group, as its own or as one of at most 1024 supplementary ones, when it connected. */
  peer_in_group(gid: number): boolean {
    if (this.peer().gid === gid) return true;
    const groups = new Uint32Array(PEER_GROUPS_MAX);
    const length = new Uint32Array([groups.byteLength]);
    if (sockets.getsockopt(this.fd, SOL_SOCKET, SO_PEERGROUPS, groups, length) < 0) return false;
    return groups.subarray(0, length[0]! / 4).includes(gid);
  }

  /** Bounds what the kernel keeps of unread output (it doubles the number). Throws KernelError. */
  set_send_buffer(size_bytes: number): void {
    const size = new Int32Array([size_bytes]);
    called(sockets.setsockopt(this.fd, SOL_SOCKET, SO_SNDBUF, size, 4), "set the send buffer of", `fd ${this.fd}`);
  }

  /** Bytes put into `buffer`; null when there are none now; 0 when the other end is gone. */
  receive(buffer: Uint8Array): Maybe<number> {
    const count = Number(sockets.recv(this.fd, buffer, buffer.length, MSG_DONTWAIT));
    if (count >= 0) return count;
    return is_later(last_errno()) ? null : 0;
  }

  /** Bytes the kernel took; null when it takes none now; 0 when the other end is gone. */
  send(bytes: Uint8Array): Maybe<number> {
    const count = Number(sockets.send(this.fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL));
    if (count >= 0) return count;
    return is_later(last_errno()) ? null : 0;
  }

  /** Nothing more is sent: the other end reads what there is, and then the end. */
  finish(): void {
    sockets.shutdown(this.fd, SHUT_WR);
  }

  [Symbol.dispose](): void {
    if (this.#open) close(this.fd);
    this.#open = false;
  }
}

function is_later(errno: number): boolean {
  return errno === EAGAIN || errno === EINTR;
}

/** A bound Unix socket that connections are taken from, one at a time and never waiting. */
export class UnixListener implements Disposable {
  readonly fd: number;
  #open = true;

  private constructor(fd: number) {
    this.fd = fd;
  }

  /**
   * Creates the socket file, which must not exist; nobody can connect before `listen`.
   * @throws KernelError (EADDRINUSE: the file exists)
   */
  static bind(path: string): UnixListener {
    const address = address_of(path);
    const fd = new_socket(path);
    const listener = new UnixListener(fd);
    if (sockets.bind(fd, address, address.length) < 0) {
      const errno = last_errno();
      listener[Symbol.dispose]();
      throw new KernelError("bind", path, errno);
    }
    return listener;
  }

  /** @param backlog connections that may wait to be taken; whoever comes then waits or is refused by the kernel */
  listen(backlog: number): void {
    called(sockets.listen(this.fd, backlog), "listen on", `fd ${this.fd}`);
  }

  /** The next waiting connection; null when there is none, or no descriptor is left for it. */
  accept(): Maybe<UnixConnection> {
    const fd = sockets.accept4(this.fd, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return fd < 0 ? null : new UnixConnection(fd);
  }

  [Symbol.dispose](): void {
    if (this.#open) close(this.fd);
    this.#open = false;
  }
}
