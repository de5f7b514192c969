import { closeSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";
import type { Maybe } from "../model/sample.ts";

/**
 * A managed runtime moves the work of its threads onto its own (collector, compiler), which misleads a thread search, or its threads are not
 * its own to stop: those of a hypervisor are the processors of a guest.
 */
export interface Runtime {
  readonly runtime: Maybe<string>;
  /** Of a hypervisor: the memory of its guest. */
  readonly heap_limit_bytes: Maybe<number>;
  /** An interpreter of which one thread at a time runs, with a lock that all others need. */
  readonly global_lock?: string;
}

let unreadable = 0;

/** Processes whose maps might not be read, in this process: their runtime is not known. */
export function unreadable_processes(): number {
  return unreadable;
}

const NONE: Runtime = { runtime: null, heap_limit_bytes: null };
/** maps of a large JVM is some 300 kB; libjvm.so stands near its beginning or end. */
const MAX_MAPS_BYTES = 4 << 20;
const MAX_SECTIONS = 256;
const MAX_NAMES_BYTES = 64 << 10;
/** What a hypervisor opens first has a low number. */
const DESCRIPTORS_MAX = 1024;
/** A smaller mapping is no memory of a guest. */
const GUEST_MEMORY_BYTES = 64 << 20;
const HYPERVISORS: Readonly<Record<string, string>> = {
  "/dev/kvm": "kvm",
  "/dev/vboxdrv": "virtualbox",
  "/dev/vmmon": "vmware",
};
/** Programs and libraries by which a runtime is known. */
const MANAGED: readonly (readonly [RegExp, string])[] = [
  [/\/beam(\.\w+)*$/m, "erlang"],
  [/\/(libmonosgen|libmono-|mono-sgen)[^/\n]*$/m, "mono"],
  [/\/(deno|bun)$/m, "javascript"],
];
const LOCKED: readonly (readonly [RegExp, string])[] = [
  [/\/(lib)?python\d[\d.]*m?(\.so[\d.]*)?$/m, "python"],
  [/\/(lib)?ruby[\d.-]*(\.so[\d.]*)?$/m, "ruby"],
];
const UNITS: Readonly<Record<string, number>> = { "": 1, k: 1 << 10, m: 1 << 20, g: 1 << 30, t: 2 ** 40 };

/**
 * Which managed runtime a process runs, and the bound that runtime was given for its heap.
 * @param memory_limit_bytes what a JVM's MaxRAMPercentage is a percentage of; null when unlimited.
 */
export function detect_runtime(pid: number, memory_limit_bytes: Maybe<number>, proc = "/proc"): Runtime {
  const maps = read_some(`${proc}/${pid}/maps`, MAX_MAPS_BYTES, () => {
    unreadable += 1;
  }).toString("latin1");
  // Of its own memory, which the process may keep from being read for as long as it likes: asked of few kinds of process only.
  const own = (name: string): string => read_some(`${proc}/${pid}/${name}`, 64 << 10).toString("utf8");
  const hypervisor = hypervisor_of(`${proc}/${pid}/fd`, maps);
  if (hypervisor !== null) return { runtime: hypervisor, heap_limit_bytes: guest_memory_bytes(own("cmdline"), maps) };
  if (maps.includes("/libjvm.so")) {
    // The command line comes after JAVA_TOOL_OPTIONS and overrides it.
    const options = `${variable(own("environ"), "JAVA_TOOL_OPTIONS").replaceAll(" ", "\0")}\0${own("cmdline")}`;
    return { runtime: "jvm", heap_limit_bytes: jvm_heap_bytes(options, memory_limit_bytes) };
  }
  if (maps.includes("/libcoreclr.so")) {
    const hex = variable(own("environ"), "DOTNET_GCHeapHardLimit");
    return { runtime: "dotnet", heap_limit_bytes: /^(0x)?[0-9a-f]+$/i.test(hex) ? Number.parseInt(hex, 16) : null };
  }
  if (/\/node$/m.test(maps)) {
    const options = `${variable(own("environ"), "NODE_OPTIONS").replaceAll(" ", "\0")}\0${own("cmdline")}`;
    const mib = last_match(options, /(?:^|\0)--max[-_]old[-_]space[-_]size=(\d+)(?=\0|$)/g);
    return { runtime: "node", heap_limit_bytes: mib === null ? null : finite(Number(mib[1]) * UNITS.m!) };
  }
  const managed = known_by(MANAGED, maps) ?? compiled_runtime(`${proc}/${pid}/exe`);
  if (managed !== null) return { runtime: managed, heap_limit_bytes: null };
  const global_lock = known_by(LOCKED, maps);
  return global_lock === null ? NONE : { ...NONE, global_lock };
}

function known_by(patterns: readonly (readonly [RegExp, string])[], maps: string): Maybe<string> {
  return patterns.find(([pattern]) => pattern.test(maps))?.[1] ?? null;
}

/** A processor of a guest is mapped for as long as it lives, whatever becomes of the descriptor of /dev/kvm. */
function hypervisor_of(descriptors: string, maps: string): Maybe<string> {
  if (maps.includes("anon_inode:kvm-")) return "kvm";
  let names: readonly string[];
  try {
    names = readdirSync(descriptors).slice(0, DESCRIPTORS_MAX);
  } catch {
    return null;
  }
  for (const name of names) {
    try {
      const link = readlinkSync(`${descriptors}/${name}`);
      const hypervisor = link.startsWith("anon_inode:kvm-") ? "kvm" : HYPERVISORS[link];
      if (hypervisor !== undefined) return hypervisor;
    } catch {
      // Closed meanwhile, or the process has ended.
    }
  }
  return null;
}

/** What -m or --memory gives the guest, in MiB unless a unit stands there; else what is mapped for it: large memory of its own, or of a memfd. Null: neither. */
export function guest_memory_bytes(args: string, maps: string): Maybe<number> {
  const given = last_match(args, /(?:^|\0)(?:-m|--?memory)[\0=](?:size=)?(\d+)([kmgt]?)i?b?(?=[,\0]|$)/gi);
  if (given !== null) return finite(Number(given[1]) * UNITS[given[2]!.toLowerCase() || "m"]!);
  let mapped = 0;
  for (const [, from, to, name] of maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw\S+ \S+ \S+ \d+ *(.*)$/gm)) {
    const bytes = Number.parseInt(to!, 16) - Number.parseInt(from!, 16);
    const of_guest = name === "" || name!.startsWith("/memfd:") || name!.startsWith("[anon:");
    if (of_guest && bytes >= GUEST_MEMORY_BYTES) mapped += bytes;
  }
  return mapped > 0 ? mapped : null;
}

