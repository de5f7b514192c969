import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { ProcessFacts } from "../model/precondition.ts";
import type { Maybe } from "../model/sample.ts";

/** How much is read: a name is one file, everything some more. */
export type Depth = "name" | "whole";

/** What could be read of a process, and what could not; null: it is gone. */
export interface Described {
  readonly facts: ProcessFacts;
  readonly unread: Maybe<string>;
}

const DESCRIPTORS_MAX = 1024;
const THREADS_MAX = 1024;

/** Signals that ask a process to end or to act, by number. Timers, children and terminals raise the others by themselves. */
const ASKING: readonly (readonly [number, string])[] = [
  [9, "SIGKILL"],
  [15, "SIGTERM"],
  [2, "SIGINT"],
  [3, "SIGQUIT"],
  [1, "SIGHUP"],
  [6, "SIGABRT"],
  [30, "SIGPWR"],
  [10, "SIGUSR1"],
  [12, "SIGUSR2"],
  [28, "SIGWINCH"],
];

/** Name of the first asking signal of a set; null where none waits. */
export function asking_signal(pending: bigint): Maybe<string> {
  if (pending === 0n) return null;
  return ASKING.find(([number]) => (pending & (1n << BigInt(number - 1))) !== 0n)?.[1] ?? null;
}

/** Fields of /proc/PID/status. */
const NAME = /^Name:\s*(.*)$/m;
const PARENT = /^PPid:\s*(\d+)$/m;
const NUMBERS = /^NSpid:\s*(.*)$/m;
const THREADS = /^Threads:\s*(\d+)$/m;
const PENDING = /^SigPnd:\s*([0-9a-f]+)$/m;
const SHARED = /^ShdPnd:\s*([0-9a-f]+)$/m;

function text_of(field: RegExp, status: string): string {
  return field.exec(status)?.[1] ?? "";
}

/** Reads one process of /proc. @param host where the node's own root is seen: for its devices */
export class ProcessReader {
  readonly #proc: string;
  readonly #host: string;

  constructor(proc = "/proc", host = "/proc/1/root") {
    this.#proc = proc;
    this.#host = host;
  }

  /** @param known what was found before: only what changes while a program runs is read again */
  describe(pid: number, path: string, depth: Depth, known: Maybe<ProcessFacts> = null): Maybe<Described> {
    const status = this.#text(`${pid}/status`);
    if (status === null) return null;
    if (/^State:\s*[ZX]/m.test(status)) return null;
    const numbers = text_of(NUMBERS, status).split("\t");
    const facts: ProcessFacts = {
      pid,
      comm: text_of(NAME, status),
      parent: null,
      path,
      signal: null,
      watchdog_s: null,
      namespaces: numbers.length - 1,
      leads: null,
      devices: [],
    };
    if (depth === "name") return { facts, unread: null };
    const pending = BigInt(`0x${text_of(PENDING, status) || "0"}`) | BigInt(`0x${text_of(SHARED, status) || "0"}`);
    const signal =
      asking_signal(pending) ?? (Number(text_of(THREADS, status)) > 1 ? this.#signal_of_threads(pid) : null);
    if (known?.comm === facts.comm) return { facts: { ...known, path, signal }, unread: null };
    const environment = this.#environment(pid);
    const devices = this.#devices(pid);
    const more = {
      signal,
      parent: this.#text(`${text_of(PARENT, status)}/comm`)?.trimEnd() ?? null,
      leads: started_by_manager(environment, pid) ?? (numbers.length > 1 && numbers.at(-1) === "1" ? "start" : null),
      watchdog_s: watchdog_of(environment),
      devices: devices.found,
    };
    return {
      facts: { ...facts, ...more },
      unread: environment === null ? `the environment of process ${pid}` : devices.unread,
    };
  }

  #text(name: string): Maybe<string> {
    try {
      return readFileSync(`${this.#proc}/${name}`, "latin1");
    } catch {
      return null;
    }
  }

