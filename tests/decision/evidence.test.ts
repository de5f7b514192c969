import { describe, expect, test } from "bun:test";
import { decide } from "../../src/decision/decide.ts";
import { remember_runtime, weigh } from "../../src/decision/evidence.ts";
import { protection } from "../../src/decision/protect.ts";
import { initial_state } from "../../src/decision/state.ts";
import type { GrowthAssessment } from "../../src/model/assessment.ts";
import type { ThreadSearch } from "../../src/model/search.ts";
import { assessment, CONFIG, growth, MIB, search } from "./fixtures.ts";

const judge = (g: GrowthAssessment, s: ThreadSearch | null = search()) =>
  weigh(g, s, remember_runtime([], s), CONFIG.act, CONFIG.hold);

describe("when to act (SPEC §5)", () => {
  test("strong evidence acts as soon as it is sustained", () => {
    expect(judge(growth(50 * MIB, 0.2, 800 * MIB))).toMatchObject({ strength: "strong", act: false });
    expect(judge(growth(50 * MIB, 0.3, 800 * MIB))).toMatchObject({ strength: "strong", act: true });
  });

  test("strong evidence beyond the horizon waits", () => {
    expect(judge(growth(2 * MIB, 10, 800 * MIB)).act).toBe(false);
    expect(judge(growth(2 * MIB, 360, 100 * MIB)).act).toBe(true);
  });

  test.each([
    ["a young cgroup", { age_s: 5 }],
    ["a program just started", { exec_age_s: 3 }],
    ["a growth already falling", { falling: true }],
    ["a growth whose normal is unknown", { slope_tail_bytes_per_s: null }],
  ])("%s is weak evidence: it waits until necessity", (_name, doubt) => {
    const early = growth(100 * MIB, 1, 600 * MIB, doubt);
    expect(judge(early, null)).toMatchObject({ strength: "weak", act: false });
    const late = growth(100 * MIB, 4, 300 * MIB, doubt);
    expect(judge(late, null)).toMatchObject({ strength: "weak", act: true });
  });

  test("so is a young process in an old cgroup, exec or not, though not a young thread of an old one", () => {
    const [filler] = search().threads;
    const of_process = (age_s: number, process_age_s: number) =>
      judge(growth(50 * MIB, 0.5, 800 * MIB), search(0.95, { threads: [{ ...filler!, age_s, process_age_s }] }));
    expect(of_process(5, 5)).toMatchObject({ strength: "weak", act: false });
    expect(of_process(5, 600)).toMatchObject({ strength: "strong", act: true });
  });

  test("an exec elsewhere in the cgroup does not excuse a thread that is old itself", () => {
    expect(judge(growth(50 * MIB, 0.5, 800 * MIB, { exec_age_s: 1 })).strength).toBe("strong");
  });

  test("growth by I/O that nobody faults in is page cache, and is left alone", () => {
    const [filler, worker] = search().threads;
    const reader = { ...filler!, comm: "backup", fault_bytes_per_s: MIB, io_bytes_per_s: 500 * MIB };
    const backup = search(1, { threads: [reader, { ...worker!, fault_bytes_per_s: 0 }] });
    const evidence = judge(growth(520 * MIB, 2, 400 * MIB), backup);
    expect(evidence).toMatchObject({ strength: "none", act: false });
    expect(evidence.because[0]).toContain("page cache");
    // A leak beside a busy disk is still a leak.
    const both = search(1, { threads: [reader, { ...filler!, fault_bytes_per_s: 200 * MIB }] });
    expect(judge(growth(520 * MIB, 2, 400 * MIB), both).act).toBe(true);
  });

  test("a runtime whose heap limit ends the growth first is left to end it", () => {
    const jvm = search(0.9, { runtime: "jvm", runtime_heap_limit_bytes: 800 * MIB });
    const evidence = judge(growth(30 * MIB, 5, 870 * MIB), jvm);
    expect(evidence.act).toBe(false);
    expect(evidence.because[0]).toContain("heap limit");
    const unbounded = search(0.9, { runtime: "jvm", runtime_heap_limit_bytes: 1020 * MIB });
    expect(judge(growth(30 * MIB, 5, 870 * MIB), unbounded).act).toBe(true);
  });
});

test("what was learned of a runtime holds while another cgroup is searched", () => {
  const jvm = search(0.9, { runtime: "jvm", runtime_heap_limit_bytes: 800 * MIB });
  const known = remember_runtime(remember_runtime([], jvm), search(0.9, { cgroup_id: 1 }));
  const burst = growth(370 * MIB, 1, 870 * MIB);
  expect(weigh(burst, null, known, CONFIG.act, CONFIG.hold).act).toBe(false);
  expect(remember_runtime(known, search(0.9))).toEqual([]);
});

