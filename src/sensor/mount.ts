import { readFileSync } from "node:fs";
import { reason_of } from "../model/errno.ts";

/** Where cgroup v2 is mounted, and the controllers it has there (the others sit in v1 or nowhere). */
export interface Cgroup2Mount {
  readonly mount: string;
  readonly controllers: readonly string[];
}

interface Mounted {
  /** Where in the hierarchy it begins, seen from this process's cgroup namespace: "/../.." reaches beyond it. */
  readonly root: string;
  readonly mount: string;
}

/** All cgroup2 mounts in a mountinfo text. Source: proc_pid_mountinfo(5). */
function cgroup2_mounts(mountinfo: string): readonly Mounted[] {
  const mounts: Mounted[] = [];
  for (const line of mountinfo.split("\n")) {
    const [before, after] = line.split(" - ");
    const fields = before?.split(" ") ?? [];
    const root = fields[3];
    const mount = fields[4];
    if (root === undefined || mount === undefined || after?.split(" ")[0] !== "cgroup2") continue;
    mounts.push({ root, mount: unescape_octal(mount) });
  }
  return mounts;
}

/** The mount that begins where the paths of /proc begin; null when there is none: any other would lead to a cgroup not meant. */
export function parse_cgroup2_mount(mountinfo: string): string | null {
  return cgroup2_mounts(mountinfo).find(({ root }) => root === "/")?.mount ?? null;
}

/** Why nothing was found. */
export function why_no_cgroup2(mountinfo_path = "/proc/self/mountinfo"): string {
  let found: readonly Mounted[];
  try {
    found = cgroup2_mounts(readFileSync(mountinfo_path, "utf8"));
  } catch (error) {
    return reason_of(error);
  }
  const parts = found.map(({ root, mount }) => `${root} at ${mount}`);
  return parts.length === 0 ? "not mounted" : `not mounted from its root: only ${parts.join(", ")}`;
}

/** Find the cgroup v2 hierarchy of this node; null when it is not mounted or cannot be read. */
export function find_cgroup2_mount(mountinfo_path = "/proc/self/mountinfo"): Cgroup2Mount | null {
  try {
    const mount = parse_cgroup2_mount(readFileSync(mountinfo_path, "utf8"));
    if (mount === null) return null;
    const controllers = readFileSync(`${mount}/cgroup.controllers`, "utf8").trim();
    return { mount, controllers: controllers === "" ? [] : controllers.split(" ") };
  } catch {
    return null;
  }
}

/** mountinfo writes space, tab, newline and backslash as \ooo. */
function unescape_octal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