  /** Null when it may not be read; a process that has ended, or a thread of the kernel, has none. */
  #environment(pid: number): Maybe<string> {
    try {
      return readFileSync(`${this.#proc}/${pid}/environ`, "latin1");
    } catch (error) {
      return is_denied(error) ? null : "";
    }
  }

  #signal_of_threads(pid: number): Maybe<string> {
    for (const tid of this.#names(`${pid}/task`).slice(0, THREADS_MAX)) {
      const stat = tid === String(pid) ? null : this.#text(`${pid}/task/${tid}/stat`);
      if (stat === null) continue;
      // Field 31, pending signals of this thread alone; the name of field 2 may hold spaces.
      const pending = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[28];
      const signal = asking_signal(BigInt(pending ?? "0"));
      if (signal !== null) return signal;
    }
    return null;
  }

  /** Descriptors are looked at only where the node has such a device in use. */
  #devices(pid: number): { readonly found: readonly string[]; readonly unread: Maybe<string> } {
    const wanted = this.#devices_in_use();
    if (wanted.length === 0) return { found: [], unread: null };
    const descriptors = this.#names(`${pid}/fd`);
    const found = new Set<string>();
    for (const name of descriptors.slice(0, DESCRIPTORS_MAX)) {
      let link: string;
      try {
        link = readlinkSync(`${this.#proc}/${pid}/fd/${name}`);
      } catch {
        continue;
      }
      const device = device_of(link);
      if (device !== null && wanted.includes(device)) found.add(device);
    }
    const cut = descriptors.length > DESCRIPTORS_MAX;
    const unread = cut
      ? `${descriptors.length} descriptors of process ${pid}, of which ${DESCRIPTORS_MAX} were read`
      : null;
    return { found: [...found], unread };
  }

  #devices_in_use(): readonly string[] {
    const wanted: string[] = [];
    if (existsSync(`${this.#host}/dev/kvm`)) wanted.push("/dev/kvm");
    if (existsSync(`${this.#host}/dev/watchdog`)) wanted.push("/dev/watchdog");
    if (entries(`${this.#host}/sys/fs/fuse/connections`).length > 0) wanted.push("/dev/fuse");
    return wanted;
  }

  #names(name: string): readonly string[] {
    return entries(`${this.#proc}/${name}`);
  }
}

function entries(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function is_denied(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EACCES" || error.code === "EPERM");
}

function device_of(link: string): Maybe<string> {
  if (link === "/dev/kvm" || link.startsWith("anon_inode:kvm-")) return "/dev/kvm";
  if (/^\/dev\/watchdog\d*$/.test(link)) return "/dev/watchdog";
  return link === "/dev/fuse" ? link : null;
}

function variable(environment: string, name: string): Maybe<string> {
  const at = environment.startsWith(`${name}=`) ? 0 : environment.indexOf(`\0${name}=`) + 1;
  if (at === 0 && !environment.startsWith(`${name}=`)) return null;
  const from = at + name.length + 1;
  const end = environment.indexOf("\0", from);
  return environment.slice(from, end < 0 ? undefined : end);
}

/** systemd tells what it starts its own number; commands that end a unit get the result of the service as well (systemd.exec(5)). */
function started_by_manager(environment: Maybe<string>, pid: number): ProcessFacts["leads"] {
  if (environment === null || variable(environment, "SYSTEMD_EXEC_PID") !== String(pid)) return null;
  return variable(environment, "SERVICE_RESULT") === null ? "start" : "stop";
}

/** sd_watchdog_enabled(3); what is inherited from the main process counts for its children. */
function watchdog_of(environment: Maybe<string>): Maybe<number> {
  const period_us = Number(environment === null ? 0 : (variable(environment, "WATCHDOG_USEC") ?? 0));
  return Number.isFinite(period_us) && period_us > 0 ? period_us / 1e6 : null;
}
