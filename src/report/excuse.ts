import type { Culprit, Excuse } from "../model/decision.ts";
import { bytes, percent } from "./number.ts";

const GUESTS: readonly string[] = ["kvm", "virtualbox", "vmware"];

/** Why a growth is left alone, in one sentence. */
export function excuse_sentence(excuse: Excuse): string {
  switch (excuse.code) {
    case "runtime_limit": {
      const bound = GUESTS.includes(excuse.runtime) ? "memory of its guest" : "heap limit";
      return `The ${bound} (${excuse.runtime}) ends the growth at ${bytes(excuse.bound_bytes)}, before the limit of the cgroup.`;
    }
    case "page_cache":
      return `The growth is page cache: ${bytes(excuse.cache_bytes_per_s)}/s of ${bytes(excuse.slope_bytes_per_s)}/s. The kernel takes it back where memory is needed.`;
    case "forked_pages":
      return `Process ${excuse.pid} copies pages that it shares with a fork: ${bytes(excuse.shared_bytes)} at most, and ${bytes(excuse.headroom_bytes)} are left. The memory is given back when the fork ends.`;
    case "mapped_before":
      return `Process ${excuse.pid} uses memory that it mapped before: ${bytes(excuse.untouched_bytes)} at most, and ${bytes(excuse.headroom_bytes)} are left.`;
    case "tmpfs_size":
      return `A file system in memory fills. It is full after ${bytes(excuse.free_bytes)} more, and ${bytes(excuse.headroom_bytes)} are left.`;
    case "small_part_of_node": {
      const part = excuse.slope_bytes_per_s / Math.max(1, excuse.node_slope_bytes_per_s);
      return `The cgroup carries ${percent(part)} of what the node loses (${bytes(excuse.slope_bytes_per_s)}/s of ${bytes(excuse.node_slope_bytes_per_s)}/s). Below a third it is not contained for the node.`;
    }
  }
}

/** "the kernel: huge pages 242.0 MiB/s"; null where a cgroup is the culprit. */
export function kernel_text({ scope, comm, rate }: Pick<Culprit, "scope" | "comm" | "rate">): string | null {
  return scope === "kernel" ? `the kernel: ${comm ?? "memory"} ${bytes(rate)}/s` : null;
}
