import { expect, test } from "bun:test";
import type { Setting } from "../../src/model/containment.ts";
import type { CgroupMotor } from "../../src/motor/motor.ts";
import { release_from_ledger } from "../../src/motor/recover.ts";
import { Refusal } from "../../src/motor/trouble.ts";
import { action, type FakeKernel } from "./fake.ts";
import { AREA, FakeSwap, MIB } from "./fake_swap.ts";
import { SECOND_NS, Setup } from "./setup.ts";

const WHOLE: Setting = { rung: "swap_reserve", swap_max_bytes: 3000 * MIB };
const OPTIONS = { reserve: { path: AREA }, boot_id: "this" };

function swapping(setup: Setup, used_mib: number, prior = "0"): void {
  for (const [file, text] of [
    ["memory.swap.max", prior],
    ["memory.swap.current", String(used_mib * MIB)],
    ["memory.max", String(1024 * MIB)],
    ["memory.current", String(300 * MIB)],
  ] as const)
    setup.kernel.set("/app", file, `${text}\n`);
}

/** A motor with a reserve that is on, and used so much. */
function drawing(setup: Setup, swap: FakeSwap, used_mib: number): CgroupMotor {
  swapping(setup, 0);
  const motor = setup.motor({ ...OPTIONS, swap });
  expect(motor.perform(action("r", "apply", setup.kernel.target("/app"), WHOLE), 0).status).toBe("done");
  motor.poll(SECOND_NS);
  swap.finish();
  motor.poll(1.1 * SECOND_NS);
  swap.use(used_mib * MIB);
  setup.kernel.set("/app", "memory.swap.current", `${used_mib * MIB}\n`);
  return motor;
}

function let_go(motor: CgroupMotor, kernel: FakeKernel): void {
  motor.perform(action("r", "release", kernel.target("/app"), WHOLE), 2 * SECOND_NS);
}

test("the cgroup may swap at once, the area comes on beside the beat and is told when it is", () => {
  using setup = new Setup();
  const swap = new FakeSwap();
  swapping(setup, 0);
  const motor = setup.motor({ ...OPTIONS, swap });
  expect(motor.perform(action("r", "apply", setup.kernel.target("/app"), WHOLE), 0)).toMatchObject({
    status: "done",
    prior: "0",
    written: String(3000 * MIB),
  });
  expect(motor.poll(SECOND_NS)).toMatchObject([{ status: "pending", rung: "swap_reserve", verb: "apply" }]);
  for (const beat of [1.01, 1.5, 5]) expect(motor.poll(beat * SECOND_NS)).toEqual([]);
  expect(swap.on.size).toBe(0);
  swap.finish();
  expect(motor.poll(5.01 * SECOND_NS)).toMatchObject([{ status: "done", detail: expect.stringContaining("4.0 GiB") }]);
  expect([swap.calls, swap.holds]).toEqual([[`on ${AREA}`], 0]);
  expect(motor.held().map((item) => item.file)).toEqual(["/cg/app/memory.swap.max", AREA]);
  motor.close();
});

test("a host with swap of its own needs only the limit raised; once that is full, the area as well", () => {
  using setup = new Setup();
  const swap = new FakeSwap();
  swapping(setup, 0);
  swap.use(0, "/dev/vdz");
  const motor = setup.motor({ ...OPTIONS, swap });
  motor.perform(action("r", "apply", setup.kernel.target("/app"), WHOLE), 0);
  motor.poll(SECOND_NS);
  expect(swap.calls).toEqual([]);
  swap.use(swap.size_bytes - MIB, "/dev/vdz");
  motor.poll(2 * SECOND_NS);
  expect(swap.calls).toEqual([`on ${AREA}`]);
  motor.close();
});

