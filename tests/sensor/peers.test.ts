import { describe, expect, test } from "bun:test";
import type { PeerScope } from "../../src/model/search.ts";
import { PeerProgress } from "../../src/sensor/peer_progress.ts";
import { peers_of } from "../../src/sensor/peers.ts";
import { answers_between, ProgressSum } from "../../src/sensor/progress.ts";
import { ThreadBaseline } from "../../src/sensor/thread_baseline.ts";
import { read_threads } from "../../src/sensor/thread_table.ts";
import { type ThreadRow, thread_rows } from "./fakes.ts";

const HELD = { cgroup_id: 7, pid: 1, tid: 6 };
const FIRST_S = 100;

/** Peers of thread 6 of process 1, read every 100 ms; a thread is a function of the seconds since the first reading. */
function watched(threads_at: (t_s: number) => readonly ThreadRow[], scope: PeerScope = "process") {
  let t_s = 0;
  const port = { threads: () => thread_rows(t_s * 1e9, threads_at(t_s)) };
  const peers = new PeerProgress(port, HELD, scope);
  return (until_s: number, afresh = false) => {
    let reading = peers.read((FIRST_S + t_s) * 1e9, afresh);
    while (t_s < until_s - 1e-9) {
      t_s = Math.round((t_s + 0.1) * 10) / 10;
      reading = peers.read((FIRST_S + t_s) * 1e9, false);
    }
    return reading;
  };
}

describe("the progress of the peers of a held thread", () => {
  test("is that of the other threads of its process: waits, CPU time and answers apart", () => {
    const look = watched((t) => [
      { tid: 6, waits: 900 * t, writes: 900 * t },
      { tid: 5, waits: 30 * t, cpu_ns: 1e8 * t, writes: 10 * t, sends: 20 * t },
      { tid: 8, cpu_ns: 0.5e9 * t },
      { tid: 9, pid: 2, waits: 5000 * t, cpu_ns: 1e9 * t },
    ]);
    expect(look(0).progress).toBeNull();
    const { progress } = look(0.5);
    expect(progress!.waits_per_s).toBeCloseTo(30, 6);
    expect(progress!.cpu_share).toBeCloseTo(0.6, 6);
    // Thread 8 computes: it never waits.
    expect(progress!.computing_share).toBeCloseTo(0.5, 6);
    expect(progress!.answers_per_s).toBeCloseTo(30, 6);
    expect(progress!.moving).toBe(1);
  });

  test("a standstill shows within a second, also of what answered for long", () => {
    const look = watched((t) => [{ tid: 5, waits: 400 * Math.min(t, 10) }]);
    expect(look(10).progress!.waits_per_s).toBeCloseTo(400, 6);
    expect(look(10.6).progress!.waits_per_s).toBeLessThan(240);
    expect(look(11.1).progress!.waits_per_s).toBe(0);
    expect(look(11.1).window_s).toBeLessThanOrEqual(1.1);
  });

  test("begins anew with each change of the hold", () => {
    const look = watched((t) => [{ tid: 5, waits: 400 * Math.min(t, 2) }]);
    look(2);
    expect(look(2, true)).toMatchObject({ progress: null, window_s: 0 });
    expect(look(2.1).progress).toMatchObject({ waits_per_s: 0, moving: 0 });
  });

  test("threads that come and go are no standstill, and a tid that is used again is another thread", () => {
    const look = watched((t) => {
      const generation = Math.floor(t / 0.2 + 1e-6);
      return [
        { tid: 10 + (generation % 2), start_ns: generation, waits: 1e6 * generation + 100 * (t - 0.2 * generation) },
      ];
    });
    const { progress } = look(3);
    expect(progress!.waits_per_s).toBeGreaterThan(40);
    expect(progress!.waits_per_s).toBeLessThan(110);
  });

  test("of a worker without other threads is that of its pool, not of its children nor of what else runs there", () => {
    const look = watched(
      (t) => [
        { tid: 1, pid: 1, parent_pid: 90, comm: "worker" },
        { tid: 6, pid: 1, parent_pid: 90, comm: "worker" },
        { tid: 2, pid: 2, parent_pid: 90, comm: "worker", waits: 20 * t },
        { tid: 22, pid: 2, parent_pid: 90, comm: "helper", waits: 5 * t },
        { tid: 3, pid: 3, parent_pid: 1, comm: "worker", waits: 700 * t, forked: true },
        { tid: 4, pid: 4, parent_pid: 90, comm: "cron", waits: 3000 * t },
      ],
      "pool",
    );
    const { progress, forks } = look(1);
    expect(progress!.waits_per_s).toBeCloseTo(25, 6);
    expect(forks).toBe(1);
  });

  test("tells how often the held thread woke others since the first reading", () => {
    const look = watched((t) => [
      { tid: 6, wakes: 30 + Math.round(40 * t) },
      { tid: 5, wakes: 900 },
    ]);
    expect(look(0).wakes).toBe(0);
    expect(look(0.1).wakes).toBe(4);
  });
});

