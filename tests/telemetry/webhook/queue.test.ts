import { expect, test } from "bun:test";
import fc from "fast-check";
import { ATTEMPTS_MAX, BACKOFF_MAX_S, DeliveryQueue, WAITING_MAX } from "../../../src/telemetry/webhook/queue.ts";
import { notice } from "./beats.ts";

test("one at a time, in order", () => {
  const queue = new DeliveryQueue(0.5);
  const [a, b] = [notice({ episode: "a" }), notice({ episode: "b" })];
  queue.push(a);
  queue.push(b);
  expect(queue.take(0)).toBe(a);
  expect(queue.take(0)).toBeNull();
  queue.accepted();
  expect(queue.take(0)).toBe(b);
});

test("a newer state of an episode replaces the one that waits; its end does not", () => {
  const queue = new DeliveryQueue(0.5);
  const [begun, risen] = [notice(), notice({ reason: "risen", level: 3 })];
  const over = notice({ reason: "over", status: "resolved" });
  for (const one of [begun, risen, over]) queue.push(one);
  expect(queue.length).toBe(2);
  expect(queue.take(0)).toBe(risen);
  queue.accepted();
  expect(queue.take(0)).toBe(over);
});

test("what failed is not sent after a newer state of the same episode", () => {
  const queue = new DeliveryQueue(0.5);
  const risen = notice({ reason: "risen" });
  queue.push(notice());
  queue.take(0);
  queue.push(risen);
  queue.failed(0, true);
  expect(queue.length).toBe(1);
  expect(queue.take(1e15)).toBe(risen);
});

test("what was told beside the queue is not told again, whether it waits or is on its way", () => {
  const waiting = new DeliveryQueue(0.5);
  waiting.push(notice());
  waiting.push(notice({ episode: "another" }));
  waiting.supersede(notice({ reason: "quarantine" }));
  expect(waiting.take(0)?.episode).toBe("another");

  const flying = new DeliveryQueue(0.5);
  flying.push(notice());
  flying.take(0);
  flying.supersede(notice({ reason: "quarantine" }));
  flying.failed(0, true);
  expect([flying.length, flying.dropped]).toEqual([0, 0]);
});

test("pauses double up to their bound, and a notice is given up", () => {
  const queue = new DeliveryQueue(0.5);
  queue.push(notice());
  let now_ns = 0;
  for (const pause_s of [1, 2, 4, 8, 16, 32, 64, 128, 256, BACKOFF_MAX_S, BACKOFF_MAX_S, BACKOFF_MAX_S]) {
    expect(queue.take(now_ns)?.episode).toBe(notice().episode);
    queue.failed(now_ns, true);
    now_ns += pause_s * 1e9;
    expect(queue.take(now_ns - 1e6)).toBeNull();
  }
  expect([queue.length, queue.dropped, queue.failed_attempts]).toEqual([0, 1, ATTEMPTS_MAX]);
  queue.push(notice({ episode: "later" }));
  expect(queue.take(now_ns)?.episode).toBe("later");
});

test("a refusal for good is not tried again", () => {
  const queue = new DeliveryQueue(0.5);
  queue.push(notice());
  queue.take(0);
  queue.failed(0, false);
  expect([queue.length, queue.dropped]).toEqual([0, 1]);
});

test("whatever happens, it stays within its bound and every notice is accounted for", () => {
  const step = fc.oneof(
    fc.record({ what: fc.constant("push" as const), episode: fc.nat(60), over: fc.boolean() }),
    fc.record({ what: fc.constant("take" as const) }),
    fc.record({ what: fc.constant("accepted" as const) }),
    fc.record({ what: fc.constant("failed" as const), again: fc.boolean() }),
    fc.record({ what: fc.constant("wait" as const), s: fc.nat(400) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), fc.double({ min: 0, max: 1, noNaN: true }), (steps, phase) => {
      const queue = new DeliveryQueue(phase);
      let now_ns = 0;
      let flying = false;
      let pushed = 0;
      let last_failure_ns = Number.NEGATIVE_INFINITY;
      for (const one of steps) {
        if (one.what === "push") {
          queue.push(notice({ episode: String(one.episode), status: one.over ? "resolved" : "firing" }));
          pushed++;
        } else if (one.what === "wait") now_ns += one.s * 1e9;
        else if (one.what === "take") {
          const taken = queue.take(now_ns);
          if (taken !== null) {
            expect(flying).toBe(false);
            expect(now_ns - last_failure_ns).toBeGreaterThanOrEqual(0.75e9);
          }
          flying ||= taken !== null;
        } else if (flying) {
          if (one.what === "accepted") {
            queue.accepted();
            last_failure_ns = Number.NEGATIVE_INFINITY;
          } else {
            queue.failed(now_ns, one.again);
            last_failure_ns = now_ns;
          }
          flying = false;
        }
        expect(queue.length).toBeLessThanOrEqual(WAITING_MAX + 1);
        expect(queue.delivered + queue.dropped + queue.length).toBeLessThanOrEqual(pushed);
      }
    }),
  );
});
