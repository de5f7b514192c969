import { readdirSync, readFileSync, writeFileSync } from "node:fs";

export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly comm: string;
  readonly start_ticks: number;
}

/** Every process of the node, from /proc/PID/stat. */
export function processes(): readonly Process[] {
  const found: Process[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = read(`/proc/${name}/stat`);
    const close = stat.lastIndexOf(")");
    const open = stat.indexOf("(");
    if (open < 0 || close < open) continue;
    const fields = stat.slice(close + 2).split(" ");
    const comm = stat.slice(open + 1, close);
    found.push({ pid: Number(name), parent: Number(fields[1]), comm, start_ticks: Number(fields[19]) });
  }
  return found;
}

/** A process and all it began that still live. */
export function family(root: number): readonly Process[] {
  const all = processes();
  const members = new Set([root]);
  for (let before = 0; before < members.size; ) {
    before = members.size;
    for (const { pid, parent } of all) if (members.has(parent)) members.add(pid);
  }
  return all.filter(({ pid }) => members.has(pid));
}

export function threads_of(pid: number): readonly number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return [];
  }
}

/** Path of the process's cgroup below the v2 mount. */
export function cgroup_of(pid: number | "self"): string {
  return /^0::(.*)$/m.exec(read(`/proc/${pid}/cgroup`))?.[1] ?? "/";
}

export function move_to(cgroup_directory: string, pid: number): void {
  writeFileSync(`${cgroup_directory}/cgroup.procs`, `${pid}`);
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
