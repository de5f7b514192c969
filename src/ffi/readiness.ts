import { dlopen } from "bun:ffi";
import { close } from "./libc.ts";
import { called, SOCK_CLOEXEC } from "./sockets.ts";

const libc = dlopen("libc.so.6", {
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
}).symbols;

const EPOLL_CLOEXEC = SOCK_CLOEXEC;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EPOLLIN = 1;
const EPOLLOUT = 4;
const EPOLLERR = 8;
const EPOLLHUP = 16;
/** struct epoll_event is packed on x86-64: u32 events, u64 data. */
const EVENT_WORDS = 3;

/** Which of many descriptors can be read or written now (epoll, level-triggered: the ones not served come first next time). */
export class Readiness implements Disposable {
  readonly #fd = called(libc.epoll_create1(EPOLL_CLOEXEC), "create", "an epoll instance");
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
    if (this.#open) close(this.#fd);
    this.#open = false;
  }

  #control(operation: number, fd: number, events: number, what: string): void {
    this.#event[0] = events;
    this.#event[1] = fd;
    this.#event[2] = 0;
    called(libc.epoll_ctl(this.#fd, operation, fd, this.#event), what, `fd ${fd}`);
  }
}
