import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { senses_object } from "../../src/ffi/object.ts";
import { type CgroupRows, Senses, type ThreadRows } from "../../src/ffi/senses.ts";
import { kernel_files } from "../../src/motor/files.ts";
import { return_others } from "../../src/motor/undo-hold.ts";
import { attached, CompiledHelper, number_in, open_or_skip } from "./support.ts";

const MOUNT = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].find((path) => existsSync(join(path, "cgroup.procs")));
const senses = open_or_skip("tests/kernel/rows.test.ts");
senses?.start(2e7);
afterAll(() => senses?.[Symbol.dispose]());

/** Joins the cgroup given (or "-"), burns CPU for so many ms, faults in so many small and huge pages, says so, waits. */
const WORKER = `
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
static int burn_ms, small, huge;
static long now(clockid_t clock) { struct timespec t; clock_gettime(clock, &t); return t.tv_sec * 1000000000L + t.tv_nsec; }
static void *work(void *unused) {
  long start = now(CLOCK_THREAD_CPUTIME_ID), used = 0;
  while (used < burn_ms * 1000000L) used = now(CLOCK_THREAD_CPUTIME_ID) - start;
  char *pages = mmap(0, small * 4096L + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  madvise(pages, small * 4096L + 1, MADV_NOHUGEPAGE);
  for (int i = 0; i < small; i++) pages[i * 4096L] = 1;
  long step = 2L << 20;
  char *large = mmap(0, (huge + 1) * step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  large = (char *)(((long)large + step - 1) & ~(step - 1));
  madvise(large, huge * step, MADV_HUGEPAGE);
  for (int i = 0; i < huge; i++) large[i * step] = 1;
  printf("%d %ld\\n", gettid(), used); fflush(stdout);
  for (;;) pause();
}
int main(int count, char **words) {
  if (words[1][0] != '-') { FILE *f = fopen(words[1], "w"); fprintf(f, "%d", getpid()); fclose(f); sched_yield(); }
  burn_ms = atoi(words[2]); small = atoi(words[3]); huge = atoi(words[4]);
  pthread_t t; pthread_create(&t, 0, work, 0);
  getchar();
}`;

let helper: CompiledHelper;
beforeAll(() => {
  helper = new CompiledHelper(WORKER);
});
afterAll(() => helper[Symbol.dispose]());

interface Worker extends AsyncDisposable {
  readonly pid: number;
  readonly tid: number;
  readonly used_ns: number;
}

async function start_worker(procs: string, burn_ms: number, small: number, huge: number): Promise<Worker> {
  const child = Bun.spawn([helper.path, procs, `${burn_ms}`, `${small}`, `${huge}`], { stdin: "pipe", stdout: "pipe" });
  const { value } = await child.stdout.getReader().read();
  const [tid, used_ns] = new TextDecoder().decode(value).trim().split(" ").map(Number);
  return {
    pid: child.pid,
    tid: tid!,
    used_ns: used_ns!,
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await child.exited;
    },
  };
}

function row_of(rows: CgroupRows, id: number): number {
  for (let i = 0; i < rows.count; i++) if (rows.id(i) === id) return i;
  return -1;
}

function thread_of(rows: ThreadRows, tid: number): number {
  for (let i = 0; i < rows.count; i++) if (rows.tid(i) === tid) return i;
  return -1;
}

/** A cgroup of our own, with a threaded child when asked, removed on disposal. */
class ScratchCgroup implements Disposable {
  readonly path = join(MOUNT!, `hosa-test-${process.pid}-${Math.random().toString(36).slice(2, 8)}`);
  readonly procs = join(this.path, "cgroup.procs");
  constructor() {
    mkdirSync(this.path);
  }
  get id(): number {
    return statSync(this.path).ino;
  }
  [Symbol.dispose](): void {
    if (existsSync(this.path)) rmdirSync(this.path);
  }
}

