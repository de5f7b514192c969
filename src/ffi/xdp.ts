import { errno_name, KernelError } from "./errors.ts";
import { checked, libbpf } from "./libbpf.ts";
import { close, last_errno } from "./libc.ts";

const BPF_XDP = 37;
const XDP_FLAGS_GENERIC = 1 << 1;
const XDP_FLAGS_NATIVE = 1 << 2;

const OTHER_PROGRAM = "another XDP program is attached there (`ip link show` names its id); HOSA never replaces it";
const ATTACH_HINTS: Readonly<Record<string, string>> = {
  EBUSY: OTHER_PROGRAM,
  EEXIST: OTHER_PROGRAM,
  EPERM: "grant CAP_NET_ADMIN and CAP_BPF; where both are held, a sandbox or a security module refuses",
  EOPNOTSUPP: "the driver of the interface does not offer this path",
  ENODEV: "the interface is gone",
};

export type XdpDriver = "native" | "generic";

/** Id of the XDP program on an interface, 0 when there is none. Throws KernelError. */
export function attached_xdp(index: number): number {
  const id = new Uint32Array(1);
  checked(libbpf().bpf_xdp_query_id(index, 0, id), "ask for the XDP program of", `interface ${index}`);
  return id[0]!;
}

/** A program on an interface: gone when the last fd (ours, until it is closed) and the last pin are. */
export class XdpLink implements Disposable {
  readonly fd: number;
  readonly driver: XdpDriver;
  #closed = false;

  private constructor(fd: number, driver: XdpDriver) {
    this.fd = fd;
    this.driver = driver;
  }

  /**
   * Attaches in the driver where it can, else in the generic path. Never replaces another program: the kernel answers EBUSY
   * or EEXIST. Throws KernelError.
   */
  static attach(program_fd: number, index: number, name: string, drivers: readonly XdpDriver[]): XdpLink {
    let refused: KernelError | null = null;
    for (const driver of drivers) {
      const options = new BigUint64Array([40n, 0n, 0n, 0n, 0n]); // struct bpf_link_create_opts { size_t sz; __u32 flags; … }
      options[1] = BigInt(driver === "native" ? XDP_FLAGS_NATIVE : XDP_FLAGS_GENERIC);
      const fd = libbpf().bpf_link_create(program_fd, index, BPF_XDP, options);
      if (fd >= 0) return new XdpLink(fd, driver);
      const errno = last_errno();
      refused = new KernelError(
        `attach (${driver} XDP) to`,
        `interface ${name}`,
        errno,
        ATTACH_HINTS[errno_name(errno)],
      );
      if (refused.errno === "EBUSY" || refused.errno === "EEXIST") break;
    }
    throw refused ?? new KernelError("attach XDP to", `interface ${name}`, "EINVAL", "name a driver path");
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    close(this.fd);
  }
}

/** Takes a pinned link off its interface, at once; its pin stays. Throws KernelError. */
export function detach_pinned_link(path: string): void {
  const fd = checked(libbpf().bpf_obj_get(Buffer.from(`${path}\0`)), "open", path);
  try {
    checked(libbpf().bpf_link_detach(fd), "detach", path);
  } finally {
    close(fd);
  }
}

/** Gives a BPF object a name in bpffs, by which it outlives this process. Throws KernelError. */
export function pin(fd: number, path: string): void {
  checked(libbpf().bpf_obj_pin(fd, Buffer.from(`${path}\0`)), "pin to", path);
}
