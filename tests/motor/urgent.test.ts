import { expect, test } from "bun:test";
import { KernelError } from "../../src/ffi/errors.ts";
import { monotonic_ns, REAL_TIME, type Scheduling, scheduling } from "../../src/ffi/libc.ts";
import { kernel_processes } from "../../src/motor/processes.ts";
import { type Scheduler, try_urgency, urgently } from "../../src/motor/urgent.ts";

class FakeScheduler implements Scheduler {
  readonly asked: Scheduling[] = [];
  now: Scheduling;
  readonly #allowed: boolean;

  constructor(now: Scheduling, allowed = true) {
    this.now = now;
    this.#allowed = allowed;
  }

  get(): Scheduling {
    return this.now;
  }

  set(wanted: Scheduling): void {
    if (!this.#allowed) throw new KernelError("set the scheduling policy", "of this thread", "EPERM");
    this.asked.push(wanted);
    this.now = wanted;
  }
}

const BATCH: Scheduling = { policy: 3, priority: 0 };

test("an urgent work runs as a real-time thread, and what was there before is exactly restored", () => {
  const scheduler = new FakeScheduler(BATCH);
  expect(urgently(() => scheduler.now, scheduler)).toEqual(REAL_TIME);
  expect(scheduler.now).toEqual(BATCH);
  const fail = () => {
    throw new Error("the work failed");
  };
  expect(() => urgently(fail, scheduler)).toThrow("the work failed");
  expect(scheduler.now).toEqual(BATCH);
});

test("a thread that is a real-time one already is left as it is", () => {
  const scheduler = new FakeScheduler({ policy: 2, priority: 40 });
  expect(urgently(() => 7, scheduler)).toBe(7);
  expect(scheduler.asked).toEqual([]);
});

test("where it is not allowed the work is done all the same, and a trial says why", () => {
  const scheduler = new FakeScheduler(BATCH, false);
  expect(urgently(() => 7, scheduler)).toBe(7);
  expect(() => try_urgency(scheduler)).toThrow("EPERM");
});

test("the kernel gives back the scheduling it was asked for", () => {
  const before = scheduling();
  urgently(() => undefined);
  expect(scheduling()).toEqual(before);
});

test("an alarm runs from when it is set, and is waited for", () => {
  const began_ns = monotonic_ns();
  kernel_processes.urgently(kernel_processes.alarm_in(2));
  expect(monotonic_ns() - began_ns).toBeGreaterThanOrEqual(2e6);
});
