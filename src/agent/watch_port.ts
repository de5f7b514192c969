import { readFileSync } from "node:fs";
import { KeptFile } from "../ffi/files.ts";
import type { ThreadPort } from "../sensor/ports.ts";
import { RestProgress } from "../sensor/rest_progress.ts";
import type { WatchPort } from "./containment_watch.ts";
import type { StallPort, StallResource } from "./own_stall.ts";
import type { ShieldRate } from "./shield_rate.ts";

/** What watching a containment reads: the pace of the rest of the service, and the cgroup's own stall. */
export function watch_port(threads: ThreadPort, mount: string | null, network: ShieldRate | null = null): WatchPort {
  const progress = new Map<string, RestProgress>();
  const pressure = new Map<string, KeptFile | null>();
  return {
    rest_steps(cgroup_id, except_tid) {
      const key = `${cgroup_id}/${except_tid}`;
      let rest = progress.get(key);
      if (rest === undefined) {
        rest = new RestProgress(threads, cgroup_id, except_tid);
        progress.set(key, rest);
      }
      return rest.read();
    },
    asleep(pid, tid) {
      try {
        const stat = readFileSync(`/proc/${pid}/task/${tid}/stat`, "latin1");
        return stat.charAt(stat.lastIndexOf(")") + 2) === "S";
      } catch {
        return null;
      }
    },
    network: (t_ns) => network?.observe(t_ns) ?? null,
    stall_full_us: (path) => total_us(pressure, mount, path, "memory", "full"),
    forget(cgroup_id, except_tid, path) {
      progress.delete(`${cgroup_id}/${except_tid}`);
      close_all(pressure, path);
    },
  };
}

/** What following the stalls of one cgroup reads. */
export function stall_port(mount: string | null): StallPort {
  const pressure = new Map<string, KeptFile | null>();
  return {
    stall_some_us: (path, resource) => total_us(pressure, mount, path, resource, "some"),
    leave: (path) => close_all(pressure, path),
  };
}

function total_us(
  kept: Map<string, KeptFile | null>,
  mount: string | null,
  path: string,
  resource: StallResource,
  line: "some" | "full",
): number | null {
  if (mount === null) return null;
  const name = `${path}/${resource}.pressure`;
  let file = kept.get(name);
  if (file === undefined) {
    file = KeptFile.open(`${mount}${name}`);
    kept.set(name, file);
  }
  if (file === null) return null;
  try {
    const text = Buffer.from(file.read()).toString("latin1");
    const from = text.indexOf(line);
    return from < 0 ? null : Number.parseInt(text.slice(text.indexOf("total=", from) + 6), 10);
  } catch {
    return null;
  }
}

function close_all(kept: Map<string, KeptFile | null>, path: string): void {
  for (const resource of ["cpu", "memory", "io"]) {
    const name = `${path}/${resource}.pressure`;
    kept.get(name)?.[Symbol.dispose]();
    kept.delete(name);
  }
}
