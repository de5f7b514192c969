import { constants } from "node:os";

const NAMES = new Map<number, string>(Object.entries(constants.errno).map(([name, number]) => [number, name]));
// Of two names for one number, the one the manual pages begin with.
NAMES.set(11, "EAGAIN");
// BPF answers with these, too; the runtime does not name them.
NAMES.set(77, "EBADFD");
NAMES.set(524, "ENOTSUPP");

const HINTS: Readonly<Record<string, string>> = {
  EPERM: "run as root, or grant CAP_BPF, CAP_PERFMON and CAP_SYS_RESOURCE",
  EACCES: "check the permissions, and that no security module forbids it",
  ENOENT: "check that it exists on this kernel",
  ESRCH: "this kernel does not have what is asked for, or the process is gone",
  ENODEV: "the object behind it was removed meanwhile",
  EBUSY: "somebody else holds it; try again",
  EINVAL: "this kernel does not accept the value or the feature",
  ENOMEM: "raise the memlock limit, or free memory",
  E2BIG: "the kernel's verifier gave up; use a newer kernel",
  ENOSPC: "a kernel limit is reached",
};

/** EPERM for 1; "errno 999" for what this system does not name. */
export function errno_name(errno: number): string {
  return NAMES.get(errno) ?? `errno ${errno}`;
}

/** The kernel, libc or libbpf said no: what was tried, on what, what it answered, what to do. */
export class KernelError extends Error {
  readonly operation: string;
  readonly subject: string;
  /** Symbolic, as in errno(3): "EPERM". */
  readonly errno: string;
  readonly hint: string;

  constructor(operation: string, subject: string, errno: number | string, hint?: string) {
    const name = typeof errno === "number" ? errno_name(errno) : errno;
    const advice = hint ?? HINTS[name] ?? "";
    super(`${operation} ${subject}: ${name}${advice === "" ? "" : ` (${advice})`}`);
    this.name = "KernelError";
    this.operation = operation;
    this.subject = subject;
    this.errno = name;
    this.hint = advice;
  }
}
