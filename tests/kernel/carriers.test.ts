import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { page_size_bytes } from "../../src/ffi/libc.ts";
import type { StarterRows, ThreadRows } from "../../src/ffi/senses.ts";
import { attached, CompiledHelper, number_in, open_or_skip } from "./support.ts";

const senses = open_or_skip("tests/kernel/carriers.test.ts");
senses?.start(2e7);
afterAll(() => senses?.[Symbol.dispose]());

/** Takes so many MiB of its own and shared memory, writes so many to a file, forks and connects so often, says so, waits. */
const WORKER = `
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
static void *end_at_once(void *unused) { return unused; }
int main(int count, char **words) {
  long mib = 1 << 20, own = atol(words[1]) * mib, shared = atol(words[2]) * mib, written = atol(words[3]);
  char *page = mmap(0, own + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(page, 1, own);
  page = mmap(0, shared + 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  memset(page, 1, shared);
  char *buffer = aligned_alloc(4096, mib);
  memset(buffer, 1, mib);
  int file = open(words[4], O_WRONLY | O_CREAT | O_DIRECT, 0600);
  if (file < 0) file = open(words[4], O_WRONLY | O_CREAT, 0600);
  for (int i = 0; i < written; i++) if (write(file, buffer, mib) != mib) return 1;
  for (int i = 0; i < atoi(words[5]); i++) { pid_t child = fork(); if (!child) _exit(0); waitpid(child, 0, 0); }
  for (int i = 0; i < atoi(words[6]); i++) { pthread_t t; pthread_create(&t, 0, end_at_once, 0); pthread_join(t, 0); }
  struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(words[8])), .sin_addr = { htonl(INADDR_LOOPBACK) } };
  for (int i = 0; i < atoi(words[7]); i++) {
    int peer = socket(AF_INET, SOCK_STREAM, 0);
    connect(peer, (struct sockaddr *)&to, sizeof to);
    close(peer);
  }
  puts("done"); fflush(stdout);
  getchar();
}`;

let helper: CompiledHelper;
const directory = mkdtempSync(join(tmpdir(), "hosa-carriers-"));
beforeAll(() => {
  helper = new CompiledHelper(WORKER);
});
afterAll(() => {
  helper[Symbol.dispose]();
  rmSync(directory, { recursive: true });
});

interface Asked {
  readonly own_mib?: number;
  readonly shared_mib?: number;
  readonly written_mib?: number;
  readonly forks?: number;
  readonly threads?: number;
  readonly connects?: number;
}

async function start(asked: Asked): Promise<AsyncDisposable & { readonly pid: number }> {
  const peer = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { own_mib = 0, shared_mib = 0, written_mib = 0, forks = 0, threads = 0, connects = 0 } = asked;
  const words = [own_mib, shared_mib, written_mib, join(directory, "written"), forks, threads, connects, peer.port];
  const child = Bun.spawn([helper.path, ...words.map(String)], { stdin: "pipe", stdout: "pipe" });
  await child.stdout.getReader().read();
  peer.stop(true);
  return {
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await child.exited;
    },
  };
}

function row_of(rows: ThreadRows | StarterRows, pid: number): number {
  for (let i = 0; i < rows.count; i++) if (rows.pid(i) === pid) return i;
  return -1;
}

/** A kernel sums over its processors only now and then: pages not yet summed, on each of them. */
const UNSUMMED_BYTES = navigator.hardwareConcurrency * 64 * page_size_bytes();

describe.skipIf(senses === null || !attached(senses, "thread_rows"))("thread rows", () => {
  test("what a process holds: of its own, and of shared memory", async () => {
    await using worker = await start({ own_mib: 96, shared_mib: 48 });
    const status = `/proc/${worker.pid}/status`;
    const rows = senses!.threads(0);
    const own = row_of(rows, worker.pid);
    const close = (pages: number | null, pattern: RegExp) =>
      expect(Math.abs(pages! * page_size_bytes() - number_in(status, pattern) * 1024)).toBeLessThanOrEqual(
        UNSUMMED_BYTES,
      );
    close(rows.own_pages(own), /^RssAnon:\s*(\d+)/m);
    close(rows.shared_pages(own), /^RssShmem:\s*(\d+)/m);
    expect(rows.own_pages(own)! * page_size_bytes()).toBeGreaterThan(90 * 2 ** 20);
  });

  test("what it wrote: to the device, and by its calls", async () => {
    await using worker = await start({ written_mib: 12 });
    const rows = senses!.threads(0);
    const own = row_of(rows, worker.pid);
    const io = `/proc/${worker.pid}/task/${worker.pid}/io`;
    expect(rows.disk_written_bytes(own)).toBe(number_in(io, /^write_bytes: (\d+)/m));
    expect(rows.io_bytes(own)).toBe(rows.disk_written_bytes(own) + number_in(io, /^read_bytes: (\d+)/m));
    expect(rows.written_bytes(own)).toBeGreaterThanOrEqual(12 * 2 ** 20);
  });

  test("threads of the kernel come when they are asked for, and are told from others", () => {
    const rows = senses!.threads(0, 0, true);
    const kernel: string[] = [];
    for (let i = 0; i < rows.count; i++) if (rows.is_kernel(i)) kernel.push(rows.comm(i));
    expect(kernel).toContain("kthreadd");
    const without = senses!.threads(0);
    for (let i = 0; i < without.count; i++) expect(without.is_kernel(i)).toBe(false);
  });
});

describe.skipIf(senses === null || !attached(senses, "starter_rows"))("starter rows", () => {
  test("who begins processes, threads and connections, counted on the one that begins them", async () => {
    await using worker = await start({ forks: 40, threads: 7, connects: 5 });
    const rows = senses!.starters();
    const own = row_of(rows, worker.pid);
    expect(rows.comm(own)).toBe("helper");
    expect([rows.forks(own), rows.threads(own), rows.connects(own)]).toEqual([40, 7, 5]);
    const stat = readFileSync(`/proc/${worker.pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    expect(Math.abs(rows.start_ns(own) / 1e7 - Number(stat[19]))).toBeLessThan(2);
  });

  test("stays when the process has ended: who forks and is gone is the one to be named", async () => {
    const ended = await (async () => {
      await using worker = await start({ forks: 30 });
      return worker.pid;
    })();
    const rows = senses!.starters();
    expect(rows.forks(row_of(rows, ended))).toBe(30);
  });
});