describe("who is touched", () => {
  const harmful = (g: GrowthAssessment, s: ThreadSearch | null) =>
    decide(
      assessment({ d_smooth: 6, velocity: 1, growth: [g], search: s }),
      { ...initial_state(0), level: 1 },
      CONFIG,
      1e9,
    ).decision;
  const leak = growth(50 * MIB, 0.5, 800 * MIB);

  test("the thread that carries the growth, alone", () => {
    const [action] = harmful(leak, search()).actions;
    expect(action).toMatchObject({
      verb: "apply",
      target: { tid: 102 },
      setting: { rung: "thread_hold", frozen: true },
    });
  });

  test("threads are searched before anything is done", () => {
    const decision = harmful(leak, null);
    expect(decision.actions).toEqual([]);
    expect(decision.search).toEqual({ cgroup_id: 7, resource: "memory" });
  });

  test("the governor when no thread stands out, when the runtime is managed, or when there is no rest to save", () => {
    const cases = [search(0.4), search(0.95, { runtime: "go" }), search(0.95, { total_steps_per_s: 100 })];
    for (const found of cases) {
      const [action] = harmful(leak, found).actions;
      expect(action?.setting.rung).toBe("memory_governor");
      expect(action?.target.tid).toBeNull();
    }
  });

  test("a growth whose bearer has just ended is not answered anew, one that began afterwards is", () => {
    const state = {
      ...initial_state(0),
      level: 2 as const,
      rests: [{ cgroup_id: 7, rung: "thread_hold" as const, since_ns: 1e9, until_ns: 6e9, ended_well: true }],
    };
    const two_s_with = (sustained_s: number) => {
      const found = [growth(130 * MIB, sustained_s, 480 * MIB)];
      const seen = assessment({ d_smooth: 6, velocity: 1, growth: found, search: search(0.4) });
      return decide(seen, state, CONFIG, 2e9).decision;
    };
    expect(two_s_with(3).actions).toEqual([]);
    expect(two_s_with(3).inaction).toContain("just ended");
    expect(two_s_with(0.5).actions[0]?.setting.rung).toBe("memory_governor");
  });

  test("a protected cgroup is never touched, and that is said", () => {
    const decision = harmful({ ...leak, path: "/system.slice/sshd.service" }, search());
    expect(decision.actions).toEqual([]);
    expect(decision.inaction).toContain("protected");
  });

  test("a tie is said, and settled for whom the operator prefers", () => {
    const change = (cgroup_id: number, path: string, sigmas: number) => {
      return { cgroup_id, path, rate: 1, baseline_rate: 0, change: sigmas };
    };
    const tied = assessment({ d_smooth: 6, changes: [change(1, "/a", 10), change(2, "/b", 9), change(3, "/c", 4)] });
    const judge_with = (prefer: string[]) =>
      decide(tied, { ...initial_state(0), level: 1 }, { ...CONFIG, prefer }, 1e9).decision.culprit;
    expect(judge_with([])).toMatchObject({ path: "/a", note: "tie with /b" });
    expect(judge_with(["/b"])).toMatchObject({ path: "/b", note: "tie with /a" });
    expect(judge_with(["/c"])?.path).toBe("/a");
  });

  test("protection patterns", () => {
    expect(protection("/hosa/x", "/hosa", [])).toContain("HOSA itself");
    expect(protection("/user.slice", "/user.slice/hosa", [])).toContain("runs inside");
    expect(protection("/db.slice/pg.service", "/hosa", ["/db.slice/*"])).toContain("configuration");
    expect(protection("/db.slice/pg.service/x", "/hosa", ["/db.slice/*"])).toBeNull();
    expect(protection("/db.slice/pg.service/x", "/hosa", ["/db.slice/**"])).not.toBeNull();
    expect(protection("/system.slice/nginx.service", "/hosa", [])).toBeNull();
    expect(protection("/payment.slice", "/hosa", ["/payment?slice"])).toBeNull();
  });
});

describe("where the node itself runs out and no cgroup carries it alone", () => {
  const node = growth(60 * MIB, 4, 200 * MIB, { cgroup_id: 1, path: "/", gained_bytes: 400 * MIB });
  const backup = { cgroup_id: 9, path: "/backup", rate: 2, baseline_rate: 0.1, change: 40 };
  const judged = (more: Parameters<typeof assessment>[0]) => {
    const state = { ...initial_state(0), level: 2 as const };
    return decide(assessment({ d_smooth: 12, velocity: 3, changes: [backup], ...more }), state, CONFIG, 10e9).decision;
  };

  test("the cgroup that grows most is searched and held, not whoever changed most in something else", () => {
    const grower = growth(30 * MIB, 4, 200 * MIB, { age_s: 5 });
    const looked = judged({ growth: [node, grower], dominant_resource: "cpu" });
    expect(looked.culprit?.path).toBe("/payment.slice");
    expect(looked.search).toEqual({ cgroup_id: 7, resource: "memory" });
    const found = judged({ growth: [node, grower], dominant_resource: "cpu", search: search() });
    expect(found.actions).toMatchObject([{ verb: "apply", target: { path: "/payment.slice", tid: 102 } }]);
  });

  test("a leak that is known by itself is held, however little of it the leak is", () => {
    const leak = growth(5 * MIB, 4, 200 * MIB);
    const { harm, actions } = judged({ growth: [node, leak], dominant_resource: "cpu", search: search() });
    expect(harm.value).toBeCloseTo(200 / 60);
    expect(actions).toMatchObject([{ verb: "apply", target: { path: "/payment.slice", tid: 102 } }]);
  });

  test("nobody is held for what others do, and that is said", () => {
    const small = growth(5 * MIB, 4, 200 * MIB, { age_s: 5 });
    const beside = judged({ growth: [node, small], dominant_resource: "cpu", search: search() });
    expect(beside).toMatchObject({ actions: [], culprit: null });
    expect(beside.inaction).toContain("nothing narrower than the node could be limited");
    const changed = judged({ growth: [node], dominant_resource: "memory" });
    expect(changed).toMatchObject({ actions: [], culprit: null });
    expect(changed.inaction).toContain("nothing narrower than the node could be limited");
    const most = { ...backup, rate: 40 * MIB, baseline_rate: 0 };
    const carries = judged({ growth: [node], dominant_resource: "memory", changes: [most] });
    expect(carries).toMatchObject({ actions: [], culprit: { path: "/backup" } });
    expect(carries.inaction).toContain("how fast /backup grows is not known");
  });
});
