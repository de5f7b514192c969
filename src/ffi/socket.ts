import { dlopen, FFIType } from "bun:ffi";
import type { Maybe } from "../model/sample.ts";
import { KernelError } from "./errors.ts";
import { last_errno } from "./libc.ts";

const libc = dlopen("libc.so.6", {
  accept4: {
    args: [
      "i32" /* int fd */,
      "ptr" /* struct sockaddr *address */,
      "ptr" /* socklen_t *length */,
      "i32" /* int flags */,
    ],
    returns: "i32",
  },
  bind: {
    args: ["i32" /* int fd */, "ptr" /* const struct sockaddr *address */, "u32" /* socklen_t length */],
    returns: "i32",
  },
  close: { args: ["i32" /* int fd */], returns: "i32" },
  connect: {
    args: ["i32" /* int fd */, "ptr" /* const struct sockaddr *address */, "u32" /* socklen_t length */],
    returns: "i32",
  },
  epoll_create1: { args: ["i32" /* int flags */], returns: "i32" },
  epoll_ctl: {
    args: ["i32" /* int epoll */, "i32" /* int operation */, "i32" /* int fd */, "ptr" /* struct epoll_event * */],
    returns: "i32",
  },
  epoll_wait: {
    args: [
      "i32" /* int epoll */,
      "ptr" /* struct epoll_event *events */,
      "i32" /* int most */,
      "i32" /* int timeout */,
    ],
    returns: "i32",
  },
  getsockopt: {
    args: [
      "i32" /* int fd */,
      "i32" /* int level */,
      "i32" /* int name */,
      "ptr" /* void *value */,
      "ptr" /* socklen_t *length */,
    ],
    returns: "i32",
  },
  listen: { args: ["i32" /* int fd */, "i32" /* int backlog */], returns: "i32" },
  recv: {
    args: ["i32" /* int fd */, "buffer" /* void *buffer */, "usize" /* size_t length */, "i32" /* int flags */],
    returns: FFIType.i64_fast,
  },
  send: {
    args: ["i32" /* int fd */, "buffer" /* const void *buffer */, "usize" /* size_t length */, "i32" /* int flags */],
    returns: FFIType.i64_fast,
  },
  setsockopt: {
    args: [
      "i32" /* int fd */,
      "i32" /* int level */,
      "i32" /* int name */,
      "ptr" /* const void *value */,
      "u32" /* socklen_t length */,
    ],
    returns: "i32",
  },
  shutdown: { args: ["i32" /* int fd */, "i32" /* int how */], returns: "i32" },
  socket: { args: ["i32" /* int domain */, "i32" /* int type */, "i32" /* int protocol */], returns: "i32" },
}).symbols;

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_PEERCRED = 17;
const SO_PEERGROUPS = 59;
const SHUT_WR = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const EPOLL_CLOEXEC = SOCK_CLOEXEC;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EPOLLIN = 1;
const EPOLLOUT = 4;
const EPOLLERR = 8;
const EPOLLHUP = 16;
const EINTR = 4;
const EAGAIN = 11;
const PATH_BYTES_MAX = 107;
const PEER_GROUPS_MAX = 1024;
/** struct epoll_event is packed on x86-64: u32 events, u64 data. */
const EVENT_WORDS = 3;

/** Who is at the other end of a Unix socket, as the kernel wrote it down when the connection was made. */
export interface Peer {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

function checked(result: number, operation: string, subject: string, hint?: string): number {
  if (result < 0) throw new KernelError(operation, subject, last_errno(), hint);
  return result;
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
  return checked(libc.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "create a socket for", subject);
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
    if (libc.connect(fd, address, address.length) < 0) {
      const errno = last_errno();
      libc.close(fd);
      throw new KernelError("connect to", path, errno);
    }
    return new UnixConnection(fd);
  }

