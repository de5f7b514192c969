import { describe, expect, test } from "bun:test";
import { decide } from "../../src/decision/decide.ts";
import { weigh } from "../../src/decision/evidence.ts";
import { step_hold } from "../../src/decision/hold.ts";
import { type ContainmentState, type DecisionState, initial_state } from "../../src/decision/state.ts";
import type { Assessment, GrowthAssessment } from "../../src/model/assessment.ts";
import type { GrowthBounds, GrowthKinds, ThreadSearch } from "../../src/model/search.ts";
import { assessment, CONFIG, growth, MIB, observation, search } from "./fixtures.ts";

const S = 1e9;
/** A growth of 30 MiB/s in an aged service with 700 MiB left. */
const GROWN = growth(30 * MIB, 1.5, 700 * MIB);
const PLAIN: GrowthBounds = {
  ...{ pid: 100, shared_bytes: null, copied_bytes: null, forks: 0, untouched_bytes: null, looked_s: 0 },
  ...{ mapped_bytes: 0, touched_bytes: 0, tmpfs_free_bytes: null },
};
const judge = (more: Partial<ThreadSearch>, grown: GrowthAssessment = GROWN) =>
  weigh(grown, search(0.95, more), [], CONFIG.act, CONFIG.hold);
const bounded = (bounds: Partial<GrowthBounds>, more: Partial<ThreadSearch> = {}, grown: GrowthAssessment = GROWN) =>
  judge({ bounds: { ...PLAIN, ...bounds }, ...more }, grown);
const kinds = (more: Partial<GrowthKinds>): GrowthKinds => ({
  ...{ window_s: 0.5, anon_bytes_per_s: 0, shmem_bytes_per_s: 0, mapped_bytes_per_s: 0, cache_bytes_per_s: 0 },
  ...{ kernel_bytes_per_s: 0, ...more },
});

describe("a growth that ends by itself is left alone", () => {
  test("pages that a fork still shares are copied once: less than what is left, with the time to act behind it", () => {
    const forked = { forks: 1, shared_bytes: 300 * MIB, copied_bytes: 0, looked_s: 0 };
    expect(bounded(forked)).toMatchObject({
      strength: "none",
      act: false,
      excuse: { code: "forked_pages", shared_bytes: 300 * MIB },
    });
    // 600 MiB more would leave 100 of 700, which is less than five seconds of this growth.
    expect(bounded({ ...forked, shared_bytes: 600 * MIB }).act).toBe(true);
    expect(bounded({ ...forked, shared_bytes: null }).act).toBe(true);
  });

  test("but not a leak beside a fork, seen by what is copied meanwhile; nor one of another process", () => {
    const forked = { forks: 1, shared_bytes: 300 * MIB, looked_s: 2 };
    expect(bounded({ ...forked, copied_bytes: 55 * MIB }).act).toBe(false);
    expect(bounded({ ...forked, copied_bytes: 2 * MIB }).act).toBe(true);
    expect(bounded({ ...forked, pid: 4711, copied_bytes: 55 * MIB }).act).toBe(true);
  });

  test("nor one that has gained more than there is to copy, where nobody could see what is copied", () => {
    const gained = (mib: number) => growth(30 * MIB, 1.5, 700 * MIB, { gained_bytes: mib * MIB });
    const large = { forks: 1, copied_bytes: null, looked_s: 30 };
    expect(bounded({ ...large, shared_bytes: 300 * MIB }, {}, gained(200)).act).toBe(false);
    expect(bounded({ ...large, shared_bytes: 300 * MIB }, {}, gained(300)).act).toBe(true);
    expect(bounded({ ...large, shared_bytes: 2 * MIB }, {}, gained(45)).act).toBe(true);
    expect(bounded({ ...large, looked_s: 0, shared_bytes: 0 }, {}, gained(0)).act).toBe(true);
  });

  test("memory that was mapped before it is touched, unless more is mapped as it is touched", () => {
    const pool = { untouched_bytes: 400 * MIB, looked_s: 1, touched_bytes: 30 * MIB, mapped_bytes: 0 };
    expect(bounded(pool)).toMatchObject({ act: false, excuse: { code: "mapped_before", untouched_bytes: 400 * MIB } });
    expect(bounded({ ...pool, mapped_bytes: 20 * MIB }).act).toBe(true);
    expect(bounded({ ...pool, untouched_bytes: 650 * MIB }).act).toBe(true);
    // Not watched for long enough, or not what grows.
    expect(bounded({ ...pool, looked_s: 0.3 }).act).toBe(true);
    expect(bounded({ ...pool, touched_bytes: 5 * MIB }).act).toBe(true);
  });

  test("a file system in memory that is full before the limit is reached", () => {
    const filling = { kinds: kinds({ shmem_bytes_per_s: 30 * MIB }) };
    expect(bounded({ tmpfs_free_bytes: 400 * MIB }, filling)).toMatchObject({
      act: false,
      excuse: { code: "tmpfs_size" },
    });
    expect(bounded({ tmpfs_free_bytes: 690 * MIB }, filling).act).toBe(true);
    expect(bounded({ tmpfs_free_bytes: 400 * MIB }, { kinds: kinds({ anon_bytes_per_s: 30 * MIB }) }).act).toBe(true);
  });

  test("what memory.stat says is page cache, whatever its threads read, fault or compress", () => {
    const cache = { kinds: kinds({ cache_bytes_per_s: 29 * MIB, anon_bytes_per_s: MIB }) };
    expect(judge(cache)).toMatchObject({ act: false, excuse: { code: "page_cache" } });
    expect(judge({ kinds: kinds({ cache_bytes_per_s: 12 * MIB, anon_bytes_per_s: 18 * MIB }) }).act).toBe(true);
    const [filler] = search().threads;
    const reads = { threads: [{ ...filler!, fault_bytes_per_s: 0, io_bytes_per_s: 30 * MIB }] };
    expect(judge({ ...reads, kinds: kinds({ anon_bytes_per_s: 30 * MIB }) }).act).toBe(true);
    // A kernel that has not summed it yet says nothing: then what is read tells.
    expect(judge({ ...reads, kinds: kinds({}) }).act).toBe(false);
  });

  test("the memory of a hypervisor's guest, and the thread that touches it is a processor of the guest", () => {
    const guest = { runtime: "kvm", runtime_heap_limit_bytes: 400 * MIB };
    const known = [{ cgroup_id: 7, runtime: "kvm", heap_limit_bytes: 400 * MIB }];
    const told = weigh(GROWN, search(0.95, guest), known, CONFIG.act, CONFIG.hold);
    expect(told).toMatchObject({ act: false, excuse: { code: "runtime_limit", runtime: "kvm" } });
    expect(told.because[0]).toContain("guest memory");
  });
});

