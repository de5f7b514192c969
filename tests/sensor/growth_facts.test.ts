import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { BoundsWatch } from "../../src/sensor/growth_bounds.ts";
import { KindsWatch, kinds_between, parse_memory_stat } from "../../src/sensor/growth_kinds.ts";
import { KernelMemorySense } from "../../src/sensor/kernel_memory.ts";
import { detect_runtime, guest_memory_bytes } from "../../src/sensor/runtime.ts";
import { ThreadBaseline } from "../../src/sensor/thread_baseline.ts";
import { type Comparison, compare_tables } from "../../src/sensor/thread_search.ts";
import { read_threads } from "../../src/sensor/thread_table.ts";
import { bytes, FakeNode, type ThreadRow, thread_rows } from "./fakes.ts";

const MIB = 1048576;
const S = 1e9;
const folder = mkdtempSync(join(tmpdir(), "hosa-facts-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

/** Rows of threads as the watch of bounds takes them. */
const threads = (rows: readonly ThreadRow[]) => () =>
  read_threads({ threads: () => thread_rows(0, rows) }, 7, 4096, 0, 0).threads.values();

describe("what of a cgroup grows", () => {
  const stat = (mib: Record<string, number>) =>
    bytes(
      Object.entries({ anon: 0, file: 0, ...mib })
        .map(([key, n]) => `${key} ${n * MIB}\n`)
        .join(""),
    );
  const grown = (before: Record<string, number>, after: Record<string, number>, window_s = 1) => {
    const [one, other] = [before, after].map((each) => parse_memory_stat(stat(each))!);
    return kinds_between({ t_ns: 0, figures: one! }, { t_ns: window_s * S, figures: other! })!;
  };

  test("private memory, memory that is shared, what the kernel takes back and what it keeps are told apart", () => {
    const kinds = grown(
      { file: 100, shmem: 10 },
      { anon: 5, file: 180, shmem: 70, file_mapped: 8, slab_reclaimable: 3, sock: 2, pagetables: 1 },
    );
    expect(kinds.anon_bytes_per_s).toBe(5 * MIB);
    expect(kinds.shmem_bytes_per_s).toBe(60 * MIB);
    expect(kinds.mapped_bytes_per_s).toBe(8 * MIB);
    // 80 MiB of files more, of which 60 lie in memory anyway, and 3 of names and inodes.
    expect(kinds.cache_bytes_per_s).toBe(23 * MIB);
    expect(kinds.kernel_bytes_per_s).toBe(3 * MIB);
  });

  test("the second reading comes at once, the others a quarter of a second apart, and a file that is no memory.stat says nothing", () => {
    put("cg/memory.stat", `anon 0\nfile 0\n`);
    const watch = new KindsWatch(join(folder, "cg"), 0);
    put("cg/memory.stat", `anon ${10 * MIB}\nfile 0\n`);
    expect(watch.look(0.1 * S)!.anon_bytes_per_s).toBeCloseTo(100 * MIB, 0);
    put("cg/memory.stat", `anon ${90 * MIB}\nfile 0\n`);
    expect(watch.look(0.2 * S)!.anon_bytes_per_s).toBeCloseTo(100 * MIB, 0);
    expect(watch.look(0.5 * S)!.anon_bytes_per_s).toBeCloseTo(180 * MIB, 0);
    expect(new KindsWatch(join(folder, "none"), 0).look(S)).toBeNull();
    expect(parse_memory_stat(bytes("nonsense\n"))).toBeNull();
  });
});

describe("what bounds the growth of a process", () => {
  const PORTS = { proc: folder, free_bytes: (path: string) => free.get(path.slice(folder.length)) ?? null };
  const free = new Map<string, number>();
  const status = (pid: number, anon_mib: number, data_mib: number) =>
    put(
      `${pid}/status`,
      `Name:\tstore\nVmData:\t${data_mib * 1024} kB\nVmStk:\t0 kB\nRssAnon:\t${anon_mib * 1024} kB\n`,
    );
  const rollup = (pid: number, anonymous_mib: number, proportional_mib: number) =>
    put(`${pid}/smaps_rollup`, `Anonymous:  ${anonymous_mib * 1024} kB\nPss_Anon:  ${proportional_mib * 1024} kB\n`);
  const STORE: ThreadRow = { tid: 5, pid: 5, parent_pid: 1, comm: "store" };
  const CHILD: ThreadRow = { tid: 9, pid: 9, parent_pid: 5, comm: "saver", forked: true };

  test("pages shared with a fork, and those that were copied since", () => {
    status(5, 300, 310);
    rollup(5, 300, 150);
    const watch = new BoundsWatch(5, 0, PORTS);
    expect(watch.look(threads([STORE, CHILD]), 0)).toMatchObject({
      shared_bytes: 300 * MIB,
      copied_bytes: 0,
      forks: 1,
    });
    rollup(5, 300, 200);
    // Looked at once a second.
    expect(watch.look(threads([STORE, CHILD]), 0.5 * S)!.shared_bytes).toBe(300 * MIB);
    const later = watch.look(threads([STORE, CHILD]), 1.1 * S)!;
    expect(later).toMatchObject({ shared_bytes: 200 * MIB, copied_bytes: 100 * MIB, looked_s: 1.1 });
    const ended = watch.look(threads([STORE]), 2.2 * S)!;
    expect(ended).toMatchObject({ shared_bytes: null, forks: 0 });
  });

  test("of a page that three share, each has a third", () => {
    status(5, 300, 310);
    rollup(5, 300, 100);
    const other = { ...CHILD, tid: 10, pid: 10 };
    expect(new BoundsWatch(5, 0, PORTS).look(threads([STORE, CHILD, other]), 0)!.shared_bytes).toBe(300 * MIB);
  });

  test("a process too large to be walked over shares no more than its forks hold", () => {
    status(5, 4000, 4100);
    status(9, 700, 710);
    const found = new BoundsWatch(5, 0, PORTS).look(threads([STORE, CHILD]), 0)!;
    expect(found).toMatchObject({ shared_bytes: 700 * MIB, copied_bytes: null });
  });

  test("without a relative nothing is walked over, and a process that has gone bounds nothing", () => {
    status(5, 300, 310);
    rollup(5, 300, 1);
    const stranger: ThreadRow = { tid: 9, pid: 9, parent_pid: 1, comm: "cron" };
    expect(new BoundsWatch(5, 0, PORTS).look(threads([STORE, stranger]), 0)!.shared_bytes).toBeNull();
    expect(new BoundsWatch(77, 0, PORTS).look(threads([STORE]), 0)).toBeNull();
  });

  test("memory that was mapped before and is touched now, and a mapping that grows", () => {
    status(5, 100, 800);
    const watch = new BoundsWatch(5, 0, PORTS);
    status(5, 150, 800);
    expect(watch.look(threads([STORE]), S)).toMatchObject({
      untouched_bytes: 650 * MIB,
      mapped_bytes: 0,
      touched_bytes: 50 * MIB,
    });
    status(5, 200, 850);
    expect(watch.look(threads([STORE]), 2 * S)).toMatchObject({
      untouched_bytes: 650 * MIB,
      mapped_bytes: 50 * MIB,
      touched_bytes: 100 * MIB,
    });
  });

  test("the size of a file system in memory that fills meanwhile", () => {
    status(5, 100, 110);
    put(
      "5/mountinfo",
      "30 1 0:26 / /run\\040x rw - tmpfs tmpfs rw\n31 1 0:27 / /dev/shm rw - tmpfs tmpfs rw\n32 1 8:1 / / rw - ext4 /dev/vda rw\n",
    );
    free.set("/5/root/run x", 900 * MIB);
    free.set("/5/root/dev/shm", 500 * MIB);
    const watch = new BoundsWatch(5, 0, PORTS);
    expect(watch.look(threads([STORE]), 0, true)!.tmpfs_free_bytes).toBeNull();
    free.set("/5/root/dev/shm", 440 * MIB);
    expect(watch.look(threads([STORE]), S, true)!.tmpfs_free_bytes).toBe(440 * MIB);
    expect(watch.look(threads([STORE]), 2 * S, false)!.tmpfs_free_bytes).toBeNull();
  });
});

describe("runtimes whose threads are not to be taken for the ones that grow", () => {
  const maps = (pid: number, ...lines: string[]) => put(`${pid}/maps`, `${lines.join("\n")}\n`);

  test("a process with processors of a guest is a hypervisor, bounded by the memory of the guest", () => {
    maps(
      20,
      "7f0000000000-7f0080000000 rw-p 00000000 00:00 0 ",
      "7f1000000000-7f1000003000 rw-s 00000000 00:0f 1234 anon_inode:kvm-vcpu:0",
    );
    put("20/cmdline", "qemu-system-x86_64\0-m\x001536\0-smp\x002\0");
    expect(detect_runtime(20, null, folder)).toEqual({ runtime: "kvm", heap_limit_bytes: 1536 * MIB });
  });

  test("so is one that has /dev/kvm open, and without a size on its command line the guest is what is mapped for it", () => {
    maps(
      21,
      "7f0000000000-7f0020000000 rw-s 00000000 00:01 99 /memfd:guest (deleted)",
      "7f0030000000-7f0034000000 rw-p 00000000 00:00 0",
      "7f0040000000-7f0040021000 rw-p 00000000 00:00 0",
    );
    put("21/cmdline", "cloud-vmm\0");
    mkdirSync(join(folder, "21/fd"), { recursive: true });
    symlinkSync("/dev/kvm", join(folder, "21/fd/9"));
    expect(detect_runtime(21, null, folder)).toEqual({ runtime: "kvm", heap_limit_bytes: (512 + 64) * MIB });
  });

  test.each([
    ["qemu\0-m\x002G\0", 2048],
    ["qemu\0-m\0size=4G,slots=2,maxmem=8G\0", 4096],
    ["qemu\0-m\x292\0-m\x00768M\0", 768],
  ])("%j has a guest of %p MiB", (args, mib) => {
    expect(guest_memory_bytes(args, "")).toBe(mib * MIB);
  });

  test.each([
    ["/usr/lib/erlang/erts-13/bin/beam.smp", { runtime: "erlang" }],
    ["/usr/lib/libmonosgen-2.0.so.1", { runtime: "mono" }],
    ["/usr/bin/deno", { runtime: "javascript" }],
    ["/usr/bin/python3.11", { runtime: null, global_lock: "python" }],
    ["/usr/lib/libpython3.12.so.1.0", { runtime: null, global_lock: "python" }],
    ["/usr/lib/x86_64-linux-gnu/libruby-3.1.so.3.1.2", { runtime: null, global_lock: "ruby" }],
    ["/usr/sbin/nginx", { runtime: null }],
  ])("%s: %p", (file, found) => {
    maps(22, `7f0000000000-7f0000001000 r-xp 00000000 08:01 99    ${file}`);
    expect(detect_runtime(22, null, folder)).toEqual({ heap_limit_bytes: null, ...found });
  });
});

describe("a share is of what the cgroup did, not of what its threads were seen to do", () => {
  const table = (rows: readonly ThreadRow[], t_ns: number) =>
    read_threads({ threads: () => thread_rows(t_ns, rows) }, 7, 4096, t_ns, 0);
  const PAGES_PER_MIB = 256;
  /** Thread 5 faults so much in a second, the others do nothing; the cgroup grows by so much. */
  const share = (faults_mib: number, grown_mib: number, kinds: Comparison["kinds"] = null, window_s = 1) => {
    const whole = (t_ns: number, mib: number) => ({ t_ns, memory_bytes: mib * MIB, cpu_ns: null, io_bytes: null });
    const searched = compare_tables({
      cgroup_id: 7,
      resource: "memory",
      before: table([{ tid: 5 }, { tid: 6 }], 1e12),
      after: table([{ tid: 5, min_faults: faults_mib * window_s * PAGES_PER_MIB }, { tid: 6 }], 1e12 + window_s * S),
      baseline: new ThreadBaseline(),
      whole_before: whole(1e12, 100),
      whole_after: whole(1e12 + window_s * S, 100 + grown_mib * window_s),
      kinds,
    });
    return searched.threads.find(({ tid }) => tid === 5)!.share;
  };
  const kinds = (anon: number, shmem: number, mapped = 0, cache = 0) => ({
    window_s: 1,
    anon_bytes_per_s: anon * MIB,
    shmem_bytes_per_s: shmem * MIB,
    mapped_bytes_per_s: mapped * MIB,
    cache_bytes_per_s: cache * MIB,
    kernel_bytes_per_s: 0,
  });

  test("a thread that faults 3.9 MiB/s of 62 carries a sixteenth, though no other faults", () => {
    expect(share(3.9, 62)).toBeCloseTo(3.9 / 61, 2);
    expect(share(3.9, 62, kinds(0, 62))).toBe(0);
  });

  test("what it faults and gives back is not what is written into a file in memory meanwhile, however like it is", () => {
    expect(share(4, 5)).toBe(1);
    expect(share(4, 5, kinds(0, 5))).toBe(0);
    expect(share(50, 60, kinds(0, 60, 60))).toBeCloseTo(50 / 59, 2);
  });

  test("a leak carries all of its own growth, of a short look, of one that churns, and beside page cache", () => {
    expect(share(50, 50)).toBe(1);
    expect(share(4, 12, null, 0.1)).toBe(1);
    expect(share(90, 50, kinds(50, 0))).toBe(1);
    expect(share(30, 70, kinds(30, 0, 0, 40))).toBe(1);
    expect(share(50, 0)).toBe(1);
  });

  test("the same for processors and disks: what ended threads and the kernel did for it is not put down to those that are left", () => {
    const of = (resource: "cpu" | "io", used: Partial<ThreadRow>, whole: { cpu_ns: number; io_bytes: number }) =>
      compare_tables({
        cgroup_id: 7,
        resource,
        before: table([{ tid: 5 }], 1e12),
        after: table([{ tid: 5, ...used }], 1e12 + S),
        baseline: new ThreadBaseline(),
        whole_before: { t_ns: 1e12, memory_bytes: null, cpu_ns: 0, io_bytes: 0 },
        whole_after: { t_ns: 1e12 + S, memory_bytes: null, ...whole },
        kinds: null,
      });
    const cpu = of("cpu", { cpu_ns: 0.2 * S }, { cpu_ns: 2 * S, io_bytes: 0 });
    expect(cpu.threads[0]!.share).toBeCloseTo(0.1, 2);
    expect(cpu.whole_per_s).toBeCloseTo(2, 6);
    expect(of("cpu", { cpu_ns: S }, { cpu_ns: S, io_bytes: 0 }).threads[0]!.share).toBe(1);
  });
});

describe("what the kernel itself takes of the node's memory", () => {
  const meminfo = (total_mib: number, more: Record<string, number> = {}) =>
    [`MemTotal: ${total_mib * 1024} kB`, ...Object.entries(more).map(([key, mib]) => `${key}: ${mib * 1024} kB`)].join(
      "\n",
    );
  const taken = (
    before: Record<string, number>,
    after: Record<string, number>,
    totals: readonly [number, number] = [2048, 2048],
  ) => {
    const node = new FakeNode();
    node.write("/proc/meminfo", meminfo(totals[0], before));
    const sense = new KernelMemorySense(node);
    expect(sense.observe(S, true)).toBeNull();
    node.write("/proc/meminfo", meminfo(totals[1], after));
    return sense.observe(1.5 * S, true)!.takes;
  };

  test("huge pages that are reserved, unreclaimable slab and page tables are named with their rate", () => {
    expect(taken({ Hugetlb: 0, SUnreclaim: 50 }, { Hugetlb: 121, SUnreclaim: 50 })).toEqual([
      { use: "huge pages", bytes_per_s: 242 * MIB },
    ]);
    const uses = taken({ SUnreclaim: 50, PageTables: 4 }, { SUnreclaim: 70, PageTables: 14 });
    expect(uses.map(({ use }) => use)).toEqual(["slab", "page tables"]);
  });

  test("a balloon that shrinks the total, and one that keeps the pages", () => {
    expect(taken({}, {}, [2048, 1948])).toEqual([{ use: "a memory balloon", bytes_per_s: 200 * MIB }]);
    const node = new FakeNode();
    node.write("/proc/meminfo", meminfo(2048));
    node.write("/proc/vmstat", "balloon_inflate 0\nballoon_deflate 0\n");
    const sense = new KernelMemorySense(node);
    sense.observe(S, true);
    node.write("/proc/vmstat", `balloon_inflate ${100 * 256}\nballoon_deflate 0\n`);
    expect(sense.observe(2 * S, true)!.takes).toEqual([{ use: "a memory balloon", bytes_per_s: 100 * MIB }]);
  });

  test("the cache of ZFS, which is not told with that of the kernel", () => {
    const node = new FakeNode();
    node.write("/proc/meminfo", meminfo(2048));
    const arc = (mib: number) =>
      node.write(
        "/proc/spl/kstat/zfs/arcstats",
        `13 1 0x01\nname  type data\nsize                            4    ${mib * MIB}\n`,
      );
    arc(100);
    const sense = new KernelMemorySense(node);
    sense.observe(S, true);
    arc(400);
    expect(sense.observe(2 * S, true)!.takes).toEqual([{ use: "ZFS ARC", bytes_per_s: 300 * MIB }]);
  });

  test("is read only while the node is away from its normal, four times a second, and nothing old is compared with", () => {
    let reads = 0;
    const read = () => {
      reads++;
      return bytes(meminfo(2048));
    };
    const sense = new KernelMemorySense({ open: () => ({ read }) });
    for (let t = 0; t < 10; t++) sense.observe(t * 0.1 * S, false);
    expect(reads).toBe(0);
    for (let t = 10; t < 30; t++) sense.observe(t * 0.1 * S, true);
    // Three files, at 1.0, 1.3 … 2.8 s.
    expect(reads).toBe(3 * 7);
    sense.observe(3 * S, false);
    expect(sense.observe(3.5 * S, true)).toBeNull();
  });
});