test("it goes when nobody draws on it and what lies in it fits back", () => {
  using setup = new Setup();
  const swap = new FakeSwap();
  const motor = drawing(setup, swap, 200);
  let_go(motor, setup.kernel);
  expect(setup.kernel.get("/app", "memory.swap.max")).toBe("0");
  motor.poll(3 * SECOND_NS);
  expect(swap.calls.at(-1)).toBe(`off ${AREA}`);
  expect(motor.held()).toHaveLength(1);
  swap.finish();
  expect(motor.poll(3.1 * SECOND_NS)).toMatchObject([{ verb: "release", status: "done" }]);
  expect([swap.on.size, motor.held().length, swap.holds]).toEqual([0, 0, 0]);
  motor.close();
});

test.each([
  [900, 4000, "/app has no room for it below its limit"],
  [600, 700, "the node has no room for it"],
])(
  "%p MiB stay where they are while they do not fit (%p MiB available), and it says whose they are",
  (used, available, why) => {
    using setup = new Setup();
    const swap = new FakeSwap();
    const motor = drawing(setup, swap, used);
    swap.available = available * MIB;
    let_go(motor, setup.kernel);
    const told = motor.poll(3 * SECOND_NS);
    expect(told).toMatchObject([{ status: "pending" }]);
    for (const words of [why, `of /app ${used} MiB`, "restart /app"]) expect(told[0]?.detail).toContain(words);
    expect(motor.held()).toMatchObject([{ file: AREA, now: expect.stringContaining(why) }]);
    expect(motor.poll(20 * SECOND_NS)).toEqual([]);
    // The service is restarted: nothing of it is left.
    swap.use(0);
    setup.kernel.set("/app", "memory.swap.current", "0\n");
    motor.poll(40 * SECOND_NS);
    swap.finish();
    expect(motor.poll(41 * SECOND_NS)).toMatchObject([{ status: "done" }]);
    motor.close();
  },
);

test("a swapon that fails ends the containment with the reason, and nothing is left in the ledger", () => {
  using setup = new Setup();
  const swap = new FakeSwap();
  swap.answer = "EINVAL";
  swapping(setup, 0);
  const motor = setup.motor({ ...OPTIONS, swap });
  motor.perform(action("r", "apply", setup.kernel.target("/app"), WHOLE), 0);
  motor.poll(SECOND_NS);
  swap.finish();
  motor.poll(1.1 * SECOND_NS);
  const told = motor.poll(1.2 * SECOND_NS);
  expect(told).toMatchObject([{ id: "r", verb: "release", status: "failed" }]);
  expect(told[0]?.detail).toContain("EINVAL");
  expect(setup.kernel.get("/app", "memory.swap.max")).toBe("0");
  expect(motor.held()).toEqual([]);
  motor.close();
});

test("a ledger that can take no more keeps the area off, and ends nobody", () => {
  using setup = new Setup();
  const swap = new FakeSwap();
  swapping(setup, 0);
  swap.use(0, "/dev/vdz");
  let full = false;
  const step = (name: string) => {
    if (full && name === "before ledger open") throw new Refusal("write the ledger: ENOSPC");
  };
  const motor = setup.motor({ ...OPTIONS, swap, step });
  motor.perform(action("r", "apply", setup.kernel.target("/app"), WHOLE), 0);
  motor.poll(SECOND_NS);
  swap.use(swap.size_bytes - MIB, "/dev/vdz");
  full = true;
  expect(motor.poll(2 * SECOND_NS)).toMatchObject([
    { rung: "swap_reserve", detail: expect.stringContaining("ENOSPC") },
  ]);
  expect([swap.calls, swap.holds]).toEqual([[], 0]);
  motor.close();
});

test("an area the kernel lists under another name is switched off again", () => {
  using setup = new Setup();
  const swap = new FakeSwap();
  swapping(setup, 0);
  const motor = setup.motor({ ...OPTIONS, swap });
  motor.perform(action("r", "apply", setup.kernel.target("/app"), WHOLE), 0);
  motor.poll(SECOND_NS);
  swap.finish();
  const area = swap.on.get(AREA);
  if (area === undefined) throw new Error("it is not on");
  swap.on.set(AREA, { ...area, path: "/elsewhere/hosa.swap" });
  expect(motor.poll(1.1 * SECOND_NS).find(({ status }) => status === "failed")?.detail).toContain("no such name");
  expect([swap.on.size, swap.calls.at(-1)]).toEqual([0, `off ${AREA}, waited for`]);
  motor.poll(1.2 * SECOND_NS);
  expect(motor.held()).toEqual([]);
  motor.close();
});

