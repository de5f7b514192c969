import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { calm_background_threads } from "../../src/agent/background.ts";

const SCHED_OTHER = 0;
const SCHED_BATCH = 3;

/** Field 41 of /proc/PID/task/TID/stat; null for a thread that has ended. */
function policy(tid: number): number | null {
  try {
    const stat = readFileSync(`/proc/self/task/${tid}/stat`, "latin1");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[41 - 3]);
  } catch {
    return null;
  }
}

test("the runtime's own threads become batch threads, the beat's thread stays what it was", () => {
  const others = readdirSync("/proc/self/task")
    .map(Number)
    .filter((tid) => tid !== process.pid);
  expect(others.length).toBeGreaterThan(0);
  calm_background_threads();
  expect(policy(process.pid)).toBe(SCHED_OTHER);
  for (const tid of others) expect([SCHED_BATCH, null]).toContain(policy(tid));
});
