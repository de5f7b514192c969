import { dlopen } from "bun:ffi";
import { KernelError } from "./errors.ts";
import { close, last_errno, wait_readable } from "./libc.ts";

const libc = dlopen("libc.so.6", {
  bind: {
    args: ["i32" /* int fd */, "ptr" /* const struct sockaddr *address */, "u32" /* socklen_t length */],
    returns: "i32",
  },
  recv: {
    args: ["i32" /* int fd */, "ptr" /* void *buffer */, "usize" /* size_t length */, "i32" /* int flags */],
    returns: "i64",
  },
  send: {
    args: ["i32" /* int fd */, "ptr" /* const void *buffer */, "usize" /* size_t length */, "i32" /* int flags */],
    returns: "i64",
  },
  socket: { args: ["i32" /* int domain */, "i32" /* int type */, "i32" /* int protocol */], returns: "i32" },
}).symbols;

const AF_PACKET = 17;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const ETH_P_ALL_BE = 0x0300;

/** Whole Ethernet frames of one interface, sent and received. */
export class PacketSocket implements Disposable {
  readonly #fd: number;

  /** Throws KernelError (EPERM: CAP_NET_RAW is needed). */
  constructor(index: number) {
    const fd = libc.socket(AF_PACKET, SOCK_RAW_CLOEXEC, ETH_P_ALL_BE);
    if (fd < 0) throw new KernelError("open", "a packet socket", last_errno());
    const address = Buffer.alloc(20); // struct sockaddr_ll
    address.writeUInt16LE(AF_PACKET, 0);
    address.writeUInt16LE(ETH_P_ALL_BE, 2);
    address.writeInt32LE(index, 4);
    if (libc.bind(fd, address, address.length) < 0) {
      const errno = last_errno();
      close(fd);
      throw new KernelError("bind", `a packet socket to interface ${index}`, errno);
    }
    this.#fd = fd;
  }

  /** Throws KernelError. */
  send(frame: Uint8Array): void {
    if (Number(libc.send(this.#fd, frame, frame.length, 0)) < 0) throw new KernelError("send", "a frame", last_errno());
  }

  /** The next frame that comes or goes on the interface within the time; null when none does. Throws KernelError. */
  receive(timeout_ms: number): Uint8Array | null {
    if (!wait_readable(this.#fd, timeout_ms)) return null;
    const frame = new Uint8Array(65536);
    const size = Number(libc.recv(this.#fd, frame, frame.length, 0));
    if (size < 0) throw new KernelError("receive", "a frame", last_errno());
    return frame.subarray(0, size);
  }

  [Symbol.dispose](): void {
    close(this.#fd);
  }
}