describe.skipIf(senses === null || MOUNT === undefined || !attached(senses, "cgroup_rows"))("cgroup rows", () => {
  test("the root and its children are there, with ids that are inodes", () => {
    using scratch = new ScratchCgroup();
    const rows = senses!.cgroups(true);
    const root = row_of(rows, statSync(MOUNT!).ino);
    const own = row_of(rows, scratch.id);
    expect(rows.level(root)).toBe(0);
    expect(rows.name(own)).toBe(scratch.path.split("/").at(-1)!);
    expect(rows.parent_id(own)).toBe(statSync(MOUNT!).ino);
    expect(rows.level(own)).toBe(1);
    expect(rows.populated(own)).toBe(false);
    expect(rows.exec_ns(own)).toBe(0);
  });

  test("memory is what memory.current says, and null without the controller", () => {
    using scratch = new ScratchCgroup();
    const rows = senses!.cgroups(true);
    const memory = rows.memory_bytes(row_of(rows, scratch.id));
    const file = join(scratch.path, "memory.current");
    expect(memory).toBe(existsSync(file) ? number_in(file, /^(\d+)/) : null);
  });

  test("CPU time of a cgroup is the CPU time its burner measured", async () => {
    using scratch = new ScratchCgroup();
    await using worker = await start_worker(scratch.procs, 400, 1, 0);
    const rows = senses!.cgroups(true);
    const own = row_of(rows, scratch.id);
    expect(rows.populated(own)).toBe(true);
    expect(rows.cpu_ns(own)).toBeGreaterThan(worker.used_ns * 0.95);
    // Wall-clock run time holds what interrupts and the hypervisor took from the task; its own clock may not.
    expect(rows.cpu_ns(own)).toBeLessThan(worker.used_ns * 1.5 + 5e7);
  });

  test("an unchanged cgroup is left out, and comes with a full sweep", () => {
    using scratch = new ScratchCgroup();
    expect(row_of(senses!.cgroups(false), scratch.id)).toBeGreaterThanOrEqual(0);
    expect(row_of(senses!.cgroups(false), scratch.id)).toBe(-1);
    expect(row_of(senses!.cgroups(true), scratch.id)).toBeGreaterThanOrEqual(0);
  });

  test("a removed cgroup is gone", () => {
    const scratch = new ScratchCgroup();
    const { id } = scratch;
    expect(row_of(senses!.cgroups(true), id)).toBeGreaterThanOrEqual(0);
    scratch[Symbol.dispose]();
    expect(row_of(senses!.cgroups(true), id)).toBe(-1);
  });

  test("where there are more cgroups than rows, empty ones have none, and what changes has one at once", async () => {
    const others = senses!.cgroups(true).count;
    using few = Senses.open({ object: senses_object(), most_cgroups: others + 8 });
    using scratch = new DisposableStack();
    const made = Array.from({ length: 40 }, () => scratch.use(new ScratchCgroup()));
    await using _running = await start_worker(made.at(-1)!.procs, 1, 1, 0);
    const burner = made.at(-1)!.id;
    // Its first sweep finds out.
    few.start(1e8);
    const populated = few.cgroups(true);
    expect(populated.total).toBeLessThanOrEqual(others + 1);
    expect(row_of(populated, burner)).toBeGreaterThanOrEqual(0);
    expect(made.filter(({ id }) => row_of(populated, id) >= 0)).toHaveLength(1);
    expect([few.uncounted_cgroups, few.late_rows]).toEqual([0, 0]);
    // With room for all of them, they come back.
    for (const cgroup of made.slice(0, 36)) cgroup[Symbol.dispose]();
    few.cgroups(true);
    expect(few.cgroups(true).total).toBeGreaterThanOrEqual(others + 4);
  });

  test("where there are more populated cgroups than rows, full sweeps go through them by turns", async () => {
    await using stack = new AsyncDisposableStack();
    const made = Array.from({ length: 6 }, () => stack.use(new ScratchCgroup()));
    for (const cgroup of made) stack.use(await start_worker(cgroup.procs, 0, 1, 0));
    using few = Senses.open({ object: senses_object(), most_cgroups: 4 });
    few.start(1e8);
    few.cgroups(false);
    const seen = new Set<number>();
    for (let sweep = 0; sweep < 20; sweep++) {
      const rows = few.cgroups(true);
      expect(rows.total).toBeGreaterThanOrEqual(7);
      for (let i = 0; i < rows.count; i++) seen.add(rows.id(i));
    }
    expect(made.filter(({ id }) => !seen.has(id))).toEqual([]);
  });

  test("what is left out is never lost: the sum of small steps is emitted", async () => {
    using scratch = new ScratchCgroup();
    await using worker = await start_worker(scratch.procs, 0, 1, 0);
    let emitted_ns = 0;
    for (let step = 0; step < 20; step++) {
      const rows = senses!.cgroups(false);
      const own = row_of(rows, scratch.id);
      if (own >= 0) emitted_ns = rows.cpu_ns(own);
      process.kill(worker.pid, "SIGCONT"); // wakes it, for some microseconds
    }
    const rows = senses!.cgroups(true);
    expect(rows.cpu_ns(row_of(rows, scratch.id)) - emitted_ns).toBeLessThan(2e6);
  });

  test("exec is stamped inside the cgroup it happened in", () => {
    using scratch = new ScratchCgroup();
    senses!.cgroups(true);
    const run = Bun.spawnSync(["/bin/sh", "-c", `echo 0 > ${scratch.procs} && exec /bin/true`]);
    expect(run.exitCode).toBe(0);
    const rows = senses!.cgroups(true);
    const own = row_of(rows, scratch.id);
    expect(rows.exec_ns(own)).toBeGreaterThan(0);
    expect(rows.exec_ns(own)).toBeLessThanOrEqual(rows.t_ns(own));
  });
});