test("a file removed while it is on is still followed", () => {
  using setup = new Setup();
  const swap = new FakeSwap();
  const motor = drawing(setup, swap, 100);
  const area = swap.on.get(AREA);
  if (area === undefined) throw new Error("it is not on");
  swap.on.set(AREA, { ...area, path: `${AREA} (deleted)` });
  expect(motor.poll(3 * SECOND_NS)).toEqual([]);
  expect(motor.held()).toHaveLength(2);
  let_go(motor, setup.kernel);
  expect(motor.poll(5 * SECOND_NS)[0]?.detail).toContain("only a reboot");
  expect(motor.held()).toMatchObject([{ file: AREA }]);
  motor.close();
  const undo = { files: setup.kernel, processes: setup.kernel, swap, boot_id: "this" };
  for (let again = 0; again < 2; again++) {
    expect(release_from_ledger(setup.ledger_dir, undo)).toMatchObject([{ status: "pending" }]);
  }
});

test("somebody else who switches it off is not fought", () => {
  using setup = new Setup();
  const swap = new FakeSwap();
  const motor = drawing(setup, swap, 0);
  swap.on.clear();
  expect(motor.poll(3 * SECOND_NS)).toMatchObject([{ rung: "swap_reserve", status: "drifted" }]);
  expect(motor.poll(3.1 * SECOND_NS)).toMatchObject([{ id: "r", verb: "release" }]);
  expect(swap.calls).toEqual([`on ${AREA}`]);
  expect(motor.held()).toEqual([]);
  motor.close();
});

test("a swapoff that could not bring everything back is tried again", () => {
  using setup = new Setup();
  const swap = new FakeSwap();
  const motor = drawing(setup, swap, 100);
  let_go(motor, setup.kernel);
  swap.answer = "ENOMEM";
  motor.poll(3 * SECOND_NS);
  swap.finish();
  expect(motor.poll(3.1 * SECOND_NS)).toMatchObject([{ status: "pending", detail: expect.stringContaining("ENOMEM") }]);
  swap.answer = null;
  motor.poll(20 * SECOND_NS);
  swap.finish();
  expect(motor.poll(20.1 * SECOND_NS)).toMatchObject([{ status: "done" }]);
  motor.close();
});

test("the end of the agent switches an empty area off, and waits for nothing that lies in it", () => {
  for (const [used, on] of [
    [0, 0],
    [100, 1],
  ] as const) {
    using setup = new Setup();
    const swap = new FakeSwap();
    const motor = drawing(setup, swap, used);
    expect(motor.release_all(3 * SECOND_NS, "hosa ends").at(-1)).toMatchObject({ status: on ? "pending" : "done" });
    expect([swap.on.size, swap.holds]).toEqual([on, 0]);
    motor.close();
  }
});

test("what a predecessor left on is looked after by the next agent, also one without a reserve", () => {
  using setup = new Setup();
  const swap = new FakeSwap();
  const motor = drawing(setup, swap, 100);
  motor.close();
  const next = setup.motor({ boot_id: "this", swap, reserve: { missing: "reserve.path is not set" } });
  expect(setup.kernel.get("/app", "memory.swap.max")).toBe("0");
  next.poll(SECOND_NS);
  swap.finish();
  expect(next.poll(1.1 * SECOND_NS)).toMatchObject([{ status: "done" }]);
  expect(next.held()).toEqual([]);
  next.close();
});

test("an operator's release of the area ends whoever draws on it first", () => {
  using setup = new Setup();
  const swap = new FakeSwap();
  const motor = drawing(setup, swap, 0);
  const area = motor.held().filter((item) => item.file === AREA);
  expect(motor.let_go(area, 3 * SECOND_NS, "operator")).toMatchObject([{ status: "pending" }]);
  expect(setup.kernel.get("/app", "memory.swap.max")).toBe("0");
  swap.finish();
  expect(motor.poll(3.1 * SECOND_NS).map(({ status }) => status)).toEqual(["done", "done"]);
  expect(motor.held()).toEqual([]);
  motor.close();
});

