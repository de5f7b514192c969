import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Inhabited } from "../model/quarantine.ts";
import type { Maybe } from "../model/sample.ts";

const CGROUPS_MAX = 2048;
const DEPTH_MAX = 32;
/** Processes whose names are read, per cgroup: the one an operator needs is hardly behind hundreds of others. */
const PROCESSES_MAX = 256;

export interface Inhabitants {
  readonly cgroups: readonly Inhabited[];
  /** Directories that were not read for lack of room. */
  readonly left_out: number;
}

/** Every cgroup below the mount with who lives in it, parents first. Reads beside the event loop; cgroups that go meanwhile are left out. */
export async function read_inhabitants(mount: string, proc: string): Promise<Inhabitants> {
  const cgroups: Inhabited[] = [];
  const queue = ["/"];
  let left_out = 0;
  for (let at = 0; at < queue.length; at++) {
    const path = queue[at]!;
    const directory = path === "/" ? mount : `${mount}${path}`;
    const children = await directories_in(directory);
    const room = path.split("/").length > DEPTH_MAX ? 0 : Math.max(0, CGROUPS_MAX - queue.length);
    queue.push(...children.slice(0, room).map((name) => (path === "/" ? `/${name}` : `${path}/${name}`)));
    left_out += Math.max(0, children.length - room);
    const one = path === "/" ? null : await read_one(directory, path, proc, children.length <= room);
    if (one !== null) cgroups.push(one);
  }
  return { cgroups, left_out };
}

async function read_one(directory: string, path: string, proc: string, whole: boolean): Promise<Maybe<Inhabited>> {
  try {
    const { ino } = await stat(directory);
    const pids = ((await text_of(join(directory, "cgroup.procs"))) ?? "").split("\n").filter(Boolean);
    const comms = new Set<string>();
    for (const pid of pids.slice(0, PROCESSES_MAX)) {
      const comm = (await text_of(join(proc, pid, "comm")))?.trimEnd();
      if (comm !== undefined) comms.add(comm);
    }
    const memory = await text_of(join(directory, "memory.current"));
    const cpu = /^usage_usec (\d+)/m.exec((await text_of(join(directory, "cpu.stat"))) ?? "")?.[1];
    return {
      id: ino,
      path,
      memory_bytes: memory === null ? null : Number(memory),
      cpu_us: cpu === undefined ? null : Number(cpu),
      frozen: (await text_of(join(directory, "cgroup.freeze")))?.trim() === "1",
      comms: [...comms],
      whole,
    };
  } catch (error) {
    if (error instanceof Error && "code" in error) return null;
    throw error;
  }
}

async function directories_in(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch {
    return [];
  }
}

async function text_of(path: string): Promise<Maybe<string>> {
  try {
    return await readFile(path, "latin1");
  } catch {
    return null;
  }
}
