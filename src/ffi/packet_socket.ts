import { KernelError } from "./errors.ts";
import { close, last_errno, wait_readable } from "./libc.ts";
import { AF_PACKET, called, SOCK_CLOEXEC, SOCK_RAW, sockets } from "./sockets.ts";

const ETH_P_ALL_BE = 0x0300;

/** Whole Ethernet frames of one interface, sent and received. */
export class PacketSocket implements Disposable {
  readonly #fd: number;

  /** Throws KernelError (EPERM: CAP_NET_RAW is needed). */
  constructor(index: number) {
    const fd = called(sockets.socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, ETH_P_ALL_BE), "open", "a packet socket");
    const address = Buffer.alloc(20); // struct sockaddr_ll
    address.writeUInt16LE(AF_PACKET, 0);
    address.writeUInt16LE(ETH_P_ALL_BE, 2);
    address.writeInt32LE(index, 4);
    if (sockets.bind(fd, address, address.length) < 0) {
      const errno = last_errno();
      close(fd);
      throw new KernelError("bind", `a packet socket to interface ${index}`, errno);
    }
    this.#fd = fd;
  }

  /** Throws KernelError. */
  send(frame: Uint8Array): void {
    called(sockets.send(this.#fd, frame, frame.length, 0), "send", "a frame");
  }

  /** The next frame that comes or goes on the interface within the time; null when none does. Throws KernelError. */
  receive(timeout_ms: number): Uint8Array | null {
    if (!wait_readable(this.#fd, timeout_ms)) return null;
    const frame = new Uint8Array(65536);
    return frame.subarray(0, called(sockets.recv(this.#fd, frame, frame.length, 0), "receive", "a frame"));
  }

  [Symbol.dispose](): void {
    close(this.#fd);
  }
}
