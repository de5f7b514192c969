import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { ThreadRows } from "../../src/ffi/senses.ts";
import { answers_between } from "../../src/sensor/progress.ts";
import { attached, CompiledHelper, fresh_beat, open_or_skip } from "./support.ts";

const senses = open_or_skip("tests/kernel/answers.test.ts");
senses?.start(2e7);
afterAll(() => senses?.[Symbol.dispose]());

/** For each line `WRITES FAILED SENDS FORKS`: so many calls of each, and children that sleep; then says so. */
const CALLER = `
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <fcntl.h>
int main(void) {
  int pair[2], null = open("/dev/null", O_WRONLY), writes, failed, sends, forks;
  char buffer[64];
  socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
  printf("ready\\n"); fflush(stdout);
  while (scanf("%d %d %d %d", &writes, &failed, &sends, &forks) == 4) {
    for (int i = 0; i < writes; i++) if (write(null, "answer", 6) != 6) return 1;
    for (int i = 0; i < failed; i++) if (write(-1, "nothing", 7) != -1) return 1;
    for (int i = 0; i < sends; i++) { send(pair[0], "answer", 6, 0); recv(pair[1], buffer, sizeof buffer, 0); }
    for (int i = 0; i < forks; i++) if (fork() == 0) { sleep(3); _exit(0); }
    printf("done\\n"); fflush(stdout);
  }
}`;

let helper: CompiledHelper;
beforeAll(() => {
  helper = new CompiledHelper(CALLER);
});
afterAll(() => helper[Symbol.dispose]());

/** The threads of the whole node are below the root: asking for its id counts what each of them sends. */
const ROOT_ID = 1;

function doings(rows: ThreadRows, tid: number) {
  for (let i = 0; i < rows.count; i++) {
    if (rows.tid(i) !== tid) continue;
    return {
      waits: rows.waits(i),
      cpu_ns: rows.cpu_ns(i),
      writes: rows.writes(i),
      written_bytes: rows.written_bytes(i),
      sends: rows.sends(i),
    };
  }
  throw new Error(`thread ${tid} has no row`);
}

describe.skipIf(!attached(senses, "thread_rows") || !attached(senses, "sys_enter"))("what a thread answers", () => {
  test("is counted: writes by the kernel, sends from the first look on; calls that wrote nothing are none", async () => {
    await using caller = await helper.start();
    const look = () => doings(senses!.threads(ROOT_ID), caller.pid);
    const first = look();
    await caller.call(30, 0, 50, 0);
    const second = look();
    // Its own line to us is an answer as well.
    expect(answers_between(first, second)).toBe(30 + 50 + 1);
    expect(second.written_bytes - first.written_bytes).toBe(30 * 6 + "done\n".length);
  });

  test("is not counted of threads that are not asked about", async () => {
    await using caller = await helper.start();
    const before = doings(senses!.threads(0), caller.pid);
    await caller.call(0, 0, 50, 0);
    expect(doings(senses!.threads(0), caller.pid).sends - before.sends).toBe(0);
    fresh_beat(senses!);
  });

  test("children that run the program of their parent are told from those that execute another", async () => {
    await using caller = await helper.start();
    await caller.call(0, 0, 0, 2);
    const rows = senses!.threads(0);
    const children: boolean[] = [];
    for (let i = 0; i < rows.count; i++) if (rows.parent_pid(i) === caller.pid) children.push(rows.forked(i));
    expect(children).toEqual([true, true]);
    const executed = Bun.spawn(["sleep", "3"]);
    for (
      let tries = 0;
      tries < 1000 && !readFileSync(`/proc/${executed.pid}/comm`, "utf8").startsWith("sleep");
      tries++
    )
      await new Promise((resolve) => setImmediate(resolve));
    const again = senses!.threads(0);
    const own: boolean[] = [];
    for (let i = 0; i < again.count; i++) {
      if (again.tid(i) !== executed.pid) continue;
      expect(again.parent_pid(i)).toBe(process.pid);
      own.push(again.forked(i));
    }
    executed.kill();
    await executed.exited;
    expect(own).toEqual([false]);
  });
});
