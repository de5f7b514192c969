import { dlopen } from "bun:ffi";
import { KernelError } from "./errors.ts";
import { close } from "./libc.ts";
import { AF_INET, called, SOCK_CLOEXEC, SOCK_DGRAM, sockets } from "./sockets.ts";

const libc = dlopen("libc.so.6", {
  if_nametoindex: { args: ["ptr" /* const char *ifname */], returns: "u32" },
  ioctl: { args: ["i32" /* int fd */, "u64" /* unsigned long request */, "ptr" /* void *argument */], returns: "i32" },
}).symbols;

const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const IFNAMSIZ = 16;
const IFREQ_BYTES = 40;

export const IFF_UP = 1;

/** Index of an interface in this thread's network namespace; null when there is none of that name. */
export function interface_index(name: string): number | null {
  const index = libc.if_nametoindex(Buffer.from(`${name}\0`));
  return index === 0 ? null : index;
}

/** struct ifreq: the name in 16 bytes, then a union whose first bytes are the flags. */
function with_request<T>(name: string, use: (fd: number, request: Buffer) => T): T {
  const request = Buffer.alloc(IFREQ_BYTES);
  const bytes = Buffer.from(name, "latin1");
  if (bytes.length === 0 || bytes.length >= IFNAMSIZ) throw new KernelError("name", `interface "${name}"`, "EINVAL");
  bytes.copy(request);
  const fd = called(sockets.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "open", "a socket");
  try {
    return use(fd, request);
  } finally {
    close(fd);
  }
}

/** IFF_* flags of an interface. Throws KernelError (ENODEV). */
export function interface_flags(name: string): number {
  return with_request(name, (fd, request) => {
    called(libc.ioctl(fd, SIOCGIFFLAGS, request), "read the flags of", `interface ${name}`);
    return request.readUInt16LE(IFNAMSIZ);
  });
}

/** Sets IFF_UP or clears it and leaves the other flags as they are. Throws KernelError (EPERM, ENODEV). */
export function set_interface_up(name: string, up: boolean): void {
  with_request(name, (fd, request) => {
    called(libc.ioctl(fd, SIOCGIFFLAGS, request), "read the flags of", `interface ${name}`);
    const flags = request.readUInt16LE(IFNAMSIZ);
    request.writeUInt16LE(up ? flags | IFF_UP : flags & ~IFF_UP, IFNAMSIZ);
    called(libc.ioctl(fd, SIOCSIFFLAGS, request), up ? "take up" : "take down", `interface ${name}`);
  });
}
