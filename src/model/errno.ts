/** What the answers of the kernel mean, in words; those that are not here are told by their symbol. */
const WORDS: Readonly<Record<string, string>> = {
  E2BIG: "too large for the kernel",
  EACCES: "permission denied",
  EADDRINUSE: "the address is in use already",
  EADDRNOTAVAIL: "no such address on this host",
  EAGAIN: "temporarily unavailable",
  EBADF: "the descriptor is not open",
  EBUSY: "in use",
  ECONNREFUSED: "connection refused",
  ECONNRESET: "the other end closed the connection",
  EDQUOT: "the disk quota is used up",
  EEXIST: "it exists already",
  EFBIG: "the file would be too large",
  EHOSTUNREACH: "no route to the host",
  EINVAL: "the kernel does not accept the value or the feature",
  EIO: "input or output error",
  EISDIR: "it is a directory",
  ELOOP: "too many symbolic links",
  EMFILE: "this process has too many open files",
  ENAMETOOLONG: "the name is too long",
  ENETDOWN: "the network is down",
  ENETUNREACH: "the network cannot be reached",
  ENFILE: "the node has too many open files",
  ENODEV: "no such device, or it was removed",
  ENOENT: "no such file or directory",
  ENOEXEC: "not a program of this machine",
  ENOMEM: "not enough memory",
  ENOSPC: "no space left",
  ENOSYS: "this kernel does not have the system call",
  ENOTDIR: "a part of the path is no directory",
  ENOTEMPTY: "the directory is not empty",
  ENOTFOUND: "no such host name",
  ENOTSUP: "not supported",
  ENXIO: "no such device or address",
  EOPNOTSUPP: "not supported",
  EPERM: "operation not permitted",
  EPIPE: "the reader closed the pipe",
  EROFS: "the file system is read-only",
  ESRCH: "no such process or thread",
  ETIMEDOUT: "no answer in time",
  ETXTBSY: "the program is running",
  EXDEV: "on another file system",
};

/** `no such file or directory (ENOENT)`; the symbol alone where there are no words for it. */
export function errno_text(symbol: string): string {
  const words = WORDS[symbol];
  return words === undefined ? symbol : `${words} (${symbol})`;
}

/** The symbol of what the operating system answered ("ENOENT"); null where the error is of another kind. */
export function errno_of(error: unknown): string | null {
  const is_coded = typeof error === "object" && error !== null && "code" in error;
  return is_coded && typeof error.code === "string" ? error.code : null;
}

/** Why a call failed, for people: never the message of the runtime or of a library where the kernel's answer is known. */
export function reason_of(error: unknown): string {
  const symbol = errno_of(error);
  if (symbol !== null) return errno_text(symbol);
  return error instanceof Error ? error.message : String(error);
}
