import { dlopen } from "bun:ffi";
import { errno_name, KernelError } from "./errors.ts";
import { close, last_errno, open_for_reading } from "./libc.ts";

const libc = dlopen("libc.so.6", {
  setns: { args: ["i32" /* int fd */, "i32" /* int nstype */], returns: "i32" },
  unshare: { args: ["i32" /* int flags */], returns: "i32" },
}).symbols;

const CLONE_NEWNET = 0x40000000;
const HINTS: Readonly<Record<string, string>> = {
  EPERM: "grant CAP_SYS_ADMIN; where it is held, a sandbox refuses new namespaces (systemd: RestrictNamespaces=)",
  ENOSPC: "the limit user.max_net_namespaces is reached",
  EINVAL: "this kernel was built without network namespaces (CONFIG_NET_NS)",
};

/** This thread in a new, empty network namespace until it is disposed of; then the namespace and all in it are gone. */
export class ScratchNetwork implements Disposable {
  readonly #home: number;
  #left = false;

  /** Throws KernelError (EPERM: CAP_SYS_ADMIN is needed). */
  constructor() {
    this.#home = open_for_reading("/proc/thread-self/ns/net");
    if (libc.unshare(CLONE_NEWNET) >= 0) return;
    const errno = last_errno();
    close(this.#home);
    throw new KernelError("make", "a scratch network namespace", errno, HINTS[errno_name(errno)]);
  }

  /** Throws KernelError: then this thread must not go on, it would see another network than the node's. */
  [Symbol.dispose](): void {
    if (this.#left) return;
    if (libc.setns(this.#home, CLONE_NEWNET) < 0) {
      throw new KernelError("return to", "the network namespace of the node", last_errno());
    }
    this.#left = true;
    close(this.#home);
  }
}
