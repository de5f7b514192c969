import type { Maybe } from "../model/sample.ts";
import { close } from "./libc.ts";
import { AF_INET, called, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET, sockets } from "./sockets.ts";
import { UnixConnection } from "./unix_socket.ts";

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
    this.fd = called(
      sockets.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
      "create a socket for",
      subject,
    );
    try {
      const address = new Uint8Array(SOCKADDR_IN_BYTES);
      const view = new DataView(address.buffer);
      view.setUint16(0, AF_INET, true);
      view.setUint16(PORT_OFFSET, port);
      address.set(host.split(".").map(Number), ADDRESS_OFFSET);
      // A restart must not wait until the kernel has forgotten the connections of the agent before.
      called(sockets.setsockopt(this.fd, SOL_SOCKET, SO_REUSEADDR, new Int32Array([1]), 4), "reuse", subject);
      called(sockets.bind(this.fd, address, address.length), "bind", subject);
      called(sockets.listen(this.fd, backlog), "listen on", subject);
      const length = new Uint32Array([address.length]);
      called(sockets.getsockname(this.fd, address, length), "ask for the port of", subject);
      this.port = view.getUint16(PORT_OFFSET);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
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
