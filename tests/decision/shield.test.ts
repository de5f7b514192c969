import { describe, expect, test } from "bun:test";
import type { DecisionConfig } from "../../src/decision/config.ts";
import { decide } from "../../src/decision/decide.ts";
import { type DecisionState, initial_state } from "../../src/decision/state.ts";
import type { Assessment } from "../../src/model/assessment.ts";
import type { ShieldObservation } from "../../src/model/containment.ts";
import { assessment, CONFIG, growth, MIB, search } from "./fixtures.ts";
import { observed_shield, SHIELDED } from "./shield.fixtures.ts";

const S = 1e9;
const NAMES = ["net_rx_packets_per_s", "net_tx_packets_per_s", "cpu_busy_fraction"];
const NORMAL = Math.log1p(500);

/** A flood of 40,000 packets/s against 500 normally, which stalls the node's processors. */
function flood(more: Partial<Assessment> = {}): Assessment {
  return assessment({
    dimension_names: NAMES,
    x: [40_000, 700, 0.95],
    mean: [NORMAL, NORMAL, 0.2],
    arrivals_per_s: 12_000,
    contribution: [250, 10, 140],
    d: 20,
    d_smooth: 20,
    velocity: 2,
    acceleration: 1,
    dominant: [0, 2],
    dominant_resource: "network",
    stall: { cpu: 0.7, memory: 0, io: 0 },
    ...more,
  });
}

const calm = () =>
  flood({
    x: [500, 500, 0.2],
    arrivals_per_s: null,
    contribution: [0.3, 0.3, 0.4],
    d: 1,
    d_smooth: 1,
    velocity: -1,
    stall: { cpu: 0, memory: 0, io: 0 },
  });

/** A loop of beats: what is asked of the shield is done, and observed as said. */
class Loop {
  state: DecisionState = { ...initial_state(0), level: 1 };
  readonly asked: string[] = [];
  readonly verdicts: string[] = [];
  network: ShieldObservation | null = { admitted_per_s: 40_000, refused_per_s: 0, new_flows_per_s: 38_000 };
  readonly #config: DecisionConfig;
  #t_s = 0;
  #live: string | null = null;

  constructor(config: DecisionConfig = SHIELDED) {
    this.#config = config;
  }

