import { closeSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";
import type { Maybe } from "../model/sample.ts";

/** A managed runtime moves the work of its threads onto its own (collector, compiler), which misleads a thread search. */
export interface Runtime {
  readonly runtime: Maybe<string>;
  readonly heap_limit_bytes: Maybe<number>;
}

const NONE: Runtime = { runtime: null, heap_limit_bytes: null };
/** maps of a large JVM is some 300 kB; libjvm.so stands near its beginning or end. */
const MAX_MAPS_BYTES = 4 << 20;
const MAX_SECTIONS = 256;
const MAX_NAMES_BYTES = 64 << 10;
const UNITS: Readonly<Record<string, number>> = { "": 1, k: 1 << 10, m: 1 << 20, g: 1 << 30, t: 2 ** 40 };

/**
 * Which managed runtime a process runs, and the bound that runtime was given for its heap.
 * @param memory_limit_bytes what a JVM's MaxRAMPercentage is a percentage of; null when unlimited.
 */
export function detect_runtime(pid: number, memory_limit_bytes: Maybe<number>, proc = "/proc"): Runtime {
  const args_of_machine = machine_arguments(pid, proc);
  if (args_of_machine !== null) return { runtime: "kvm", heap_limit_bytes: machine_memory_bytes(args_of_machine) };
  const maps = read_some(`${proc}/${pid}/maps`, MAX_MAPS_BYTES).toString("latin1");
  // Of its own memory, which the process may keep from being read for as long as it likes: asked of managed runtimes only.
  const own = (name: string): string => read_some(`${proc}/${pid}/${name}`, 64 << 10).toString("utf8");
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
  return is_go(`${proc}/${pid}/exe`) ? { runtime: "go", heap_limit_bytes: null } : NONE;
}

const DESCRIPTORS_MAX = 1024;

/** Command line of a virtual machine, separated by NUL; null for any other process. Its processors are threads, and its memory is theirs. */
function machine_arguments(pid: number, proc: string): Maybe<string> {
  let names: readonly string[];
  try {
    names = readdirSync(`${proc}/${pid}/fd`).slice(0, DESCRIPTORS_MAX);
  } catch {
    return null;
  }
  const is_machine = names.some((name) => {
    try {
      return /^(\/dev\/kvm$|anon_inode:kvm-)/.test(readlinkSync(`${proc}/${pid}/fd/${name}`));
    } catch {
      return false;
    }
  });
  return is_machine ? read_some(`${proc}/${pid}/cmdline`, 64 << 10).toString("utf8") : null;
}

/** What QEMU's -m (or a machine's --memory) says, in MiB unless a unit stands there; null where nothing does. */
export function machine_memory_bytes(args: string): Maybe<number> {
  const given = last_match(args, /(?:^|\0)(?:-m|--?memory)[\0=](?:size=)?(\d+)([kmgt]?)i?b?(?=[,\0]|$)/gi);
  return given === null ? null : finite(Number(given[1]) * UNITS[given[2]!.toLowerCase() || "m"]!);
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

/** Go marks its programs with a section .go.buildinfo that stripping leaves in. Only little-endian ELF64 is looked at. */
export function is_go(exe_path: string): boolean {
  let file: number;
  try {
    file = openSync(exe_path, "r");
  } catch {
    return false;
  }
  try {
    return section_names(file).includes("\0.go.buildinfo\0");
  } catch {
    return false;
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

/** At most `most` bytes from the start of a file. Processes come and go: what cannot be read is empty. */
function read_some(path: string, most: number): Buffer {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
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