describe("before a hold, the peers of the thread that grows", () => {
  const table = (rows: readonly ThreadRow[], t_ns: number) =>
    read_threads({ threads: () => thread_rows(t_ns, rows) }, 7, 4096, t_ns, 0);
  const found = (at: (t_s: number) => readonly ThreadRow[]) => {
    const [before, after] = [table(at(0), 1e12), table(at(1), 1e12 + 1e9)];
    return peers_of(after.threads.get(6)!, before, after, new ThreadBaseline());
  };

  test("are the other threads of its process, however busy another process is", () => {
    const at = (t: number) => [
      { tid: 6, pid: 1, parent_pid: 90, comm: "store" },
      { tid: 7, pid: 1, parent_pid: 90, comm: "io", waits: 9 * t },
      { tid: 2, pid: 2, parent_pid: 90, comm: "store", waits: 900 * t },
    ];
    expect(found(at)).toMatchObject({ scope: "process", waits_per_s: 9 });
  });

  test("of a single-worker store do next to nothing, although its forked child works", () => {
    const at = (t: number) => [
      { tid: 6, pid: 6, parent_pid: 90, comm: "store", waits: 900 * t },
      { tid: 7, pid: 6, parent_pid: 90, comm: "bio", waits: t },
      { tid: 30, pid: 30, parent_pid: 6, comm: "store", waits: 2000 * t, forked: true },
    ];
    expect(found(at)).toMatchObject({ scope: "process", waits_per_s: 1, moving: 0 });
  });

  test("of one of many workers are the others", () => {
    const at = (t: number) => [
      { tid: 90, pid: 90, parent_pid: 1, comm: "pool" },
      ...[6, 7, 8].map((tid) => ({ tid, pid: tid, parent_pid: 90, comm: "pool", waits: 50 * t })),
    ];
    expect(found(at)).toMatchObject({ scope: "pool", waits_per_s: 100, moving: 2 });
  });

  test("a tenth of a second says less of them than what they did while all was calm", () => {
    const at = (t: number) => [{ tid: 6 }, { tid: 7, waits: 12 * t }];
    const baseline = new ThreadBaseline();
    const calm = (t: number) => table(at(t), 1e12 + t * 1e9);
    baseline.learn(calm(0), true);
    baseline.learn(calm(5), true);
    // In this one it happened to wait three times as often.
    const [before, after] = [
      table([{ tid: 6 }, { tid: 7, waits: 60 }], 2e12),
      table([{ tid: 6 }, { tid: 7, waits: 63.6 }], 2e12 + 1e8),
    ];
    const { waits_per_s } = peers_of(after.threads.get(6)!, before, after, baseline);
    expect(waits_per_s).toBeCloseTo((3.6 + 6) / 0.6, 6);
  });
});

test("a call that wrote nothing is no answer, and one that sends is", () => {
  const none = { waits: 0, cpu_ns: 0, writes: 10, written_bytes: 100, sends: 0 };
  expect(answers_between(none, { ...none, writes: 30 })).toBe(0);
  expect(answers_between(none, { ...none, writes: 30, written_bytes: 101 })).toBe(20);
  expect(answers_between(none, { ...none, sends: 4 })).toBe(4);
});

test("where nothing counts answers, none are known: that is not none", () => {
  const sum = new ProgressSum();
  sum.add(10, 0, null);
  expect(sum.progress.answers_per_s).toBeNull();
});
