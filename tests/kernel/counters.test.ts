import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { attached, bracket, CompiledHelper, number_in, open_or_skip } from "./support.ts";

const senses = open_or_skip("tests/kernel/counters.test.ts");
senses?.start(2e7);
afterAll(() => senses?.[Symbol.dispose]());

const FORKS = `
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int count, char **words) {
  for (int i = 0; i < atoi(words[1]); i++) { pid_t pid = fork(); if (pid == 0) _exit(0); waitpid(pid, 0, 0); }
}`;

const THREADS = `
#include <pthread.h>
#include <stdlib.h>
static void *nothing(void *unused) { return unused; }
int main(int count, char **words) {
  for (int i = 0; i < atoi(words[1]); i++) { pthread_t t; pthread_create(&t, 0, nothing, 0); pthread_join(t, 0); }
}`;

function expect_between(value: number, low: number, high: number, tolerance: number): void {
  expect(value).toBeGreaterThanOrEqual(low * (1 - tolerance));
  expect(value).toBeLessThanOrEqual(high * (1 + tolerance));
}

const made = () => number_in("/proc/stat", /^processes (\d+)/m);

describe.skipIf(senses === null)("counters of the node against the kernel's own files", () => {
  test.skipIf(!attached(senses, "sched_process_fork"))("1,000 forks", async () => {
    using helper = new CompiledHelper(FORKS);
    const { before, after, inner, outer } = await bracket(senses!, made, () => {
      expect(Bun.spawnSync([helper.path, "1000"]).exitCode).toBe(0);
    });
    expect(after.forks - before.forks).toBeGreaterThanOrEqual(990);
    expect_between(after.forks + after.threads - before.forks - before.threads, inner, outer, 0.01);
  });

  test.skipIf(!attached(senses, "sched_process_fork"))("500 threads are threads, not processes", async () => {
    using helper = new CompiledHelper(THREADS);
    const { before, after, outer } = await bracket(senses!, made, () => {
      expect(Bun.spawnSync([helper.path, "500"]).exitCode).toBe(0);
    });
    const threads = after.threads - before.threads;
    expect(threads).toBeGreaterThanOrEqual(495);
    expect(after.forks - before.forks).toBeLessThanOrEqual(outer - 495);
  });

  test.skipIf(!attached(senses, "sched_process_exec"))("every exec is counted", async () => {
    const { before, after, outer } = await bracket(senses!, made, () => {
      for (let i = 0; i < 20; i++) Bun.spawnSync(["/bin/true"]);
    });
    // Each exec here follows a new process; others on the machine may exec without one, hence the wide upper bound.
    expect_between(after.execs - before.execs, 20, outer * 2, 0);
  });

  test.skipIf(!attached(senses, "sched_switch"))("context switches", async () => {
    using helper = new CompiledHelper(FORKS);
    const switches = () => number_in("/proc/stat", /^ctxt (\d+)/m);
    const { before, after, inner, outer } = await bracket(senses!, switches, () => {
      Bun.spawnSync([helper.path, "500"]);
    });
    expect_between(after.switches - before.switches, inner, outer, 0.02);
  });

  test.skipIf(!attached(senses, "sched_switch"))("idle time", async () => {
    const tick_ns = 1e7;
    const idle = () => {
      const fields = /^cpu +(.*)$/m.exec(readFileSync("/proc/stat", "utf8"))![1]!.split(" ").map(Number);
      return (fields[3]! + fields[4]!) * tick_ns;
    };
    const cpus = navigator.hardwareConcurrency;
    // Time the host steals in the middle of an interrupt is idle here and not there, so that only an undisturbed second can
    // compare the two: a counter that is wrong is wrong in every one.
    const seconds: object[] = [];
    const one_agrees = async () => {
      const { before, after, inner, outer } = await bracket(senses!, idle, () => Bun.sleep(1000));
      // /proc/stat is counted in ticks: two per CPU may be missing or too many.
      const slack = 2 * tick_ns * cpus + 0.05 * (after.t_ns - before.t_ns) * cpus;
      const measured = after.idle_ns - before.idle_ns;
      seconds.push({ inner, measured, outer, slack });
      return measured >= inner - slack && measured <= outer + slack;
    };
    while (!(await one_agrees())) expect(seconds.length, JSON.stringify(seconds)).toBeLessThan(5);
  });

  test.skipIf(!attached(senses, "inet_sock_set_state"))("200 outbound connections over loopback", async () => {
    const opens = () => {
      const lines = /^Tcp: (.*)\nTcp: (.*)$/m.exec(readFileSync("/proc/net/snmp", "utf8"))!;
      return Number(lines[2]!.split(" ")[lines[1]!.split(" ").indexOf("ActiveOpens")]);
    };
    const server = createServer((socket) => socket.end()).listen(0, "127.0.0.1");
    await new Promise((done) => server.once("listening", done));
    const { port } = server.address() as { port: number };
    try {
      const { before, after, inner, outer } = await bracket(senses!, opens, async () => {
        for (let i = 0; i < 200; i++) {
          await new Promise<void>((done) =>
            connect(port, "127.0.0.1")
              .resume()
              .once("close", () => done()),
          );
        }
      });
      expect(inner).toBeGreaterThanOrEqual(200);
      // The file counts our network namespace only, the probe all of them.
      expect_between(after.connects - before.connects, inner, outer, 0.1);
    } finally {
      server.close();
    }
  });

  test.skipIf(!attached(senses, "block_rq_complete"))("16 MiB written past the page cache", async () => {
    const directory = mkdtempSync(join("/var/tmp", "hosa-block-"));
    const sectors = () => {
      let sum = 0;
      for (const line of readFileSync("/proc/diskstats", "utf8").trim().split("\n")) {
        const words = line.trim().split(/\s+/);
        const partition = /^(nvme\d+n\d+p\d+|[svx]v?d[a-z]+\d+|mmcblk\d+p\d+)$/.test(words[2]!);
        if (partition || /^(dm-|md|ram|zram)/.test(words[2]!)) continue;
        sum += Number(words[5]) + Number(words[9]) + Number(words[16] ?? 0);
      }
      return sum * 512;
    };
    try {
      const { before, after, inner, outer } = await bracket(senses!, sectors, () => {
        const file = join(directory, "file");
        const writer = Bun.spawnSync(["dd", "if=/dev/zero", `of=${file}`, "bs=1M", "count=16", "oflag=direct"]);
        expect(writer.exitCode).toBe(0);
      });
      if (inner < 16 * 2 ** 20) {
        console.error("SKIPPED block bytes: /var/tmp does not lie on a block device of this kernel");
        return;
      }
      expect_between(after.block_bytes - before.block_bytes, inner, outer, 0.05);
      expect(after.block_completed).toBeGreaterThan(before.block_completed);
      expect(after.block_latency_ns).toBeGreaterThan(before.block_latency_ns);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test.skipIf(!attached(senses, "sys_enter"))("system calls land in their class", async () => {
    const SYNC_CLASS = 6;
    const { before, after } = await bracket(
      senses!,
      () => 0,
      () => {
        const run = Bun.spawnSync(["dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=5000"]);
        expect(run.exitCode).toBe(0);
      },
    );
    expect(after.syscalls[1]! - before.syscalls[1]!).toBeGreaterThanOrEqual(5000);
    expect(after.syscalls[2]! - before.syscalls[2]!).toBeGreaterThanOrEqual(5000);
    expect(after.syscalls[SYNC_CLASS]! - before.syscalls[SYNC_CLASS]!).toBeLessThan(5000);
  });
});
