import { constants } from "node:os";

const NAMES = new Map<number, string>(Object.entries(constants.errno).map(([name, number]) => [number, name]));
// Of two names for one number, the one the manual pages begin with.
NAMES.set(11, "EAGAIN");
// BPF answers with these, too; the runtime does not name them.
NAMES.set(77, "EBADFD");
NAMES.set(524, "ENOTSUPP");

/** What an errno means of any call, and no more: the cause is named where the call is known (`refusal.ts` for BPF). */
const HINTS: Readonly<Record<string, string>> = {
  EPERM: "a capability is missing, or a sandbox or security module refuses; `hosa doctor` lists the capabilities",
  EACCES: "the permissions of the file or a security module refuse",
  ENOENT: "it does not exist",
  ESRCH: "the process is gone, or this kernel does not have what is asked for",
  ENODEV: "the object behind it was removed meanwhile",
  EBUSY: "another process or the kernel itself uses it",
  EINVAL: "the kernel does not accept it, and does not say why",
  ENOMEM: "no memory is left for it, in this cgroup or on the node",
  E2BIG: "it is too large for this kernel",
  ENOSPC: "no room is left, or a limit of the kernel is reached",
};
/** What BPF needs: every call of it is about a subject of this name. */
const BPF_SUBJECT = /\bBPF\b/;
const BPF_EPERM = "run as root, or grant CAP_BPF, CAP_PERFMON and CAP_SYS_RESOURCE";

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
    const known = name === "EPERM" && BPF_SUBJECT.test(subject) ? BPF_EPERM : HINTS[name];
    const advice = hint ?? known ?? "";
    super(`${operation} ${subject}: ${name}${advice === "" ? "" : ` (${advice})`}`);
    this.name = "KernelError";
    this.operation = operation;
    this.subject = subject;
    this.errno = name;
    this.hint = advice;
  }
}
