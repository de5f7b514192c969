import { expect, test } from "bun:test";
import type { Setting } from "../../src/model/containment.ts";
import { action } from "./fake.ts";
import { Setup } from "./setup.ts";

const WEIGHT: Setting = { rung: "cpu_weight", weight: 10 };

test("niceness goes back to who was born while it was on, and stays with who was that nice before", () => {
  using setup = new Setup();
  const { kernel } = setup;
  kernel.delete_file("/app", "cpu.weight");
  kernel.add_thread(70, 70, "/app");
  kernel.set_nice(70, 10);
  // A thread for the background, whose niceness nobody inherits from.
  kernel.add_thread(43, 40, "/app");
  kernel.set_nice(43, 19);
  const motor = setup.motor();
  const target = kernel.target("/app");
  expect(motor.perform(action("n", "apply", target, WEIGHT), 0)).toMatchObject({ status: "done", written: "10" });
  // A process and a thread are born, and inherit it; a thread of the list ends.
  for (const [tid, pid] of [
    [80, 80],
    [42, 40],
  ] as const) {
    kernel.add_thread(tid, pid, "/app");
    kernel.set_nice(tid, 10);
  }
  kernel.end_thread(41);
  const detail = "test: niceness of 1 thread restored, and of 2 born meanwhile, 1 gone";
  expect(motor.perform(action("n", "release", target, WEIGHT), 1)).toMatchObject({ status: "done", detail });
  expect([40, 42, 43, 70, 80].map((tid) => kernel.nice(tid))).toEqual([0, 0, 19, 10, 0]);
  motor.close();
});
