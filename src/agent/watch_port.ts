import { readFileSync } from "node:fs";
import { KeptFile } from "../ffi/files.ts";
import type { ThreadPort } from "../sensor/ports.ts";
import { RestProgress } from "../sensor/rest_progress.ts";
import type { WatchPort } from "./containment_watch.ts";

/** What watching a containment reads: the pace of the rest of the service, and the cgroup's own stall. */
export function watch_port(threads: ThreadPort, mount: string | null): WatchPort {
  const progress = new Map<string, RestProgress>();
  const pressure = new Map<string, KeptFile | null>();
  return {
    rest_switches(cgroup_id, except_tid) {
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
    stall_full_us(path) {
      if (mount === null) return null;
      let file = pressure.get(path);
      if (file === undefined) {
        file = KeptFile.open(`${mount}${path}/memory.pressure`);
        pressure.set(path, file);
      }
      if (file === null) return null;
      try {
        const text = Buffer.from(file.read()).toString("latin1");
        const full = text.slice(text.indexOf("full"));
        return Number(full.slice(full.indexOf("total=") + 6).trim());
      } catch {
        return null;
      }
    },
    forget(cgroup_id, except_tid, path) {
      progress.delete(`${cgroup_id}/${except_tid}`);
      pressure.get(path)?.[Symbol.dispose]();
      pressure.delete(path);
    },
  };
}
