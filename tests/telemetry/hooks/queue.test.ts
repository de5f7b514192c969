import { expect, test } from "bun:test";
import fc from "fast-check";
import type { HookEvent } from "../../../src/model/hook.ts";
import { type HookJob, HookQueue, WAITING_MAX } from "../../../src/telemetry/hooks/queue.ts";
import { call } from "./calls.ts";

const job = (action_id: string, event: HookEvent = "decided", hook = "pre 1"): HookJob => ({
  hook,
  command: ["/bin/true"],
  timeout_s: 1,
  notifies: false,
  call: call({ action_id, event }),
});

test("those of one action run one after the other, in their order; those of another beside them", () => {
  const queue = new HookQueue(2);
  const jobs = [job("a"), job("a", "applied", "post 1"), job("b"), job("c")];
  for (const each of jobs) queue.push(each);
  expect(queue.take()).toBe(jobs[0]!);
  expect(queue.take()).toBe(jobs[2]!);
  expect(queue.take()).toBeNull();
  queue.ended(jobs[2]!);
  expect(queue.take()).toBe(jobs[3]!);
  queue.ended(jobs[3]!);
  expect(queue.take()).toBeNull();
  queue.ended(jobs[0]!);
  expect(queue.take()).toBe(jobs[1]!);
});

test("without room the oldest of the same kind goes, or else the oldest", () => {
  const queue = new HookQueue(1);
  const first = job("first", "applied", "post 1");
  const second = job("second");
  for (const each of [first, second]) queue.push(each);
  for (let i = 2; i < WAITING_MAX; i++) expect(queue.push(job(`x${i}`, "judged", "post 1"))).toBeNull();
  expect(queue.push(job("late"))).toBe(second);
  expect(queue.push(job("other", "released", "post 1"))).toBe(first);
  expect([queue.waiting, queue.dropped]).toEqual([WAITING_MAX, 2]);
});

test("whatever happens, it stays within its bounds and never runs two of one action", () => {
  const step = fc.oneof(
    fc.record({ what: fc.constant("push" as const), id: fc.nat(5), event: fc.constantFrom("decided", "judged") }),
    fc.record({ what: fc.constantFrom("take", "end") }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 4 }), (steps, at_once) => {
      const queue = new HookQueue(at_once);
      const running: HookJob[] = [];
      let pushed = 0;
      let ended = 0;
      for (const one of steps) {
        if (one.what === "push" && "id" in one) {
          queue.push(job(`a${one.id}`, one.event as HookEvent));
          pushed++;
        } else if (one.what === "take") {
          const taken = queue.take();
          if (taken !== null) running.push(taken);
        } else if (one.what === "end" && running.length > 0) {
          queue.ended(running.shift()!);
          ended++;
        }
        expect(queue.running).toBeLessThanOrEqual(at_once);
        expect(queue.waiting).toBeLessThanOrEqual(WAITING_MAX);
        expect(new Set(running.map((each) => each.call.action_id)).size).toBe(running.length);
        expect(queue.waiting + queue.running + queue.dropped + ended).toBe(pushed);
      }
    }),
  );
});
