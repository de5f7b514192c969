import { rmSync } from "node:fs";
import type { Setting } from "../../../src/model/containment.ts";
import type { CgroupMotor } from "../../../src/motor/motor.ts";
import { release_from_ledger } from "../../../src/motor/recover.ts";
import { adjust, apply, expect_equal, LEDGER_DIR, motor, now_ns, release, type Service, snapshot } from "./world.ts";

class Crash extends Error {}
const STEPS_MAX = 60;

/** Stop the motor at every step of apply, adjust and release in turn; the ledger alone must restore every file. */
export function crash_everywhere(service: Service, first: Setting, second: Setting): string {
  const target = first.rung === "thread_hold" ? service.target : service.cgroup_target;
  const before = snapshot(service.path);
  for (let stop_at = 1; stop_at < STEPS_MAX; stop_at += 1) {
    const reached = run_until(stop_at, target, first, second);
    if (reached === null) return `${stop_at - 1} steps`;
    // The dead motor's lock: in life its process would be gone.
    rmSync(`${LEDGER_DIR}/ledger.lock`, { force: true });
    const outcomes = release_from_ledger(LEDGER_DIR);
    for (const outcome of outcomes) {
      if (outcome.status !== "done") throw new Error(`stopped at ${reached}: ${outcome.status} ${outcome.detail}`);
    }
    expect_equal(`files after a stop at step ${stop_at} (${reached})`, snapshot(service.path), before);
    expect_equal(`second release after ${reached}`, release_from_ledger(LEDGER_DIR).length, 0);
    service.expect_leak_runs();
  }
  throw new Error(`more than ${STEPS_MAX} steps`);
}

function run_until(stop_at: number, target: Service["target"], first: Setting, second: Setting): string | null {
  let steps = -1;
  const step = (name: string): void => {
    if (steps < 0) return;
    steps += 1;
    if (steps === stop_at) throw new Crash(name);
  };
  const stopped: CgroupMotor = motor({ step });
  steps = 0;
  try {
    for (const action of [apply("c", target, first), adjust("c", target, second), release("c", target, second)]) {
      const outcome = stopped.perform(action, now_ns());
      if (!["done", "pending"].includes(outcome.status)) throw new Error(`${outcome.status}: ${outcome.detail}`);
    }
    steps = -1;
    stopped.close();
    return null;
  } catch (error) {
    if (error instanceof Crash) return error.message;
    throw error;
  }
}