test("without an agent, a release waits for what fits and leaves the rest in the ledger", () => {
  using setup = new Setup();
  const swap = new FakeSwap();
  const { kernel, ledger_dir } = setup;
  drawing(setup, swap, 900).close();
  const undo = () => release_from_ledger(ledger_dir, { files: kernel, processes: kernel, swap, boot_id: "this" });
  swap.held_by_other = true;
  expect(undo()).toMatchObject([{ status: "pending" }, { status: "done" }]);
  expect(kernel.get("/app", "memory.swap.max")).toBe("0");
  swap.held_by_other = false;
  expect(undo()).toMatchObject([{ status: "pending", detail: expect.stringContaining("restart /app") }]);
  kernel.set("/app", "memory.swap.current", "0\n");
  swap.use(0);
  expect(undo()).toMatchObject([{ status: "done" }]);
  expect(swap.on.size).toBe(0);
  expect(undo()).toEqual([]);
});

class Crash extends Error {}

/** Draws on the reserve and lets go, stopping at a step; names it, or null when all were passed. */
function run_until(setup: Setup, swap: FakeSwap, stop_at: number): string | null {
  let steps = Number.NEGATIVE_INFINITY;
  let stopped_at: string | null = null;
  const motor = setup.motor({
    ...OPTIONS,
    swap,
    step(name) {
      steps += 1;
      stopped_at ??= steps >= stop_at ? name : null;
      if (stopped_at !== null) throw new Crash(stopped_at);
    },
  });
  steps = 0;
  try {
    motor.perform(action("r", "apply", setup.kernel.target("/app"), WHOLE), 0);
    motor.poll(SECOND_NS);
    swap.finish();
    motor.poll(1.1 * SECOND_NS);
    motor.perform(action("r", "release", setup.kernel.target("/app"), WHOLE), 2 * SECOND_NS);
    motor.poll(3 * SECOND_NS);
    swap.finish();
    motor.poll(3.1 * SECOND_NS);
    motor.close();
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
  }
  return stopped_at;
}

test("killed at any step, the next release leaves the limit as before and the area off", () => {
  const passed: string[] = [];
  for (let stop_at = 1; stop_at < 80; stop_at += 1) {
    using setup = new Setup();
    const swap = new FakeSwap();
    swapping(setup, 0);
    const before = setup.kernel.snapshot();
    const stopped_at = run_until(setup, swap, stop_at);
    if (stopped_at === null) break;
    passed.push(stopped_at);
    setup.forget_lock();
    // What the kernel had begun it ends, whoever asked for it.
    swap.finish();
    const undo = { files: setup.kernel, processes: setup.kernel, swap, boot_id: "this" };
    for (const { status } of release_from_ledger(setup.ledger_dir, undo)) expect(status).toBe("done");
    expect([stopped_at, setup.kernel.snapshot(), swap.on.size]).toEqual([stopped_at, before, 0]);
    expect(release_from_ledger(setup.ledger_dir, undo)).toEqual([]);
  }
  for (const step of ["before swapon", "after swapon", "before swapoff", "after swapoff"])
    expect(passed).toContain(step);
  expect(passed.length).toBeGreaterThan(12);
});

test("a request the kernel does not take does not lock the agent out of its own area", () => {
  using setup = new Setup();
  const swap = new FakeSwap();
  const motor = drawing(setup, swap, 200);
  let_go(motor, setup.kernel);
  swap.refuses = true;
  expect(motor.poll(3 * SECOND_NS)).toMatchObject([{ status: "failed", detail: expect.stringContaining("EAGAIN") }]);
  expect(swap.holds).toBe(0);
  swap.refuses = false;
  expect(motor.poll(14 * SECOND_NS)).toMatchObject([{ status: "pending" }]);
  swap.finish();
  expect(motor.poll(15 * SECOND_NS)).toMatchObject([{ status: "done" }]);
  expect([swap.on.size, swap.holds]).toEqual([0, 0]);
  motor.close();
});
