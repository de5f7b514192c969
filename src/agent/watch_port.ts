import { readFileSync } from "node:fs";
import { KeptFile } from "../ffi/files.ts";
import type { SwapObservation } from "../model/containment.ts";
import type { Maybe } from "../model/sample.ts";
import type { GrowthBounds } from "../model/search.ts";
import { BoundsWatch } from "../sensor/growth_bounds.ts";
import { PeerProgress } from "../sensor/peer_progress.ts";
import type { ThreadPort } from "../sensor/ports.ts";
import { read_threads } from "../sensor/thread_table.ts";
import type { WatchPort } from "./containment_watch.ts";
import type { StallPort, StallResource } from "./own_stall.ts";
import type { ShieldRate } from "./shield_rate.ts";

/** What watching a containment reads: how the peers of a held thread get on, what bounds its growth, and the cgroup's own stall. */
export function watch_port(threads: ThreadPort, mount: string | null, network: ShieldRate | null = null): WatchPort {
  const progress = new Map<string, PeerProgress>();
  const bounds = new Map<number, BoundsWatch>();
  const pressure = new Map<string, KeptFile | null>();
  const swap = new SwapFigures(mount);
  return {
    peers({ cgroup_id, pid, tid }, scope, afresh, now_ns) {
      const key = `${cgroup_id}/${tid}`;
      let peers = progress.get(key);
      if (peers === undefined) {
        peers = new PeerProgress(threads, { cgroup_id, pid, tid }, scope);
        progress.set(key, peers);
      }
      return peers.read(now_ns, afresh);
    },
    bounds({ cgroup_id, pid }, now_ns): Maybe<GrowthBounds> {
      if (pid === null) return null;
      let watch = bounds.get(pid);
      if (watch === undefined) {
        watch = new BoundsWatch(pid, now_ns);
        bounds.set(pid, watch);
      }
      return watch.look(() => read_threads(threads, cgroup_id, 1, now_ns, 0).threads.values(), now_ns);
    },
    asleep(pid, tid) {
      try {
        const stat = readFileSync(`/proc/${pid}/task/${tid}/stat`, "latin1");
        return stat.charAt(stat.lastIndexOf(")") + 2) === "S";
      } catch {
        return null;
      }
    },
    swap: (path) => swap.read(path),
    network: (t_ns) => network?.observe(t_ns) ?? null,
    stall_full_us: (path) => total_us(pressure, mount, path, "memory", "full"),
    forget({ cgroup_id, pid, tid, path }) {
      progress.delete(`${cgroup_id}/${tid}`);
      if (pid !== null) bounds.delete(pid);
      close_all(pressure, path);
      swap.leave(path);
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

/** memory.swap.* of governed cgroups, kept open, and what the node has left of its swap. */
class SwapFigures {
  readonly #mount: string | null;
  readonly #kept = new Map<string, KeptFile | null>();

  constructor(mount: string | null) {
    this.#mount = mount;
  }

  read(path: string): SwapObservation | null {
    if (this.#mount === null) return null;
    const used = this.#text(`${this.#mount}${path}/memory.swap.current`);
    const max = this.#text(`${this.#mount}${path}/memory.swap.max`);
    const node = /^SwapFree:\s+(\d+)/m.exec(this.#text("/proc/meminfo") ?? "")?.[1];
    if (used === null || max === null || node === undefined) return null;
    const max_bytes = max.startsWith("max") ? null : Number.parseInt(max, 10);
    return { used_bytes: Number.parseInt(used, 10), max_bytes, node_free_bytes: Number(node) * 1024 };
  }

  leave(path: string): void {
    for (const [name, file] of this.#kept) {
      if (!name.startsWith(`${this.#mount}${path}/`)) continue;
      file?.[Symbol.dispose]();
      this.#kept.delete(name);
    }
  }

  #text(name: string): string | null {
    let file = this.#kept.get(name);
    if (file === undefined) {
      file = KeptFile.open(name);
      this.#kept.set(name, file);
    }
    try {
      return file === null ? null : Buffer.from(file.read()).toString("latin1");
    } catch {
      return null;
    }
  }
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
