import { dlopen } from "bun:ffi";
import { errno_name, KernelError } from "./errors.ts";
import { close, last_errno, open_for_reading } from "./libc.ts";

const libc = dlopen("libc.so.6", {
  setns: { args: ["i32" /* int fd */, "i32" /* int nstype */], returns: "i32" },
}).symbols;

const CLONE_NEWCGROUP = 0x02000000;

/**
 * This thread in the cgroup namespace of another process, for good: paths in /proc and the walks of BPF iterators begin at its root.
 * Throws KernelError.
 */
export function enter_cgroup_namespace(pid: number): void {
  const file = `/proc/${pid}/ns/cgroup`;
  const fd = open_for_reading(file);
  try {
    if (libc.setns(fd, CLONE_NEWCGROUP) >= 0) return;
    const errno = last_errno();
    throw new KernelError("enter", file, errno, errno_name(errno) === "EPERM" ? "grant CAP_SYS_ADMIN" : undefined);
  } finally {
    close(fd);
  }
}
