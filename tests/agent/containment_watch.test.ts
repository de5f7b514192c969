import { expect, test } from "bun:test";
import { ContainmentWatch, type WatchPort } from "../../src/agent/containment_watch.ts";
import type { Action, Outcome, Target } from "../../src/model/containment.ts";
import type { Sample } from "../../src/model/sample.ts";
import type { PeerScope } from "../../src/model/search.ts";
import { MIB, search } from "../decision/fixtures.ts";

const TARGET = { cgroup_id: 7, path: "/payment.slice", pid: 100, tid: 102, comm: "cache-filler" };
const hold = (verb: Action["verb"], frozen: boolean): Action => {
  return { id: "c1", verb, target: TARGET, setting: { rung: "thread_hold", frozen }, reason: "" };
};
const outcome = (action: Action, status: Outcome["status"]): Outcome => {
  const nothing = { file: null, prior: null, written: null, ledger_id: null, detail: status };
  return { id: action.id, verb: action.verb, rung: "thread_hold", target: TARGET, t_ns: 0, status, ...nothing };
};

function sample(t_s: number, memory_bytes: number | null, gone: number[] = []): Sample {
  const limit = { memory_limit_bytes: 1024 * MIB, memory_headroom_bytes: 1024 * MIB - (memory_bytes ?? 0) };
  const known = {
    id: 7,
    parent_id: 1,
    path: "/payment.slice",
    cpu_ns: null,
    io_bytes: null,
    age_s: 9,
    exec_age_s: null,
  };
  return {
    t_ns: t_s * 1e9,
    sequence: 0,
    dimensions: [],
    x: new Float64Array(0),
    node_memory: { total_bytes: 2048 * MIB, available_bytes: 1500 * MIB },
    stall: { cpu: 0, memory: 0, io: 0 },
    cgroups: memory_bytes === null ? [] : [{ ...known, ...limit, t_ns: t_s * 1e9, memory_bytes }],
    cgroups_at_ns: t_s * 1e9,
    gone,
    oom_kills: 0,
  };
}

const PEERS = { waits_per_s: 400, cpu_share: 0, computing_share: 0, answers_per_s: null, moving: 4 };
const SEARCH = search(0.95, { peers: { ...PEERS, waits_per_s: 380, scope: "pool" } });

/** Peers that wait 400 times a second; notes how they were asked for. */
class Peers implements WatchPort {
  asked: { scope: PeerScope; afresh: boolean; t_s: number }[] = [];
  asleep_reads = 0;
  stall_full_us = () => null;
  peers = (_target: Target, scope: PeerScope, afresh: boolean, now_ns: number) => {
    this.asked.push({ scope, afresh, t_s: now_ns / 1e9 });
    return { progress: afresh ? null : PEERS, window_s: 0.5, wakes: 5, forks: 2 };
  };
  asleep = () => {
    this.asleep_reads += 1;
    return true;
  };
  forget = () => {};
}

test("slope and progress are measured from the hold on, and what the peers did before it comes from the search", () => {
  const peers = new Peers();
  const watch = new ContainmentWatch(peers, true);
  const apply = hold("apply", true);
  watch.performed(apply, outcome(apply, "pending"), 150 * MIB, SEARCH);
  for (let beat = 0; beat <= 50; beat++) {
    const [seen] = watch.observe(sample(beat / 100, (150 + beat / 10) * MIB), () => false);
    if (beat === 0) expect(seen).toMatchObject({ frozen: null, slope_bytes_per_s: null, peers: null });
    if (beat < 50) continue;
    expect(seen!.slope_bytes_per_s! / MIB).toBeCloseTo(10, 0);
    expect(seen).toMatchObject({ peers: PEERS, peers_before: { waits_per_s: 380 }, rest_window_s: 0.5, forks: 2 });
    // What older readers of a record know: waits, and CPU time in steps of 10 ms.
    expect(seen).toMatchObject({ rest_steps_per_s: 400, rest_steps_before_per_s: 380 });
    expect(seen!.headroom_bytes).toBe((1024 - 155) * MIB);
  }
  expect(peers.asleep_reads).toBe(0);
  expect(peers.asked.every(({ scope }) => scope === "pool")).toBe(true);
  expect(peers.asked.map(({ afresh }) => afresh).indexOf(false)).toBe(1);
});

