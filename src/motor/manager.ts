import { existsSync, readFileSync } from "node:fs";
import type { ManagerFacts } from "../model/precondition.ts";
import type { Maybe } from "../model/sample.ts";

/** The service manager of the node, by what it leaves in /run and has mapped; null where none that is known runs. */
export function find_manager(proc = "/proc"): Maybe<ManagerFacts> {
  // sd_booted(3), in the file tree of the first process: an agent in a container has another one, and may not see that of the node.
  const runs = comm_of_first(proc) === "systemd" || existsSync(`${proc}/1/root/run/systemd/system`);
  if (!runs) return null;
  let maps = "";
  try {
    maps = readFileSync(`${proc}/1/maps`, "latin1");
  } catch {
    // Its version is not known, which counts as one that would hang.
  }
  const version = /libsystemd-(?:shared|core)-(\d+)/.exec(maps)?.[1];
  return { name: "systemd", version: version === undefined ? null : Number(version) };
}

function comm_of_first(proc: string): string {
  try {
    return readFileSync(`${proc}/1/comm`, "latin1").trim();
  } catch {
    return "";
  }
}

/** Version of the C library that the first process runs on; null when it cannot be read. */
export function glibc_of_manager(proc = "/proc"): Maybe<string> {
  try {
    const maps = readFileSync(`${proc}/1/maps`, "latin1");
    const path = /(\/\S*\/libc[.-]\S*so\S*)$/m.exec(maps)?.[1];
    if (path === undefined) return null;
    const text = readFileSync(`${proc}/1/root${path}`, "latin1");
    return /GNU C Library [^\n]*version (\d+\.\d+)/.exec(text)?.[1] ?? null;
  } catch {
    return null;
  }
}