  run(seconds: number, seen: () => Assessment): this {
    for (const end_s = this.#t_s + seconds; this.#t_s < end_s; this.#t_s += 0.1) this.#beat(seen());
    return this;
  }

  #beat(seen: Assessment): void {
    const containments = this.#live === null ? [] : [observed_shield(this.#live, this.network)];
    const { decision, state } = decide({ ...seen, containments }, this.state, this.#config, this.#t_s * S);
    this.state = state;
    for (const { verdict, detail } of decision.verdicts) this.verdicts.push(`${verdict}: ${detail}`);
    for (const { id, verb, setting } of decision.actions) {
      if (setting.rung !== "shield") continue;
      this.#live = verb === "release" ? null : id;
      this.asked.push(verb === "release" ? "release" : `${verb} ${setting.mode} ${setting.admit_share}`);
    }
  }
}

const SHEDDING: ShieldObservation = { admitted_per_s: 2000, refused_per_s: 38_000, new_flows_per_s: 38_500 };
const OVER: ShieldObservation = { admitted_per_s: 500, refused_per_s: 3, new_flows_per_s: 20 };

test("one burst at the beginning does not make a flood that goes on look like its end", () => {
  const loop = new Loop().run(3.5, flood);
  loop.network = { ...SHEDDING, refused_per_s: 400_000 };
  const helped = () => flood({ stall: { cpu: 0.05, memory: 0, io: 0 } });
  loop.run(2, helped);
  loop.network = SHEDDING;
  // A tenth of the burst is still most of what arrives.
  loop.run(60, helped);
  expect(loop.verdicts.some((verdict) => verdict.includes("the flood is over"))).toBe(false);
  loop.network = OVER;
  loop.run(60, calm);
  expect(loop.asked.at(-1)).toBe("release");
});

describe("the shield is chosen", () => {
  test("for a flood that stalls the node, first with a look, then with a share, and let go when the flood is over", () => {
    const loop = new Loop().run(3.5, flood);
    expect(loop.state.level).toBe(3);
    expect(loop.asked).toEqual(["apply shed 1", "adjust shed 0.5"]);
    loop.network = SHEDDING;
    const helped = () => flood({ stall: { cpu: 0.05, memory: 0, io: 0 } });
    loop.run(5, helped);
    expect(loop.verdicts).toEqual(["effective: 38000 packets/s refused, the harm is gone"]);
    loop.network = OVER;
    loop.run(7, calm);
    expect(loop.asked.at(-1)).toBe("release");
    expect(loop.verdicts.at(-1)).toBe(
      "would_have_stopped: 3 packets/s are refused, of 38000 at its height: the flood is over",
    );
  });

  test("never where the network has nothing to do with it", () => {
    const faults: Partial<Assessment>[] = [
      { arrivals_per_s: null },
      { arrivals_per_s: 90 },
      { arrivals_per_s: 700 },
      { x: [1200, 700, 0.95] },
      { x: [900, 40_000, 0.95] },
      { dimension_names: ["a", "b", "c"] },
    ];
    const leader = { cgroup_id: 7, cpu: 0, memory: 0, io: 0 };
    const changes = [{ cgroup_id: 7, path: "/batch", rate: 2, baseline_rate: 0.1, change: 30 }];
    for (const fault of faults) {
      for (const level of [3, 4] as const) {
        const loop = new Loop();
        loop.state = { ...loop.state, level, failures: 1 };
        loop.run(6, () => flood({ ...fault, leader_stall: leader, changes }));
        expect(loop.asked).toEqual([]);
      }
    }
  });

  test("never without a shield, and never without harm", () => {
    expect(new Loop(CONFIG).run(6, flood).asked).toEqual([]);
    expect(new Loop().run(6, () => flood({ stall: { cpu: 0.1, memory: 0, io: 0 } })).asked).toEqual([]);
  });

  test("not for a transfer: what belongs to known flows is not helped by shedding new ones", () => {
    const loop = new Loop();
    loop.network = { admitted_per_s: 40_000, refused_per_s: 0, new_flows_per_s: 40 };
    loop.run(5, flood);
    expect(loop.asked).toEqual(["apply shed 1", "release"]);
    expect(loop.verdicts[0]).toContain("only 0 % of 40000 packets/s belong to new flows");
    expect(loop.state.failures).toBe(0);
  });

  test("not for a leak that a thread carries, however many ask the service meanwhile", () => {
    const peak = { stall: { cpu: 0.1, memory: 0, io: 0 }, growth: [growth(50 * MIB, 0.5, 800 * MIB)] };
    const loop = new Loop().run(1, () => flood({ ...peak, search: null }));
    expect(loop.state.level).toBe(3);
    loop.run(6, () => flood({ ...peak, search: search() }));
    expect(loop.state.containments.map(({ rung }) => rung)).toEqual(["thread_hold"]);
    expect(loop.asked).toEqual([]);
  });

  test("but again once the whole cgroup is governed, though a thread of it is held", () => {
    const fed = { stall: { cpu: 0.1, memory: 0, io: 0 }, growth: [growth(50 * MIB, 0.5, 800 * MIB)] };
    const loop = new Loop().run(1, () => flood({ ...fed, search: search() }));
    expect(loop.state.containments.map(({ rung }) => rung)).toEqual(["thread_hold"]);
    const [hold] = loop.state.containments;
    loop.state = { ...loop.state, containments: [hold!, { ...hold!, id: "c9", rung: "memory_governor" }] };
    loop.run(2, () => flood({ ...fed, search: search() }));
    expect(loop.asked[0]).toBe("apply shed 1");
  });

  test("but for one that every request feeds", () => {
    const fed = { stall: { cpu: 0.1, memory: 0, io: 0 }, growth: [growth(50 * MIB, 0.5, 800 * MIB)] };
    const loop = new Loop().run(3, () => flood({ ...fed, search: search(0.3) }));
    expect(loop.state.containments.map(({ rung }) => rung)).toEqual(["memory_governor", "shield"]);
    expect(loop.asked).toEqual(["apply shed 1", "adjust shed 0.5"]);
  });

  test("and nobody is refused where the harm is over before the look is", () => {
    const loop = new Loop().run(1.7, flood);
    expect(loop.asked).toEqual(["apply shed 1"]);
    loop.run(5, () => flood({ stall: { cpu: 0, memory: 0, io: 0 } }));
    expect(loop.asked).toEqual(["apply shed 1", "release"]);
    expect(loop.verdicts).toEqual(["would_have_stopped: the harm was over before anything was refused"]);
  });

  test("and the service that answers the flood is not limited for it", () => {
    const changes = [{ cgroup_id: 7, path: "/web", rate: 2, baseline_rate: 0.1, change: 30 }];
    let limited = 0;
    const loop = new Loop();
    loop.run(8, () => {
      limited += loop.state.containments.filter(({ rung }) => rung !== "shield").length;
      return flood({ changes, leader_stall: { cgroup_id: 7, cpu: 0.7, memory: 0, io: 0 } });
    });
    expect(loop.asked.length).toBeGreaterThan(0);
    expect(limited).toBe(0);
  });
});

describe("the shield in force", () => {
  const shedding = () => {
    const loop = new Loop().run(3.5, flood);
    loop.network = SHEDDING;
    return loop;
  };

  test("admits less while the harm goes on, then only what is essential, and is backed out if nothing helps", () => {
    const loop = shedding().run(20, flood);
    expect(loop.asked.slice(1)).toEqual([
      "adjust shed 0.5",
      "adjust shed 0.25",
      "adjust shed 0.125",
      "adjust shed 0.1",
      "adjust essential 0.1",
      "release",
    ]);
    expect(loop.verdicts).toEqual([
      "no_effect: the harm is still there with 38000 packets/s refused at a share of 10 %",
      "no_effect: the harm is still there with 38000 packets/s refused",
    ]);
    expect(loop.state.level).toBe(4);
    expect(loop.state.failures).toBe(1);
  });

  test("goes on to level 4 at once where a share refuses hardly anything", () => {
    const loop = new Loop().run(3.5, flood);
    loop.network = { admitted_per_s: 40_000, refused_per_s: 900, new_flows_per_s: 10_000 };
    loop.run(4, flood);
    expect(loop.asked.slice(1)).toEqual(["adjust shed 0.5", "adjust essential 0.5"]);
    expect(loop.verdicts).toEqual(["no_effect: the harm is still there with 900 packets/s refused at a share of 50 %"]);
    expect(loop.state.level).toBe(4);
  });

  test("is tightened where the harm comes back", () => {
    const loop = shedding().run(5, () => flood({ stall: { cpu: 0.05, memory: 0, io: 0 } }));
    expect(loop.verdicts).toHaveLength(1);
    loop.run(6, flood);
    expect(loop.asked.at(-1)).toBe("adjust shed 0.25");
  });

  test("is let go when the flood is over, also where something else does harm", () => {
    const loop = shedding().run(5, () => flood({ stall: { cpu: 0.05, memory: 0, io: 0 } }));
    loop.network = OVER;
    loop.run(7, flood);
    expect(loop.asked[2]).toBe("release");
    expect(loop.verdicts.at(-1)).toStartWith("would_have_stopped: ");
    expect(loop.state.failures).toBe(0);
  });

  test("is backed out at its tightest where D̄ is not far enough for level 4", () => {
    const near = () => flood({ d: 8, d_smooth: 8 });
    const loop = new Loop().run(3.5, near);
    loop.network = SHEDDING;
    loop.run(16, near);
    expect(loop.asked.slice(-2)).toEqual(["adjust shed 0.1", "release"]);
    expect(loop.verdicts.at(-1)).toEndWith("at a share of 10 %, and D̄ is not far enough for level 4");
    expect(loop.state.level).toBe(3);
    expect(loop.state.failures).toBe(1);
  });

  test("comes back from what is essential by way of a share", () => {
    const loop = shedding().run(12.5, flood);
    expect(loop.asked.at(-1)).toBe("adjust essential 0.1");
    const helped = () => flood({ stall: { cpu: 0.05, memory: 0, io: 0 } });
    loop.run(40, helped);
    expect(loop.verdicts.at(-1)).toBe("effective: 38000 packets/s refused, the harm is gone");
    expect(loop.asked.slice(5)).toEqual(["adjust essential 0.1", "adjust shed 0.1"]);
    expect(loop.state.level).toBeLessThan(4);
    loop.run(6, flood);
    expect(loop.asked.slice(7)).toEqual(["adjust essential 0.1"]);
    expect(loop.state.level).toBe(4);
  });

  test("is never seen to fail by a motor that only records", () => {
    const loop = new Loop();
    loop.network = null;
    loop.run(60, flood);
    expect(loop.asked).toEqual(["apply shed 1", "adjust shed 0.5"]);
    expect(loop.verdicts).toEqual([]);
    loop.run(60, calm);
    expect(loop.asked.at(-1)).toBe("release");
    expect(loop.verdicts).toEqual(["expired: lifted to see whether the harm is still there"]);
  });

  test("at level 4 admits only what is essential", () => {
    const loop = shedding();
    loop.state = { ...loop.state, level: 4, failures: 1 };
    loop.run(1, flood);
    expect(loop.asked.at(-1)).toBe("adjust essential 0.5");
  });

  test("is lifted when the harm has been gone for a while, to see whether it comes back", () => {
    const loop = shedding();
    const helped = () => flood({ stall: { cpu: 0.05, memory: 0, io: 0 } });
    loop.run(4, helped);
    const before = loop.asked.length;
    loop.run(30, helped);
    expect(loop.asked.slice(before)).toEqual(["release"]);
  });

  test("stays as it is in quarantine", () => {
    const loop = shedding();
    loop.state = { ...loop.state, level: 5 };
    const before = loop.asked.length;
    loop.run(10, calm);
    expect(loop.asked).toHaveLength(before);
    expect(loop.state.containments).toHaveLength(1);
  });
});