describe.skipIf(senses === null || !attached(senses, "thread_rows"))("thread rows", () => {
  test("a waiting thread's figures are those of /proc", async () => {
    await using worker = await start_worker("-", 50, 300, 0);
    const task = `/proc/${worker.pid}/task/${worker.tid}`;
    const figures = () => {
      const stat = readFileSync(`${task}/stat`, "utf8").split(") ")[1]!.split(" ");
      const voluntary = number_in(`${task}/status`, /^voluntary_ctxt_switches:\s*(\d+)/m);
      const cpu_ns = existsSync(`${task}/schedstat`) ? number_in(`${task}/schedstat`, /^(\d+)/) : null;
      return {
        min: Number(stat[7]),
        maj: Number(stat[9]),
        ticks: Number(stat[19]),
        waits: voluntary,
        cpu_ns,
      };
    };
    // The thread says it is done just before it falls asleep: compare once /proc says the same before and after.
    let before = figures();
    let rows = senses!.threads(0);
    let after = figures();
    for (let attempt = 0; attempt < 1000 && !Bun.deepEquals(before, after); attempt++) {
      before = figures();
      rows = senses!.threads(0);
      after = figures();
    }
    expect(after).toEqual(before);
    const own = thread_of(rows, worker.tid);
    expect(rows.pid(own)).toBe(worker.pid);
    expect(rows.comm(own)).toBe("helper");
    expect(rows.min_faults(own)).toBe(after.min);
    expect(rows.min_faults(own)).toBeGreaterThanOrEqual(300);
    expect(rows.maj_faults(own)).toBe(after.maj);
    expect(rows.waits(own)).toBe(after.waits);
    if (after.cpu_ns !== null) expect(rows.cpu_ns(own)).toBe(after.cpu_ns);
    expect(rows.cpu_ns(own)).toBeGreaterThanOrEqual(worker.used_ns);
    expect(Math.abs(rows.start_ns(own) / 1e7 - after.ticks)).toBeLessThan(2);
  });

  test("one cgroup's threads only, and kernel threads never", async () => {
    if (MOUNT === undefined) return;
    using scratch = new ScratchCgroup();
    await using worker = await start_worker(scratch.procs, 1, 1, 0);
    const rows = senses!.threads(scratch.id);
    expect(rows.count).toBe(2);
    expect([rows.tid(0), rows.tid(1)]).toContain(worker.tid);
    expect(rows.cgroup_id(0)).toBe(scratch.id);
    const all = senses!.threads(0);
    for (let i = 0; i < all.count; i++) expect(all.comm(i)).not.toMatch(/^(kthreadd|ksoftirqd|rcu_)/);
  });

  test("a thread in a threaded child belongs to its parent, too", async () => {
    if (MOUNT === undefined) return;
    using scratch = new ScratchCgroup();
    const child = join(scratch.path, "held");
    const worker = await start_worker(scratch.procs, 1, 1, 0);
    try {
      mkdirSync(child);
      await Bun.write(join(child, "cgroup.type"), "threaded");
      await Bun.write(join(child, "cgroup.threads"), `${worker.tid}`);
      const rows = senses!.threads(scratch.id);
      const own = thread_of(rows, worker.tid);
      expect(rows.count).toBe(2);
      expect(rows.cgroup_id(own)).toBe(statSync(child).ino);
    } finally {
      await worker[Symbol.asyncDispose]();
      if (existsSync(child)) rmdirSync(child);
    }
  });

  test("who lives beside the held thread in its frozen child runs again once it is given back", async () => {
    if (MOUNT === undefined) return;
    using scratch = new ScratchCgroup();
    const child = join(scratch.path, "held");
    const worker = await start_worker(scratch.procs, 1, 1, 0);
    const threads_in = (directory: string) =>
      readFileSync(join(directory, "cgroup.threads"), "utf8").trim().split("\n");
    try {
      mkdirSync(child);
      await Bun.write(join(child, "cgroup.type"), "threaded");
      for (const tid of [worker.pid, worker.tid]) await Bun.write(join(child, "cgroup.threads"), `${tid}`);
      await Bun.write(join(child, "cgroup.freeze"), "1");
      return_others(kernel_files, child, scratch.path, worker.tid);
      expect(threads_in(child)).toEqual([`${worker.tid}`]);
      expect(threads_in(scratch.path)).toEqual([`${worker.pid}`]);
      return_others(kernel_files, child, scratch.path, worker.tid);
      expect(threads_in(child)).toEqual([`${worker.tid}`]);
    } finally {
      // Its first thread ends the process: it would not, if it still stood still.
      await worker[Symbol.asyncDispose]();
      if (existsSync(child)) rmdirSync(child);
    }
  });

  test.skipIf(!attached(senses, "huge_page"))("huge pages are counted on the thread that faulted", async () => {
    const allocated = () => number_in("/proc/vmstat", /^thp_fault_alloc (\d+)/m);
    const before = allocated();
    await using worker = await start_worker("-", 1, 1, 8);
    const huge = allocated() - before;
    const rows = senses!.threads(0);
    const own = thread_of(rows, worker.tid);
    expect(rows.huge_faults(own)).toBeLessThanOrEqual(huge);
    expect(rows.huge_faults(own)).toBeGreaterThanOrEqual(Math.min(huge, 8));
  });
});