  /** Throws KernelError. */
  peer(): Peer {
    const credentials = new Int32Array(3);
    const length = new Uint32Array([credentials.byteLength]);
    checked(
      libc.getsockopt(this.fd, SOL_SOCKET, SO_PEERCRED, credentials, length),
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
    if (libc.getsockopt(this.fd, SOL_SOCKET, SO_PEERGROUPS, groups, length) < 0) return false;
    return groups.subarray(0, length[0]! / 4).includes(gid);
  }

  /** Bounds what the kernel keeps of unread output (it doubles the number). Throws KernelError. */
  set_send_buffer(size_bytes: number): void {
    const size = new Int32Array([size_bytes]);
    checked(libc.setsockopt(this.fd, SOL_SOCKET, SO_SNDBUF, size, 4), "set the send buffer of", `fd ${this.fd}`);
  }

  /** Bytes put into `buffer`; null when there are none now; 0 when the other end is gone. */
  receive(buffer: Uint8Array): Maybe<number> {
    const count = Number(libc.recv(this.fd, buffer, buffer.length, MSG_DONTWAIT));
    if (count >= 0) return count;
    return is_later(last_errno()) ? null : 0;
  }

  /** Bytes the kernel took; null when it takes none now; 0 when the other end is gone. */
  send(bytes: Uint8Array): Maybe<number> {
    const count = Number(libc.send(this.fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL));
    if (count >= 0) return count;
    return is_later(last_errno()) ? null : 0;
  }

  /** Nothing more is sent: the other end reads what there is, and then the end. */
  finish(): void {
    libc.shutdown(this.fd, SHUT_WR);
  }

  [Symbol.dispose](): void {
    if (this.#open) libc.close(this.fd);
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
    if (libc.bind(fd, address, address.length) < 0) {
      const errno = last_errno();
      listener[Symbol.dispose]();
      throw new KernelError("bind", path, errno);
    }
    return listener;
  }

  /** @param backlog connections that may wait to be taken; whoever comes then waits or is refused by the kernel */
  listen(backlog: number): void {
    checked(libc.listen(this.fd, backlog), "listen on", `fd ${this.fd}`);
  }

  /** The next waiting connection; null when there is none, or no descriptor is left for it. */
  accept(): Maybe<UnixConnection> {
    const fd = libc.accept4(this.fd, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return fd < 0 ? null : new UnixConnection(fd);
  }

  [Symbol.dispose](): void {
    if (this.#open) libc.close(this.fd);
    this.#open = false;
  }
}

/** Which of many descriptors can be read or written now (epoll, level-triggered: the ones not served come first next time). */
export class Readiness implements Disposable {
  readonly #fd = checked(libc.epoll_create1(EPOLL_CLOEXEC), "create", "an epoll instance");
  readonly #events: Uint32Array;
  readonly #event = new Uint32Array(EVENT_WORDS);
  #open = true;

  /** @param most descriptors told at a time */
  constructor(most: number) {
    this.#events = new Uint32Array(most * EVENT_WORDS);
  }

  /** Throws KernelError. */
  add(fd: number): void {
    this.#control(EPOLL_CTL_ADD, fd, EPOLLIN, "watch");
  }

  /** Whether it is also told when the descriptor can be written. Throws KernelError. */
  want_writable(fd: number, wanted: boolean): void {
    this.#control(EPOLL_CTL_MOD, fd, wanted ? EPOLLIN | EPOLLOUT : EPOLLIN, "watch");
  }

  /** Throws KernelError. */
  remove(fd: number): void {
    this.#control(EPOLL_CTL_DEL, fd, 0, "stop watching");
  }

  /** Asks without waiting. Returns how many descriptors are ready; `fd_at` and the others tell about each. */
  look(): number {
    const count = libc.epoll_wait(this.#fd, this.#events, this.#events.length / EVENT_WORDS, 0);
    return Math.max(0, count);
  }

  fd_at(index: number): number {
    return this.#events[index * EVENT_WORDS + 1]!;
  }

  /** There is something to receive, or the other end is gone: a receive tells which. */
  readable_at(index: number): boolean {
    return (this.#events[index * EVENT_WORDS]! & (EPOLLIN | EPOLLERR | EPOLLHUP)) !== 0;
  }

  writable_at(index: number): boolean {
    return (this.#events[index * EVENT_WORDS]! & EPOLLOUT) !== 0;
  }

  [Symbol.dispose](): void {
    if (this.#open) libc.close(this.#fd);
    this.#open = false;
  }

  #control(operation: number, fd: number, events: number, what: string): void {
    this.#event[0] = events;
    this.#event[1] = fd;
    this.#event[2] = 0;
    checked(libc.epoll_ctl(this.#fd, operation, fd, this.#event), what, `fd ${fd}`);
  }
}
