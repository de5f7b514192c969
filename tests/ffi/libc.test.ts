import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { errno_name, KernelError } from "../../src/ffi/errors.ts";
import { libbpf, require_version } from "../../src/ffi/libbpf.ts";
import {
  close,
  effective_capabilities,
  fsync,
  geteuid,
  has_capability,
  kill,
  monotonic_ns,
  page_size_bytes,
  setpriority,
  visit_cpus,
  write_file,
} from "../../src/ffi/libc.ts";

const directory = mkdtempSync(join(tmpdir(), "hosa-libc-"));
afterAll(() => rmSync(directory, { recursive: true }));

function error_of(action: () => unknown): KernelError {
  try {
    action();
  } catch (error) {
    if (error instanceof KernelError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

test("monotonic_ns runs as fast as the runtime's clock, from the machine's start", () => {
  const outer_from = Bun.nanoseconds();
  const from = monotonic_ns();
  const inner_from = Bun.nanoseconds();
  Bun.sleepSync(5);
  const inner_to = Bun.nanoseconds();
  const to = monotonic_ns();
  const outer_to = Bun.nanoseconds();
  expect(to - from).toBeGreaterThanOrEqual(inner_to - inner_from - 1000);
  expect(to - from).toBeLessThanOrEqual(outer_to - outer_from + 1000);
  const uptime_s = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
  expect(to / 1e9).toBeLessThanOrEqual(uptime_s + 1);
});

test("write_file replaces nothing it was not asked for, and never creates", () => {
  const path = join(directory, "value");
  const absent = error_of(() => write_file(path, "1"));
  expect(absent.errno).toBe("ENOENT");
  expect(absent.subject).toBe(path);
  writeFileSync(path, "abcdef");
  write_file(path, "12");
  expect(readFileSync(path, "utf8")).toBe("12cdef");
});

test("write_file names the value the kernel refused", () => {
  const error = error_of(() => write_file("/proc/self/oom_score_adj", "100000"));
  expect(error.errno).toBe("EINVAL");
  expect(error.message).toContain('write "100000" to /proc/self/oom_score_adj: EINVAL');
});

test("fsync of a closed fd", () => {
  const fd = openSync(join(directory, "synced"), "w");
  fsync(fd);
  close(fd);
  expect(error_of(() => fsync(fd)).errno).toBe("EBADF");
});

test("kill asks, signals, and never takes a pid that means many", async () => {
  kill(process.pid, 0);
  const child = Bun.spawn(["/bin/cat"], { stdin: "pipe" });
  kill(child.pid, 15);
  await child.exited;
  expect(child.signalCode).toBe("SIGTERM");
  expect(error_of(() => kill(child.pid, 0)).errno).toBe("ESRCH");
  for (const pid of [-1, 0, 1, 1.5, Number.NaN]) expect(error_of(() => kill(pid, 9)).errno).toBe("EINVAL");
});

test("setpriority is seen in /proc", async () => {
  const child = Bun.spawn(["/bin/cat"], { stdin: "pipe" });
  setpriority(child.pid, 7);
  expect(readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]!.split(" ")[16]).toBe("7");
  child.stdin.end();
  await child.exited;
});

test("facts about this process", () => {
  expect(page_size_bytes()).toBe(4096);
  expect(geteuid()).toBe(process.geteuid!());
  expect(effective_capabilities()).toBeGreaterThanOrEqual(0n);
  expect(has_capability(63)).toBe(false);
});

test("visit_cpus leaves the affinity as it was", () => {
  const allowed = () => /^Cpus_allowed:\s*(\S+)/m.exec(readFileSync("/proc/thread-self/status", "utf8"))![1];
  const before = allowed();
  visit_cpus();
  expect(allowed()).toBe(before!);
});

test("errors name errno, and carry a hint", () => {
  expect(errno_name(1)).toBe("EPERM");
  expect(errno_name(11)).toBe("EAGAIN");
  expect(errno_name(9999)).toBe("errno 9999");
  const error = new KernelError("attach", "BPF program x", 1);
  expect(error.message).toBe(
    "attach BPF program x: EPERM (run as root, or grant CAP_BPF, CAP_PERFMON and CAP_SYS_RESOURCE)",
  );
});

test("a libbpf that is absent or older than 1.0 is refused with what to install", () => {
  expect(() => libbpf("libbpf-absent.so.1")).toThrow("install libbpf 1.0 or newer");
  for (const version of ["v0.8", "v0.5.0", "", "nonsense"])
    expect(() => require_version(version)).toThrow("1.0 or newer");
  for (const version of ["v1.0", "v1.1", "v2.0"]) expect(() => require_version(version)).not.toThrow();
});
