import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { find_manager, glibc_of_manager } from "../../src/motor/manager.ts";
import { asking_signal, ProcessReader } from "../../src/motor/process_facts.ts";
import { span_s, unit_settings } from "../../src/motor/unit_files.ts";

const root = mkdtempSync(join(tmpdir(), "hosa-facts-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, text: string): void {
  mkdirSync(join(root, path, ".."), { recursive: true });
  writeFileSync(join(root, path), text);
}

interface Invented {
  readonly comm?: string;
  readonly pending?: string;
  readonly shared?: string;
  readonly numbers?: string;
  readonly threads?: number;
  readonly environ?: string;
  readonly fds?: readonly string[];
}

/** A process of a file tree that looks like /proc. */
function process_of(
  pid: number,
  { comm = "app", pending = "0", shared = "0", numbers, threads = 1, environ = "", fds = [] }: Invented,
): void {
  write(
    `proc/${pid}/status`,
    `Name:\t${comm}\nState:\tS (sleeping)\nPPid:\t1\nNSpid:\t${numbers ?? pid}\nThreads:\t${threads}\nSigPnd:\t${pending}\nShdPnd:\t${shared}\n`,
  );
  write(`proc/${pid}/environ`, environ);
  mkdirSync(join(root, `proc/${pid}/fd`), { recursive: true });
  for (const [i, link] of fds.entries()) symlinkSync(link, join(root, `proc/${pid}/fd/${i}`));
}

write("proc/1/comm", "systemd\n");
write("host/dev/kvm", "");
write("host/dev/watchdog", "");
mkdirSync(join(root, "host/sys/fs/fuse/connections/45"), { recursive: true });
const reader = new ProcessReader(join(root, "proc"), join(root, "host"));
const facts = (pid: number) => reader.describe(pid, "/app", "whole")?.facts;

test("an ordinary process", () => {
  process_of(40, {});
  expect(facts(40)).toEqual({
    pid: 40,
    comm: "app",
    parent: "systemd",
    path: "/app",
    signal: null,
    watchdog_s: null,
    namespaces: 0,
    leads: null,
    devices: [],
  });
  expect(facts(41)).toBeUndefined();
});

test("a signal that waits for the process, or for one of its threads alone", () => {
  process_of(42, { shared: "0000000000004000" });
  expect(facts(42)?.signal).toBe("SIGTERM");
  process_of(43, { threads: 2 });
  const fields = Array.from({ length: 40 }, (_, i) => (i === 28 ? String(1 << 8) : "0"));
  write("proc/43/task/43/stat", `43 (a) ${Array(40).fill("0").join(" ")}`);
  write("proc/43/task/44/stat", `44 (a name) with) ${fields.join(" ")}`);
  expect(facts(43)?.signal).toBe("SIGKILL");
  // A child that ended, a timer and a broken pipe ask for nothing.
  expect(asking_signal((1n << 16n) | (1n << 13n) | (1n << 12n))).toBeNull();
});

test("what a service manager started, what ends a unit, and how often it has to report", () => {
  process_of(45, { environ: "A=1\0SYSTEMD_EXEC_PID=45\0WATCHDOG_USEC=3000000\0WATCHDOG_PID=45\0" });
  expect(facts(45)).toMatchObject({ leads: "start", watchdog_s: 3 });
  process_of(46, { environ: "SYSTEMD_EXEC_PID=46\0SERVICE_RESULT=success\0" });
  expect(facts(46)?.leads).toBe("stop");
  process_of(47, { environ: "SYSTEMD_EXEC_PID=45\0WATCHDOG_USEC=3000000\0WATCHDOG_PID=45\0" });
  expect(facts(47)).toMatchObject({ leads: null, watchdog_s: 3 });
});

test("a container, a virtual machine, and who others wait for", () => {
  process_of(48, { numbers: "48\t1" });
  expect(facts(48)).toMatchObject({ namespaces: 1, leads: "start" });
  process_of(49, { fds: ["/dev/null", "anon_inode:kvm-vcpu:0"] });
  expect(facts(49)?.devices).toEqual(["/dev/kvm"]);
  process_of(50, { fds: ["/dev/watchdog0", "/dev/fuse", "socket:[1]"] });
  expect(facts(50)?.devices).toEqual(["/dev/watchdog", "/dev/fuse"]);
});

test("what is known already is not read again, but for what changes", () => {
  process_of(51, { environ: "SYSTEMD_EXEC_PID=51\0" });
  const known = facts(51)!;
  process_of(51, { shared: "4000" });
  expect(reader.describe(51, "/app", "whole", known)?.facts).toEqual({ ...known, signal: "SIGTERM" });
  process_of(51, { comm: "other" });
  expect(reader.describe(51, "/app", "whole", known)?.facts).toMatchObject({ comm: "other", leads: null });
});

test("this very process, in the kernel's own words", () => {
  const own = new ProcessReader().describe(process.pid, "/x", "whole");
  expect(own?.facts).toMatchObject({ pid: process.pid, signal: null, namespaces: 0, watchdog_s: null });
  expect(own?.facts.comm).not.toBe("");
});

test("the files of a unit: the first main file, then drop-ins, a template under its instance", () => {
  write("host/usr/lib/systemd/system/db@.service", "[Service]\nWatchdogSec=1min 30s\nDelegate=yes\n");
  write("host/etc/systemd/system/db@.service.d/10.conf", "[Service]\nDelegate=no\n");
  write("host/run/systemd/system/db@two.service.d/20.conf", "[Service]\nWatchdogSec=0\n");
  const host = join(root, "host");
  expect(unit_settings("db@one.service", host)).toEqual({ delegates: false, watchdog_s: 90 });
  expect(unit_settings("db@two.service", host)).toEqual({ delegates: false, watchdog_s: null });
  expect(unit_settings("none.service", host)).toEqual({ delegates: false, watchdog_s: null });
  write("host/etc/systemd/system/plain.service", "[Service]\nDelegate=cpu memory\nWatchdogSec = 500ms\n");
  expect(unit_settings("plain.service", host)).toEqual({ delegates: true, watchdog_s: 0.5 });
});

test.each<[string, number | null]>([
  ["3", 3],
  ["3s", 3],
  ["2 min", 120],
  ["1h 30m", 5400],
  ["500ms", 0.5],
  ["infinity", null],
  ["0", null],
  ["", null],
])("a time span of %p", (text, seconds) => {
  expect(span_s(text)).toBe(seconds);
});

test("the service manager and its version, by what the first process has mapped", () => {
  write(
    "proc/1/maps",
    "7f00 r-xp 0 00:00 1  /usr/lib/systemd/libsystemd-shared-257.so\n7f01 r-xp 0 00:00 2  /usr/lib/libc.so.6\n",
  );
  write("proc/1/root/usr/lib/libc.so.6", "\0GNU C Library (Debian GLIBC 2.41-12) stable release version 2.41.\n");
  expect(find_manager(join(root, "proc"))).toEqual({ name: "systemd", version: 257 });
  expect(glibc_of_manager(join(root, "proc"))).toBe("2.41");
  write("proc/1/maps", "");
  expect(find_manager(join(root, "proc"))).toEqual({ name: "systemd", version: null });
  write("proc/1/comm", "runit\n");
  expect(find_manager(join(root, "proc"))).toBeNull();
});
