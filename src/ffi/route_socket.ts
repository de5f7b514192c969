import { KernelError } from "./errors.ts";
import { close } from "./libc.ts";
import { AF_NETLINK, called, SOCK_CLOEXEC, SOCK_RAW, SOL_SOCKET, sockets } from "./sockets.ts";

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

/** Conversations with the kernel's routing (rtnetlink(7)), one message at a time. */
export class RouteSocket implements Disposable {
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(RECEIVE_BYTES);
  #sequence = 0;

  /** Throws KernelError. */
  constructor() {
    this.#fd = called(sockets.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0), "open", "a netlink socket");
    // struct timeval: the kernel answers at once; a bug of ours must not stop the beat.
    sockets.setsockopt(this.#fd, SOL_SOCKET, SO_RCVTIMEO, new BigInt64Array([BigInt(ANSWER_WITHIN_S), 0n]), 16);
    // Asked strictly, the kernel sends only what the request names; before 4.20 it sends all, and the reader chooses.
    sockets.setsockopt(this.#fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, new Int32Array([1]), 4);
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
    called(sockets.send(this.#fd, message, message.length, 0), "send", `rtnetlink message ${type}`);
  }

  /** Reads until the kernel has said its last word on the request: done, or an acknowledgement with or without an error. */
  #receive(take: (payload: Buffer) => void): void {
    for (;;) {
      const length = called(sockets.recv(this.#fd, this.#buffer, RECEIVE_BYTES, 0), "receive", "an rtnetlink answer");
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
