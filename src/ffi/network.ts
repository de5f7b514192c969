import { dlopen, FFIType } from "bun:ffi";
import { KernelError } from "./errors.ts";
import { close, last_errno } from "./libc.ts";

const libc = dlopen("libc.so.6", {
  socket: { args: ["i32" /* int domain */, "i32" /* int type */, "i32" /* int protocol */], returns: "i32" },
  ioctl: { args: ["i32" /* int fd */, "u64" /* unsigned long request */, "ptr" /* void *argument */], returns: "i32" },
  setsockopt: {
    args: [
      "i32" /* int fd */,
      "i32" /* int level */,
      "i32" /* int option */,
      "ptr" /* const void *value */,
      "u32" /* socklen_t length */,
    ],
    returns: "i32",
  },
  send: {
    args: ["i32" /* int fd */, "ptr" /* const void *buffer */, "usize" /* size_t length */, "i32" /* int flags */],
    returns: FFIType.i64_fast,
  },
  recv: {
    args: ["i32" /* int fd */, "ptr" /* void *buffer */, "usize" /* size_t length */, "i32" /* int flags */],
    returns: FFIType.i64_fast,
  },
}).symbols;

const AF_INET = 2;
const AF_NETLINK = 16;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const SIOCGIFINDEX = 0x8933;
const IFNAMSIZ = 16;
const IFREQ_BYTES = 40;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SOL_NETLINK = 270;
const NETLINK_GET_STRICT_CHK = 12;
const NLMSG_HEADER_BYTES = 16;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NLM_F_DUMP = 0x300;
const RECEIVE_BYTES = 65_536;
const ANSWER_WITHIN_S = 2;

export const IFF_UP = 1;

function checked(result: number | bigint, operation: string, subject: string): number {
  const number = Number(result);
  if (number < 0) throw new KernelError(operation, subject, last_errno());
  return number;
}

/** struct ifreq: the name in 16 bytes, then a union whose first bytes are the flags or the index. */
function with_request<T>(name: string, use: (fd: number, request: Buffer) => T): T {
  const request = Buffer.alloc(IFREQ_BYTES);
  const bytes = Buffer.from(name, "latin1");
  if (bytes.length === 0 || bytes.length >= IFNAMSIZ) throw new KernelError("name", `interface "${name}"`, "EINVAL");
  bytes.copy(request);
  const fd = checked(libc.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "open", "a socket");
  try {
    return use(fd, request);
  } finally {
    close(fd);
  }
}

/** The kernel's number of an interface. Throws KernelError (ENODEV: there is none of that name). */
export function interface_index(name: string): number {
  return with_request(name, (fd, request) => {
    checked(libc.ioctl(fd, SIOCGIFINDEX, request), "read the index of", `interface ${name}`);
    return request.readInt32LE(IFNAMSIZ);
  });
}

/** IFF_* flags of an interface. Throws KernelError (ENODEV). */
export function interface_flags(name: string): number {
  return with_request(name, (fd, request) => {
    checked(libc.ioctl(fd, SIOCGIFFLAGS, request), "read the flags of", `interface ${name}`);
    return request.readUInt16LE(IFNAMSIZ);
  });
}

/** Sets IFF_UP or clears it and leaves the other flags as they are. Throws KernelError (EPERM, ENODEV). */
export function set_interface_up(name: string, up: boolean): void {
  with_request(name, (fd, request) => {
    checked(libc.ioctl(fd, SIOCGIFFLAGS, request), "read the flags of", `interface ${name}`);
    const flags = request.readUInt16LE(IFNAMSIZ);
    request.writeUInt16LE(up ? flags | IFF_UP : flags & ~IFF_UP, IFNAMSIZ);
    checked(libc.ioctl(fd, SIOCSIFFLAGS, request), up ? "take up" : "take down", `interface ${name}`);
  });
}

/** Conversations with the kernel's routing (rtnetlink(7)), one message at a time. */
export class RouteSocket implements Disposable {
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(RECEIVE_BYTES);
  #sequence = 0;

  /** Throws KernelError. */
  constructor() {
    this.#fd = checked(libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0), "open", "a netlink socket");
    // struct timeval: the kernel answers at once; a bug of ours must not stop the beat.
    libc.setsockopt(this.#fd, SOL_SOCKET, SO_RCVTIMEO, new BigInt64Array([BigInt(ANSWER_WITHIN_S), 0n]), 16);
    // Asked strictly, the kernel sends only what the request names; before 4.20 it sends all, and the reader chooses.
    libc.setsockopt(this.#fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, new Int32Array([1]), 4);
  }

  /** Everything the kernel has of a kind; `take` gets each message without its header. Throws KernelError. */
  dump(type: number, request: Uint8Array, take: (payload: Buffer) => void): void {
    this.#send(type, NLM_F_REQUEST | NLM_F_DUMP, request);
    this.#receive(take);
  }

  /** One change, acknowledged. Throws KernelError with what the kernel answered. */
  change(type: number, flags: number, request: Uint8Array): void {
    this.#send(type, NLM_F_REQUEST | NLM_F_ACK | flags, request);
    this.#receive(() => {});
  }

  [Symbol.dispose](): void {
    close(this.#fd);
  }

  #send(type: number, flags: number, request: Uint8Array): void {
    this.#sequence += 1;
    const message = Buffer.alloc(NLMSG_HEADER_BYTES + request.length);
    message.writeUInt32LE(message.length, 0);
    message.writeUInt16LE(type, 4);
    message.writeUInt16LE(flags, 6);
    message.writeUInt32LE(this.#sequence, 8);
    message.set(request, NLMSG_HEADER_BYTES);
    checked(libc.send(this.#fd, message, message.length, 0), "send", `rtnetlink message ${type}`);
  }

  /** Reads until the kernel has said its last word on the request: done, or an acknowledgement with or without an error. */
  #receive(take: (payload: Buffer) => void): void {
    for (;;) {
      const length = checked(libc.recv(this.#fd, this.#buffer, RECEIVE_BYTES, 0), "receive", "an rtnetlink answer");
      for (let at = 0; at + NLMSG_HEADER_BYTES <= length; ) {
        const size = this.#buffer.readUInt32LE(at);
        if (size < NLMSG_HEADER_BYTES || at + size > length)
          throw new KernelError("read", "an rtnetlink answer", "EIO");
        const type = this.#buffer.readUInt16LE(at + 4);
        const ours = this.#buffer.readUInt32LE(at + 8) === this.#sequence;
        const payload = this.#buffer.subarray(at + NLMSG_HEADER_BYTES, at + size);
        at += (size + 3) & ~3;
        if (!ours) continue;
        if (type === NLMSG_DONE) return;
        if (type !== NLMSG_ERROR) take(payload);
        else if (payload.readInt32LE(0) === 0) return;
        else throw new KernelError("ask", "rtnetlink", -payload.readInt32LE(0));
      }
    }
  }
}