/** A process writes its own command line: "1.2.3" is no number, and a thousand digits are not finite. */
function finite(value: number): Maybe<number> {
  return Number.isFinite(value) ? value : null;
}

/** -Xmx (or -XX:MaxHeapSize) wins over -XX:MaxRAMPercentage; of several the last. `options` is separated by NUL. */
export function jvm_heap_bytes(options: string, memory_limit_bytes: Maybe<number>): Maybe<number> {
  const fixed = last_match(options, /(?:^|\0)(?:-Xmx|-XX:MaxHeapSize=)(\d+)([kmgt]?)(?=\0|$)/gi);
  if (fixed !== null) return finite(Number(fixed[1]) * UNITS[fixed[2]!.toLowerCase()]!);
  const percent = last_match(options, /(?:^|\0)-XX:MaxRAMPercentage=([\d.]+)(?=\0|$)/g);
  if (percent === null || memory_limit_bytes === null) return null;
  return finite((Number(percent[1]) / 100) * memory_limit_bytes);
}

/** Sections that stripping leaves in, by which compiled programs with a runtime of their own are known. */
const SECTIONS: readonly (readonly [string, string])[] = [
  ["\0.go.buildinfo\0", "go"],
  ["\0.svm_heap\0", "native-image"],
];

/** The runtime compiled into a program; null where there is none. Only little-endian ELF64 is looked at. */
export function compiled_runtime(exe_path: string): Maybe<string> {
  let file: number;
  try {
    file = openSync(exe_path, "r");
  } catch {
    return null;
  }
  try {
    const names = section_names(file);
    return SECTIONS.find(([section]) => names.includes(section))?.[1] ?? null;
  } catch {
    return null;
  } finally {
    closeSync(file);
  }
}

function section_names(file: number): string {
  const header = bytes_at(file, 0, 64);
  if (header.readUInt32BE(0) !== 0x7f454c46 || header[4] !== 2 || header[5] !== 1) return "";
  const table_at = Number(header.readBigUInt64LE(40));
  const entry_bytes = header.readUInt16LE(58);
  const names_index = header.readUInt16LE(62);
  if (entry_bytes !== 64 || names_index >= MAX_SECTIONS) return "";
  const entry = bytes_at(file, table_at + names_index * entry_bytes, entry_bytes);
  const length = Math.min(MAX_NAMES_BYTES, Number(entry.readBigUInt64LE(32)));
  return bytes_at(file, Number(entry.readBigUInt64LE(24)), length).toString("latin1");
}

function bytes_at(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  if (readSync(file, bytes, 0, length, position) !== length) throw new Error("shorter than its headers say");
  return bytes;
}

function variable(environ: string, name: string): string {
  const entry = environ.split("\0").find((text) => text.startsWith(`${name}=`));
  return entry === undefined ? "" : entry.slice(name.length + 1);
}

function last_match(text: string, pattern: RegExp): RegExpMatchArray | null {
  return [...text.matchAll(pattern)].at(-1) ?? null;
}

/** At most `most` bytes from the start of a file. Processes come and go: what cannot be read is empty. @param denied called when it may not be */
function read_some(path: string, most: number, denied: () => void = () => undefined): Buffer {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (code === "EACCES" || code === "EPERM") denied();
    return Buffer.alloc(0);
  }
  try {
    const bytes = Buffer.alloc(most);
    let length = 0;
    for (let read = -1; read !== 0 && length < most; length += read)
      read = readSync(file, bytes, length, most - length, null);
    return bytes.subarray(0, length);
  } catch {
    return Buffer.alloc(0);
  } finally {
    closeSync(file);
  }
}
