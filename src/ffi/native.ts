import { cc, dlopen, type FFIFunction } from "bun:ffi";
import { KernelError } from "./errors.ts";
import { close, last_errno } from "./libc.ts";

const libc = dlopen("libc.so.6", {
  memfd_create: { args: ["ptr" /* const char *name */, "u32" /* unsigned flags */], returns: "i32" },
  write: { args: ["i32" /* int fd */, "ptr" /* const void *buffer */, "usize" /* size_t count */], returns: "i64" },
}).symbols;

const MFD_CLOEXEC = 1;

/**
 * A few lines of C, for what must run where JavaScript cannot: in a signal handler, on a thread of its own. Without any library: a
 * host that runs this has none to link with. The compiler wants a file; this one has no name in any file system. Throws KernelError.
 */
export function compile_native<Symbols extends Record<string, FFIFunction>>(
  what: string,
  source: string,
  symbols: Symbols,
) {
  const fd = libc.memfd_create(Buffer.from("hosa-native\0"), MFD_CLOEXEC);
  if (fd < 0) throw new KernelError("create a file in memory for", what, last_errno());
  try {
    const bytes = Buffer.from(source);
    libc.write(fd, bytes, bytes.length);
    return cc({ source: `/proc/self/fd/${fd}`, flags: ["-nostdlib"], symbols });
  } catch (error) {
    const hint = "a security module may forbid memory that is written and executed";
    throw new KernelError("compile", what, String(error), hint);
  } finally {
    close(fd);
  }
}
