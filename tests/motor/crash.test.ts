import { expect, test } from "bun:test";
import type { Setting } from "../../src/model/containment.ts";
import { release_from_ledger } from "../../src/motor/recover.ts";
import { action } from "./fake.ts";
import { Setup } from "./setup.ts";

class Crash extends Error {}
const STEPS_MAX = 80;
const UNIT = "/unit.service";

const PAIRS: readonly (readonly [Setting, Setting])[] = [
  [
    { rung: "thread_hold", frozen: true },
    { rung: "thread_hold", frozen: false },
  ],
  [
    { rung: "memory_governor", high_bytes: 8_388_608 },
    { rung: "memory_governor", high_bytes: 6_291_456 },
  ],
  [
    { rung: "cpu_weight", weight: 20 },
    { rung: "cpu_weight", weight: 30 },
  ],
  [
    { rung: "cpu_max", quota_us: 50_000, period_us: 100_000 },
    { rung: "cpu_max", quota_us: 20_000, period_us: 100_000 },
  ],
  [
    { rung: "io_max", bytes_per_s: 1_000_000 },
    { rung: "io_max", bytes_per_s: 500_000 },
  ],
  [
    { rung: "freeze", frozen: true },
    { rung: "freeze", frozen: false },
  ],
];

/** Perform apply, adjust and release, stopping at the given step. Names the step; null when all were passed. */
function run_until(
  setup: Setup,
  stop_at: number,
  [first, second]: readonly [Setting, Setting],
  tid: number | null,
  path: string,
): string | null {
  let steps = Number.NEGATIVE_INFINITY;
  let stopped_at: string | null = null;
  const motor = setup.motor({
    step(name) {
      steps += 1;
      stopped_at ??= steps >= stop_at ? name : null;
      // Whoever is killed cleans nothing up: every later step fails as well.
      if (stopped_at !== null) throw new Crash(stopped_at);
    },
  });
  const target = setup.kernel.target(path, tid);
  steps = 0;
  try {
    for (const each of [action("a", "apply", target, first), action("a", "adjust", target, second)]) {
      expect(motor.perform(each, 0).status).toBe("done");
    }
    expect(motor.perform(action("a", "release", target, second), 0).status).toBe("done");
    steps = Number.NEGATIVE_INFINITY;
    motor.close();
    return null;
  } catch (error) {
    if (error instanceof Crash) return error.message;
    throw error;
  }
}

const RUNS: readonly (readonly [string, readonly [Setting, Setting], number | null])[] = [
  ...PAIRS.map((pair) => [pair[0].rung, pair, pair[0].rung === "thread_hold" ? 41 : null] as const),
  ["freeze of a unit", PAIRS[5]!, null],
  ["nice of a thread", PAIRS[2]!, 41],
  ["a pulse", [PAIRS[0]![0], { rung: "thread_hold", frozen: true, pulse_ms: 1 }], 41],
];

for (const [name, pair, tid] of RUNS) {
  test(`${name}: stopped at any step, the ledger alone restores everything`, () => {
    let stop_at = 1;
    for (; stop_at < STEPS_MAX; stop_at += 1) {
      using setup = new Setup();
      setup.kernel.add_cgroup(UNIT);
      setup.kernel.add_thread(50, 50, UNIT);
      setup.kernel.add_thread(51, 51, UNIT);
      setup.kernel.set("/app", "io.max", "8:0 rbps=max wbps=2000000 riops=max wiops=max\n");
      const before = setup.kernel.snapshot();
      const stopped_at = run_until(setup, stop_at, pair, tid, name === "freeze of a unit" ? UNIT : "/app");
      if (stopped_at === null) break;
      setup.forget_lock();
      const options = { files: setup.kernel, processes: setup.kernel };
      const outcomes = release_from_ledger(setup.ledger_dir, options);
      expect(outcomes.map((each) => each.status).filter((status) => status !== "done")).toEqual([]);
      expect(`${stopped_at}\n${setup.kernel.snapshot()}`).toBe(`${stopped_at}\n${before}`);
      expect(release_from_ledger(setup.ledger_dir, options)).toEqual([]);
    }
    expect(stop_at).toBeGreaterThan(10);
    expect(stop_at).toBeLessThan(STEPS_MAX);
  }, 60_000);
}

test("seeded: several containments at once, stopped anywhere, also while recovering", () => {
  let seed = 20_261_121;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed % below;
  };
  for (let round = 0; round < 20; round += 1) {
    using setup = new Setup();
    for (const name of ["/b", "/c"]) setup.kernel.add_cgroup(name);
    const before = setup.kernel.snapshot();
    let countdown = Number.POSITIVE_INFINITY;
    const step = (name: string): void => {
      countdown -= 1;
      if (countdown === 0) throw new Crash(name);
    };
    const motor = setup.motor({ step });
    countdown = 1 + random(60);
    crashing(() => {
      for (let count = 0; count < 8; count += 1) {
        const [first] = PAIRS[random(PAIRS.length)]!;
        const hold = first.rung === "thread_hold";
        const target = setup.kernel.target(hold ? "/app" : ["/app", "/b", "/c"][random(3)]!, hold ? 41 : null);
        motor.perform(action(`r${count}`, "apply", target, first), 0);
      }
      throw new Crash("the end");
    });
    setup.forget_lock();
    countdown = 1 + random(12);
    const options = { files: setup.kernel, processes: setup.kernel };
    crashing(() => release_from_ledger(setup.ledger_dir, { ...options, step }));
    setup.forget_lock();
    release_from_ledger(setup.ledger_dir, options);
    expect(setup.kernel.snapshot()).toBe(before);
  }
}, 60_000);

function crashing(call: () => unknown): void {
  try {
    call();
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
  }
}