test("each change of the hold begins a new window, and until its first reading nothing is said of it", () => {
  const peers = new Peers();
  const watch = new ContainmentWatch(peers, true);
  const apply = hold("apply", true);
  watch.performed(apply, outcome(apply, "done"), null, SEARCH);
  const look = (t_s: number) => watch.observe(sample(t_s, null), () => false)[0]!.peers;
  expect([look(1), look(1.1)]).toEqual([null, PEERS]);
  const thaw = hold("adjust", false);
  watch.performed(thaw, outcome(thaw, "done"), null, null);
  // The beat right after the change begins the window; one too close to it takes no reading.
  expect([look(1.11), look(1.12), look(1.2)]).toEqual([null, null, PEERS]);
  expect(peers.asked.map(({ afresh }) => afresh)).toEqual([true, false, true, false]);
});

test("the freezer's confirmation, a thaw, a vanished cgroup and a release are followed", () => {
  const watch = new ContainmentWatch(new Peers(), true);
  const apply = hold("apply", true);
  watch.performed(apply, outcome(apply, "pending"), null, null);
  const look = (gone: number[] = []) => watch.observe(sample(1, null, gone), () => true)[0];
  expect(look()).toMatchObject({ frozen: null, status: "pending", asleep: true, wakes: 5 });
  watch.noticed(outcome(apply, "done"));
  expect(look()?.frozen).toBe(true);
  const thaw = hold("adjust", false);
  watch.performed(thaw, outcome(thaw, "done"), null, null);
  expect(look()?.frozen).toBe(false);
  expect(look([7])?.alive).toBe(false);
  const release = hold("release", false);
  watch.performed(release, outcome(release, "done"), null, null);
  expect(watch.size).toBe(0);
});

test("what the motor refused, or ended by itself, is told once and then forgotten", () => {
  const watch = new ContainmentWatch(new Peers(), true);
  const apply = hold("apply", true);
  const look = () => watch.observe(sample(1, null), () => false)[0];
  watch.performed(apply, outcome(apply, "refused"), null, null);
  expect(look()).toMatchObject({ status: "refused", in_force: false });
  expect(look()).toBeUndefined();
  watch.performed(apply, outcome(apply, "done"), null, null);
  expect(look()).toMatchObject({ status: "done", in_force: true });
  watch.noticed(outcome(hold("release", false), "gone"));
  expect(look()).toMatchObject({ status: "gone", in_force: false, alive: false });
  expect(watch.size).toBe(0);
});

test("on a recording motor nothing can be verified", () => {
  const watch = new ContainmentWatch(new Peers(), false);
  const apply = hold("apply", true);
  watch.performed(apply, outcome(apply, "done"), 150 * MIB, SEARCH);
  for (let beat = 0; beat < 60; beat++) watch.observe(sample(beat / 100, 150 * MIB), () => false);
  const seen = watch.observe(sample(1, 150 * MIB), () => false)[0];
  expect(seen).toMatchObject({ slope_bytes_per_s: null, peers: null, rest_steps_per_s: null, rest_window_s: null });
});

test("until a sample has brought the cgroup's own headroom, none is claimed: the node's may be far larger", () => {
  const watch = new ContainmentWatch(new Peers(), true);
  const apply = hold("apply", true);
  watch.performed(apply, outcome(apply, "pending"), 150 * MIB, search());
  // A beat that comes right after another brings no rows of cgroups.
  expect(watch.observe(sample(0.01, null), () => false)[0]!.headroom_bytes).toBeNull();
  expect(watch.observe(sample(0.02, 150 * MIB), () => false)[0]!.headroom_bytes).toBe((1024 - 150) * MIB);
  expect(watch.observe(sample(0.03, null), () => false)[0]!.headroom_bytes).toBe((1024 - 150) * MIB);
});

test("a ceiling that moves six times a second leaves the slope and the stall of its cgroup known", () => {
  const peers = new Peers();
  let stalled_us = 0;
  const watch = new ContainmentWatch({ ...peers, stall_full_us: () => stalled_us }, true);
  const govern = (verb: Action["verb"], high_bytes: number): Action => ({
    ...hold(verb, false),
    setting: { rung: "memory_governor", high_bytes },
  });
  const apply = govern("apply", 800 * MIB);
  watch.performed(apply, { ...outcome(apply, "done"), rung: "memory_governor" }, 800 * MIB, null);
  for (let beat = 0; beat <= 100; beat++) {
    const [seen] = watch.observe(sample(beat / 100, (800 + beat / 10) * MIB), () => false);
    stalled_us += 8000;
    if (beat % 17 === 0) {
      const adjust = govern("adjust", (800 + beat / 68) * MIB);
      watch.performed(adjust, { ...outcome(adjust, "done"), rung: "memory_governor" }, null, null);
    }
    if (beat < 34) continue;
    expect(seen!.slope_bytes_per_s! / MIB).toBeCloseTo(10, 0);
    expect(seen!.stall_full!).toBeCloseTo(0.8, 1);
  }
});
