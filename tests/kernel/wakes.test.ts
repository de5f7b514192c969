import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { ThreadRows } from "../../src/ffi/senses.ts";
import { attached, CompiledHelper, open_or_skip } from "./support.ts";

const senses = open_or_skip("tests/kernel/wakes.test.ts");
senses?.start(2e7);
afterAll(() => senses?.[Symbol.dispose]());

/** For each line `WAKES WAITS` makes so many futex calls of both kinds (a wait for a value that is not there ends at once), then says so. */
const CALLER = `
#include <linux/futex.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void) {
  static int word = 1;
  int wakes, waits;
  printf("ready\\n"); fflush(stdout);
  while (scanf("%d %d", &wakes, &waits) == 2) {
    for (int i = 0; i < wakes; i++) syscall(SYS_futex, &word, i % 2 ? FUTEX_WAKE_PRIVATE : FUTEX_WAKE, 1, 0, 0, 0);
    for (int i = 0; i < waits; i++) syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0);
    printf("done\\n"); fflush(stdout);
  }
}`;

let helper: CompiledHelper;
beforeAll(() => {
  helper = new CompiledHelper(CALLER);
});
afterAll(() => helper[Symbol.dispose]());

function wakes_of(rows: ThreadRows, tid: number): number | null {
  for (let i = 0; i < rows.count; i++) if (rows.tid(i) === tid) return rows.wakes(i);
  return null;
}

describe.skipIf(!attached(senses, "thread_rows") || !attached(senses, "sys_enter"))(
  "futex calls that wake others",
  () => {
    test("are counted on the watched thread from its first row on, also while others are asked about, and on no other", async () => {
      await using watched = await helper.start();
      await using other = await helper.start();
      await watched.call(5, 5);
      expect(wakes_of(senses!.threads(0, watched.pid), watched.pid)).toBe(0);
      await watched.call(40, 7);
      await other.call(30, 0);
      expect(wakes_of(senses!.threads(0), watched.pid)).toBe(40);
      await watched.call(2, 0);
      const rows = senses!.threads(0, other.pid);
      expect(wakes_of(rows, watched.pid)).toBe(42);
      expect(wakes_of(rows, other.pid)).toBe(0);
    });
  },
);
