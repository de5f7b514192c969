import { existsSync, readFileSync } from "node:fs";
import type { Maybe } from "../model/sample.ts";
import { KernelError } from "./errors.ts";

/** Modes of kernel_lockdown(7). */
export type Lockdown = "none" | "integrity" | "confidentiality";

export const LOCKDOWN_FILE = "/sys/kernel/security/lockdown";

/** What of this host decides whether BPF programs may be loaded and attached. */
export interface BpfHost {
  /** Null: the file is not there, because the kernel has no lockdown or securityfs is not mounted. */
  readonly lockdown: Maybe<Lockdown>;
  /** Names of those that BPF needs and this process lacks. */
  readonly missing_capabilities: readonly string[];
  readonly in_user_namespace: boolean;
  readonly has_seccomp_filter: boolean;
  /** What a security module confines this process as; empty when it is not confined. */
  readonly confined_as: string;
  readonly has_tracefs: boolean;
  /** net.core.bpf_jit_enable is not 0. */
  readonly has_jit: boolean;
}

/** Of the list the file shows, the mode in brackets: "none [integrity] confidentiality". */
export function parse_lockdown(text: string): Maybe<Lockdown> {
  const mode = /\[(\w+)\]/.exec(text)?.[1];
  return mode === "none" || mode === "integrity" || mode === "confidentiality" ? mode : null;
}

export const LOCKED_DOWN =
  `kernel lockdown is in mode "confidentiality" (${LOCKDOWN_FILE}), which forbids BPF programs to read kernel memory. ` +
  "HOSA can sense nothing on this node; explain, report, replay, what-if and release still work. " +
  "Boot with lockdown=integrity, or without lockdown";

/**
 * Why the kernel refused to load or attach a BPF program, and what to do: the cause where it can be told, otherwise what it is not.
 * @param said the verifier's own last line; empty when it said nothing
 */
export function why_bpf_refused(errno: string, said: string, host: BpfHost): string {
  if (host.lockdown === "confidentiality" && ["EPERM", "EINVAL", "EACCES"].includes(errno)) return LOCKED_DOWN;
  if (errno === "EPERM") return why_not_permitted(host);
  // What the verifier says is the cause; everything below is for where it says nothing.
  if (said !== "") return `the kernel's verifier says: ${said}`;
  if (errno === "ENOENT" && !host.has_tracefs) {
    return "tracefs is not mounted: mount -t tracefs tracefs /sys/kernel/tracing";
  }
  if ((errno === "ENOTSUPP" || errno === "EOPNOTSUPP") && !host.has_jit) {
    return "the kernel's BPF compiler is off: sysctl net.core.bpf_jit_enable=1";
  }
  return BY_ERRNO[errno] ?? NOT_KNOWN;
}

const NOT_KNOWN = "the kernel does not say why; look at the end of dmesg";
const BY_ERRNO: Readonly<Record<string, string>> = {
  E2BIG: "the program is too large for this kernel's verifier: use a newer kernel",
  EBUSY: "another tracer or a live patch uses the same function: end it, and start HOSA again",
  EINVAL: "this kernel does not know the kind of program or its place, or refuses it for a reason it does not say",
  ENOENT: "this kernel has no such tracepoint or function",
  ENOMEM: "no memory is left for it, in this cgroup or on the node",
  ENOSPC: "the kernel's limit of programs or events at this place is reached",
  ENOTSUPP: "this kernel was built without support for it",
  EOPNOTSUPP: "this kernel was built without support for it",
  ESRCH: "this kernel has no such function",
};

function why_not_permitted(host: BpfHost): string {
  if (host.missing_capabilities.length > 0) {
    return `this process lacks ${host.missing_capabilities.join(" and ")}: run as root, or grant them`;
  }
  if (host.in_user_namespace) {
    return "this process is in a user namespace, whose capabilities do not count for BPF: run it in the node's own";
  }
  const perhaps = [
    ...(host.has_seccomp_filter ? ["a seccomp filter is active (allow bpf and perf_event_open in it)"] : []),
    ...(host.confined_as === "" ? [] : [`a security module confines this process as ${host.confined_as}`]),
    ...(host.lockdown === null ? [`kernel lockdown is not known (${LOCKDOWN_FILE} cannot be read)`] : []),
  ];
  const held = "the capabilities it needs are held";
  return perhaps.length === 0
    ? `the cause is not known: ${held}, and neither a sandbox nor lockdown was found`
    : `the cause is not certain: ${held}, but ${perhaps.join(", and ")}`;
}

/** The same error with its true cause, as far as the host shows it. Other errors are returned as they are. */
export function with_cause(error: unknown, said = ""): unknown {
  if (!(error instanceof KernelError)) return error;
  return new KernelError(error.operation, error.subject, error.errno, why_bpf_refused(error.errno, said, bpf_host()));
}

const CAP_SYS_ADMIN = 21;
const NEEDED = [
  { bit: 39, name: "CAP_BPF" },
  { bit: 38, name: "CAP_PERFMON" },
] as const;
const WHOLE_NODE = /^\s*0\s+0\s+4294967295\s*$/;
const SECCOMP_FILTER = "2";

/** Reads what this host shows of itself. */
export function bpf_host(): BpfHost {
  const status = text_of("/proc/self/status");
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  const holds = (bit: number): boolean => ((effective >> BigInt(bit)) & 1n) === 1n;
  const confined_as = text_of("/proc/self/attr/current").replace(/\0$/, "").trim();
  const uid_map = text_of("/proc/self/uid_map");
  return {
    lockdown: parse_lockdown(text_of(LOCKDOWN_FILE)),
    missing_capabilities: NEEDED.filter(({ bit }) => !holds(bit) && !holds(CAP_SYS_ADMIN)).map(({ name }) => name),
    in_user_namespace: uid_map !== "" && !WHOLE_NODE.test(uid_map),
    has_seccomp_filter: /^Seccomp:\s*(\d)/m.exec(status)?.[1] === SECCOMP_FILTER,
    confined_as: /^(unconfined|kernel)?$/.test(confined_as) ? "" : confined_as,
    has_tracefs: ["/sys/kernel/tracing/events", "/sys/kernel/debug/tracing/events"].some((path) => existsSync(path)),
    has_jit: text_of("/proc/sys/net/core/bpf_jit_enable").trim() !== "0",
  };
}

function text_of(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
