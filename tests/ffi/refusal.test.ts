import { describe, expect, test } from "bun:test";
import { KernelError } from "../../src/ffi/errors.ts";
import { type BpfHost, bpf_host, parse_lockdown, why_bpf_refused, with_cause } from "../../src/ffi/refusal.ts";

const FREE: BpfHost = {
  lockdown: "none",
  missing_capabilities: [],
  in_user_namespace: false,
  has_seccomp_filter: false,
  confined_as: "",
  has_tracefs: true,
  has_jit: true,
};
const why = (errno: string, host: Partial<BpfHost> = {}, said = ""): string =>
  why_bpf_refused(errno, said, { ...FREE, ...host });

test("the mode of lockdown is the one in brackets", () => {
  expect(parse_lockdown("none [integrity] confidentiality\n")).toBe("integrity");
  expect(parse_lockdown("[none] integrity confidentiality\n")).toBe("none");
  expect(parse_lockdown("none integrity [confidentiality]")).toBe("confidentiality");
  expect(parse_lockdown("none integrity")).toBeNull();
  expect(parse_lockdown("")).toBeNull();
});

describe("a refused BPF program", () => {
  test.each(["EPERM", "EINVAL", "EACCES"])("under confidentiality (%s): lockdown, and what still works", (errno) => {
    const said = why(errno, { lockdown: "confidentiality" }, "program of this type cannot use helper bpf_probe_read");
    expect(said).toContain('kernel lockdown is in mode "confidentiality" (/sys/kernel/security/lockdown)');
    expect(said).toContain("explain, report, replay, what-if and release still work");
    expect(said).toContain("lockdown=integrity");
  });

  test("under integrity lockdown is not blamed, nor for what it does not do", () => {
    expect(why("EINVAL", { lockdown: "integrity" })).not.toContain("lockdown");
    expect(why("ENOMEM", { lockdown: "confidentiality" })).not.toContain("lockdown");
  });

  test.each([
    ["capabilities", "EPERM", { missing_capabilities: ["CAP_BPF", "CAP_PERFMON"] }, "lacks CAP_BPF and CAP_PERFMON"],
    ["a user namespace", "EPERM", { in_user_namespace: true }, "user namespace"],
    [
      "a seccomp filter",
      "EPERM",
      { has_seccomp_filter: true },
      "not certain: the capabilities it needs are held, but a seccomp",
    ],
    [
      "a security module",
      "EPERM",
      { confined_as: "docker-default (enforce)" },
      "confines this process as docker-default (enforce)",
    ],
    ["lockdown, perhaps", "EPERM", { lockdown: null }, "lockdown is not known"],
    ["nothing that was found", "EPERM", {}, "the cause is not known"],
    ["a missing tracefs", "ENOENT", { has_tracefs: false }, "mount -t tracefs tracefs /sys/kernel/tracing"],
    ["a missing tracepoint", "ENOENT", {}, "no such tracepoint or function"],
    ["the compiler", "ENOTSUPP", { has_jit: false }, "net.core.bpf_jit_enable=1"],
    ["the kernel's configuration", "ENOTSUPP", {}, "built without support"],
    ["memory, not memlock", "ENOMEM", {}, "no memory is left for it, in this cgroup or on the node"],
    ["another tracer", "EBUSY", {}, "another tracer or a live patch"],
    ["nothing that is known", "ECANCELED", {}, "does not say why"],
  ])("names %s", (_cause, errno, host, expected) => {
    expect(why(errno, host)).toContain(expected);
  });

  test("repeats what the verifier said, but not as the cause of a missing right", () => {
    expect(why("EINVAL", {}, "unknown func bpf_x#9")).toBe("the kernel's verifier says: unknown func bpf_x#9");
    expect(why("EPERM", { missing_capabilities: ["CAP_BPF"] }, "x")).toContain("lacks CAP_BPF");
  });
});

test("an error gets the cause of this host; anything else stays what it is", () => {
  const caused = with_cause(new KernelError("load", "BPF program x", "ESRCH"));
  expect(String(caused)).toContain("load BPF program x: ESRCH (this kernel has no such function)");
  const other = new TypeError("a defect");
  expect(with_cause(other)).toBe(other);
  expect(bpf_host().missing_capabilities.every((name) => name.startsWith("CAP_"))).toBe(true);
});

test("an errno alone is not taken for a cause", () => {
  const message = (subject: string, errno: string): string => new KernelError("change", subject, errno).message;
  expect(message("thread 4", "EPERM")).not.toContain("CAP_BPF");
  expect(message("thread 4", "EINVAL")).toContain("does not say why");
  expect(message("a file", "ENOMEM")).not.toContain("memlock");
  expect(message("a file", "E2BIG")).not.toContain("verifier");
});
