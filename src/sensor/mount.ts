import { readFileSync } from "node:fs";

/** Where cgroup v2 is mounted, and the controllers it has there (the others sit in v1 or nowhere). */
export interface Cgroup2Mount {
  readonly mount: string;
  readonly controllers: readonly string[];
}

/** The mount point of the widest cgroup2 mount in a mountinfo text; null when there is none. Source: proc_pid_mountinfo(5). */
export function parse_cgroup2_mount(mountinfo: string): string | null {
  let best: { readonly root: string; readonly mount: string } | null = null;
  for (const line of mountinfo.split("\n")) {
    const [before, after] = line.split(" - ");
    const fields = before?.split(" ") ?? [];
    const root = fields[3];
    const mount = fields[4];
    if (root === undefined || mount === undefined || after?.split(" ")[0] !== "cgroup2") continue;
    if (best === null || root.length < best.root.length) best = { root, mount };
  }
  return best === null ? null : unescape_octal(best.mount);
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
