import { expect, test } from "bun:test";
import type { Excuse } from "../../src/model/decision.ts";
import { excuse_sentence, kernel_text } from "../../src/report/excuse.ts";

const MIB = 1048576;
const room = { headroom_bytes: 620 * MIB };

test.each<readonly [Excuse, string]>([
  [
    { code: "runtime_limit", runtime: "jvm", bound_bytes: 900 * MIB },
    "The heap limit (jvm) ends the growth at 900.0 MiB, before the limit of the cgroup.",
  ],
  [
    { code: "runtime_limit", runtime: "kvm", bound_bytes: 900 * MIB },
    "The memory of its guest (kvm) ends the growth at 900.0 MiB, before the limit of the cgroup.",
  ],
  [
    { code: "page_cache", slope_bytes_per_s: 90 * MIB, cache_bytes_per_s: 88 * MIB },
    "The growth is page cache: 88.0 MiB/s of 90.0 MiB/s. The kernel takes it back where memory is needed.",
  ],
  [
    { code: "forked_pages", pid: 166, shared_bytes: 196 * MIB, ...room },
    "Process 166 copies pages that it shares with a fork: 196.0 MiB at most, and 620.0 MiB are left. The memory is given back when the fork ends.",
  ],
  [
    { code: "mapped_before", pid: 166, untouched_bytes: 196 * MIB, ...room },
    "Process 166 uses memory that it mapped before: 196.0 MiB at most, and 620.0 MiB are left.",
  ],
  [
    { code: "tmpfs_size", free_bytes: 196 * MIB, ...room },
    "A file system in memory fills. It is full after 196.0 MiB more, and 620.0 MiB are left.",
  ],
  [
    { code: "small_part_of_node", slope_bytes_per_s: 6 * MIB, node_slope_bytes_per_s: 248 * MIB },
    "The cgroup carries 2 % of what the node loses (6.0 MiB/s of 248.0 MiB/s). Below a third it is not contained for the node.",
  ],
])("%j is told as a sentence", (excuse, sentence) => {
  expect(excuse_sentence(excuse)).toBe(sentence);
});

test("the kernel is named with what it takes, a cgroup by its path elsewhere", () => {
  expect(kernel_text({ scope: "kernel", comm: "huge pages", rate: 242 * MIB })).toBe(
    "the kernel: huge pages 242.0 MiB/s",
  );
  expect(kernel_text({ scope: "thread", comm: "filler", rate: 242 * MIB })).toBeNull();
});
