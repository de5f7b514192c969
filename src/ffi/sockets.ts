import { dlopen, FFIType } from "bun:ffi";
import { KernelError } from "./errors.ts";
import { last_errno } from "./libc.ts";

/** The calls every kind of socket is made of (socket(7)); who wraps them says what their errors mean. */
export const sockets = dlopen("libc.so.6", {
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
  connect: {
    args: ["i32" /* int fd */, "ptr" /* const struct sockaddr *address */, "u32" /* socklen_t length */],
    returns: "i32",
  },
  getsockname: {
    args: ["i32" /* int fd */, "ptr" /* struct sockaddr *address */, "ptr" /* socklen_t *length */],
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
  sendto: {
    args: [
      "i32" /* int fd */,
      "buffer" /* const void *buffer */,
      "usize" /* size_t length */,
      "i32" /* int flags */,
      "buffer" /* const struct sockaddr *address */,
      "u32" /* socklen_t length */,
    ],
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

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
export const SOL_SOCKET = 1;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;

/** The call's result. Throws KernelError where it is negative. */
export function called(result: number | bigint, operation: string, subject: string, hint?: string): number {
  const value = Number(result);
  if (value < 0) throw new KernelError(operation, subject, last_errno(), hint);
  return value;
}