/** Beats of 100 ms on a growth; what was done, and the state at the end. */
function run(beats: readonly Partial<Assessment>[], start: Partial<DecisionState> = {}) {
  let state: DecisionState = { ...initial_state(0), level: 1, ...start };
  const did: string[] = [];
  let inaction = "";
  for (const [k, more] of beats.entries()) {
    const now_ns = (10 + k / 10) * S;
    const step = decide(assessment({ t_ns: now_ns, d_smooth: 30, velocity: 3, ...more }), state, CONFIG, now_ns);
    state = step.state;
    inaction = step.decision.inaction;
    for (const action of step.decision.actions) did.push(`${action.verb} ${action.setting.rung}`);
  }
  return { did, state, inaction };
}

test("a growth within what it grew by before is weak evidence: it waits until necessity", () => {
  const within = (sustained_s: number, headroom_mib: number) =>
    weigh(
      growth(30 * MIB, sustained_s, headroom_mib * MIB, { slope_tail_bytes_per_s: 100 * MIB }),
      search(),
      [],
      CONFIG.act,
      CONFIG.hold,
    );
  expect(within(2, 600)).toMatchObject({ strength: "weak", act: false });
  expect(within(2, 600).because[0]).toBe("it has grown as fast before (own tail 100.0 MiB/s)");
  expect(within(4, 100)).toMatchObject({ strength: "weak", act: true });
});

test("of an interpreter with one lock for all threads, the one that grows is caught only where it waits", () => {
  const started = (more: Partial<ThreadSearch>) =>
    run([{ growth: [GROWN], search: search(0.95, more) }]).state.containments[0];
  expect(started({ global_lock: "python" })).toMatchObject({ rung: "thread_hold", aims: true });
  expect(started({})).toMatchObject({ rung: "thread_hold", aims: false });
});

test("a worker whose peers do next to nothing is the service, however busy another process of its cgroup is", () => {
  const peers = {
    waits_per_s: 4,
    cpu_share: 0,
    computing_share: 0,
    answers_per_s: 1,
    moving: 0,
    scope: "process" as const,
  };
  const lone = run([{ growth: [GROWN], search: search(0.95, { peers, total_steps_per_s: 3000 }) }]);
  expect(lone.did).toEqual(["apply memory_governor"]);
});

