import { dlopen } from "bun:ffi";
import type { Maybe } from "../model/sample.ts";
import { KernelError } from "./errors.ts";
import { last_errno } from "./libc.ts";
import { UnixConnection } from "./socket.ts";

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
  getsockname: {
    args: ["i32" /* int fd */, "ptr" /* struct sockaddr *address */, "ptr" /* socklen_t *length */],
    returns: "i32",
  },
  listen: { args: ["i32" /* int fd */, "i32" /* int backlog */], returns: "i32" },
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
  socket: { args: ["i32" /* int domain */, "i32" /* int type */, "i32" /* int protocol */], returns: "i32" },
}).symbols;

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
/** struct sockaddr_in: family, port (network order), address, eight unused bytes. */
const SOCKADDR_IN_BYTES = 16;
const PORT_OFFSET = 2;
const ADDRESS_OFFSET = 4;

/** A listening IPv4 socket that connections are taken from, one at a time and never waiting. */
export class TcpListener implements Disposable {
  readonly fd: number;
  /** The port listened on, also where 0 left the choice to the kernel. */
  readonly port: number;
  #open = true;

  /**
   * @param host four decimal bytes with dots
   * @param backlog connections that may wait to be taken
   * @throws KernelError (EADDRINUSE: somebody else listens there)
   */
  constructor(host: string, port: number, backlog: number) {
    const subject = `${host}:${port}`;
    this.fd = libc.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (this.fd < 0) throw new KernelError("create a socket for", subject, last_errno());
    try {
      const address = new Uint8Array(SOCKADDR_IN_BYTES);
      const view = new DataView(address.buffer);
      view.setUint16(0, AF_INET, true);
      view.setUint16(PORT_OFFSET, port);
      address.set(host.split(".").map(Number), ADDRESS_OFFSET);
      // A restart must not wait until the kernel has forgotten the connections of the agent before.
      this.#checked(libc.setsockopt(this.fd, SOL_SOCKET, SO_REUSEADDR, new Int32Array([1]), 4), "reuse", subject);
      this.#checked(libc.bind(this.fd, address, address.length), "bind", subject);
      this.#checked(libc.listen(this.fd, backlog), "listen on", subject);
      const length = new Uint32Array([address.length]);
      this.#checked(libc.getsockname(this.fd, address, length), "ask for the port of", subject);
      this.port = view.getUint16(PORT_OFFSET);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
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

  #checked(result: number, operation: string, subject: string): void {
    if (result < 0) throw new KernelError(operation, subject, last_errno());
  }
}
