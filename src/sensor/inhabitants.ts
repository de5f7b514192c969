import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Inhabited } from "../model/quarantine.ts";
import type { Maybe } from "../model/sample.ts";

const CGROUPS_MAX = 2048;
const DEPTH_MAX = 32;
/** What is known of a cgroup and of the processes directly in it, read at once. */
export type Look = (path: string) => Required<Pick<Inhabited, "group" | "processes" | "unread">>;

export interface Inhabitants {
  readonly cgroups: readonly Inhabited[];
  /** Directories that were not read for lack of room. */
  readonly left_out: number;
}

/** Every cgroup below the mount with who lives in it, parents first. Reads beside the event loop; cgroups that go meanwhile are left out. */
export async function read_inhabitants(mount: string, look: Look): Promise<Inhabitants> {
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
    const one = path === "/" ? null : await read_one(directory, path, look, children.length <= room);
    if (one !== null) cgroups.push(one);
  }
  return { cgroups, left_out };
}

async function read_one(directory: string, path: string, look: Look, whole: boolean): Promise<Maybe<Inhabited>> {
  try {
    const { ino } = await stat(directory);
    const known = look(path);
    const memory = await text_of(join(directory, "memory.current"));
    const cpu = /^usage_usec (\d+)/m.exec((await text_of(join(directory, "cpu.stat"))) ?? "")?.[1];
    return {
      id: ino,
      path,
      memory_bytes: memory === null ? null : Number(memory),
      cpu_us: cpu === undefined ? null : Number(cpu),
      frozen: (await text_of(join(directory, "cgroup.freeze")))?.trim() === "1",
      comms: [...new Set(known.processes.map((each) => each.comm))],
      whole,
      ...known,
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