test("a growth that no thread carries is said to be what it is", () => {
  const [filler] = search().threads;
  const spread = { threads: [{ ...filler!, share: 0.06 }], kinds: kinds({ shmem_bytes_per_s: 62 * MIB }) };
  const seen = assessment({
    t_ns: 10 * S,
    d_smooth: 30,
    velocity: 3,
    growth: [growth(62 * MIB, 1.5, 700 * MIB)],
    search: search(0.06, spread),
  });
  const { culprit, actions } = decide(seen, { ...initial_state(0), level: 1 }, CONFIG, 10 * S).decision;
  expect(culprit).toMatchObject({
    scope: "cgroup",
    note: "most of it is files in memory (62.0 MiB/s), which no thread faults in",
  });
  expect(actions[0]!.reason).toStartWith("no thread hold: most of it is files in memory (62.0 MiB/s)");
});

test("an excuse that is not seen for a moment is believed for a second, but not when time runs out", () => {
  const seen = { growth: [GROWN], search: search(0.95, { bounds: { ...PLAIN, forks: 1, shared_bytes: 300 * MIB } }) };
  const unseen = { growth: [GROWN], search: search(0.95) };
  expect(run([seen, ...Array<typeof unseen>(9).fill(unseen)]).did).toEqual([]);
  expect(run([seen, ...Array<typeof unseen>(12).fill(unseen)]).did).toEqual(["apply thread_hold"]);
  const urgent = { ...unseen, growth: [growth(30 * MIB, 1.5, 120 * MIB)] };
  expect(run([seen, urgent]).did).toEqual(["apply thread_hold"]);
});

describe("a thread that is held while its process copies pages shared with a fork", () => {
  const HELD: ContainmentState = {
    ...{ id: "c1", rung: "thread_hold", target: { cgroup_id: 7, path: "/store", pid: 100, tid: 102, comm: "store" } },
    ...{ applied_ns: S, onset_ns: S, memory_at_onset_bytes: 300 * MIB, headroom_at_onset_bytes: 700 * MIB },
    ...{ slope_before_bytes_per_s: 30 * MIB, slope_tail_bytes_per_s: MIB, phase: "hold", phase_since_ns: 5 * S },
    ...{ attempts: 0, aims: false, rest_pace_per_s: null, next_probe_s: 60, memory_at_dose_bytes: 0, quiet_doses: 0 },
    ...{ quiet_since_ns: null, judged: true, high_bytes: 0 },
  };
  const beat = (state: Partial<ContainmentState>, seen: object) =>
    step_hold(
      { ...HELD, ...state },
      observation("c1", "thread_hold", { frozen: true, headroom_bytes: 600 * MIB, memory_bytes: 400 * MIB, ...seen }),
      CONFIG.hold,
      CONFIG.act,
      6 * S,
    );

  test("is let go in the beat in which that fork has ended", () => {
    expect(beat({ forks: 1 }, { forks: 1 }).next).not.toBeNull();
    const ended = beat({ forks: 1 }, { forks: 0 });
    expect(ended).toMatchObject({ next: null, failed: false, verdicts: [{ verdict: "would_have_stopped" }] });
    expect(ended.actions).toMatchObject([{ verb: "release" }]);
    // Without a fork at the beginning, none has ended.
    expect(beat({}, { forks: 0 }).next).not.toBeNull();
  });

  test("is let go when all that was gained is given back, whatever the reason", () => {
    expect(beat({}, { memory_bytes: 299 * MIB }).next).not.toBeNull();
    expect(beat({}, { memory_bytes: 290 * MIB })).toMatchObject({
      next: null,
      verdicts: [{ verdict: "would_have_stopped" }],
    });
    // Before anything is judged, what requests give back may be more than what was gained.
    expect(beat({ judged: false }, { memory_bytes: 290 * MIB }).next).not.toBeNull();
  });

  test("is let go when it is learned that what is shared fits into what is left", () => {
    const bounds = { ...PLAIN, forks: 1, shared_bytes: 200 * MIB };
    expect(beat({}, { forks: 1, bounds }).verdicts).toMatchObject([{ verdict: "would_have_stopped" }]);
    expect(beat({}, { forks: 1, bounds: { ...bounds, shared_bytes: 550 * MIB } }).next).not.toBeNull();
    // It was known before, and did not excuse the growth.
    expect(beat({ bounds_known: true }, { forks: 1, bounds }).next).not.toBeNull();
  });
});
