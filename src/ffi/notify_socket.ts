import { KernelError } from "./errors.ts";
import { close } from "./libc.ts";
import { AF_UNIX, called, MSG_DONTWAIT, MSG_NOSIGNAL, SOCK_CLOEXEC, SOCK_DGRAM, sockets } from "./sockets.ts";

/** sizeof(sun_path): an abstract name may fill it, a path needs one byte for its NUL. */
const NAME_BYTES_MAX = 108;

/** struct sockaddr_un of a path, or of an abstract name written with a leading `@` as in $NOTIFY_SOCKET. Throws KernelError. */
function address_of(name: string): Uint8Array {
  const is_abstract = name.startsWith("@");
  if (!is_abstract && !name.startsWith("/")) {
    throw new KernelError("use the notify socket", name, "EAFNOSUPPORT", "expected an absolute path or @name");
  }
  const bytes = Buffer.from(name);
  const length = bytes.length + (is_abstract ? 0 : 1);
  if (bytes.length < 2 || length > NAME_BYTES_MAX) {
    throw new KernelError("use the notify socket", name, "ENAMETOOLONG", `2 to ${NAME_BYTES_MAX} bytes`);
  }
  const address = new Uint8Array(2 + length);
  address[0] = AF_UNIX;
  address.set(bytes, 2);
  if (is_abstract) address[2] = 0;
  return address;
}

/** Where a service manager listens for what its service says: datagrams, none of which is ever waited for. */
export class NotifySocket implements Disposable {
  readonly #fd: number;
  readonly #address: Uint8Array;
  #open = true;

  /** @param name as in $NOTIFY_SOCKET. Throws KernelError (ENAMETOOLONG, EAFNOSUPPORT). */
  constructor(name: string) {
    this.#address = address_of(name);
    this.#fd = called(sockets.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "create a socket for", name);
  }

  /** Whether the kernel took the datagram; false when nobody listens, or the listener's queue is full. */
  send(text: string): boolean {
    const bytes = Buffer.from(text);
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    return Number(sockets.sendto(this.#fd, bytes, bytes.length, flags, this.#address, this.#address.length)) >= 0;
  }

  [Symbol.dispose](): void {
    if (this.#open) close(this.#fd);
    this.#open = false;
  }
}
