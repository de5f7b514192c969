import { expect, test } from "bun:test";
import { RUNGS, type Setting } from "../../src/model/containment.ts";
import type { CgroupFiles } from "../../src/motor/files.ts";
import { current_boot_id } from "../../src/motor/ledger.ts";
import { LedgerBusy, take_lock } from "../../src/motor/lock.ts";
import { RecordingMotor } from "../../src/motor/recording.ts";
import { SwitchableMotor } from "../../src/motor/switchable.ts";
import { FileTrouble } from "../../src/motor/trouble.ts";
import { action } from "./fake.ts";
import { SECOND_NS, Setup, with_methods } from "./setup.ts";

const CPU_MAX: Setting = { rung: "cpu_max", quota_us: 20_000, period_us: 100_000 };
const LIMITS = {
  enabled_rungs: RUNGS,
  max_targets_per_minute: 100,
  cooldown_s: 0,
  expiry_s: 3600,
  protect: [],
};

/** A real motor on a kernel in memory, and whether it acts. */
class Switched extends Setup {
  readonly before = this.kernel.snapshot();
  readonly real = this.motor();
  readonly switched: SwitchableMotor;
  readonly target = { cgroup_id: this.app_id, path: "/app", pid: null, tid: null, comm: null } as const;

  constructor(acts: boolean) {
    super();
    this.switched = new SwitchableMotor(
      this.real,
      new RecordingMotor({ ...LIMITS, missing: this.real.missing() }),
      acts,
    );
  }

  override [Symbol.dispose](): void {
    this.switched.close();
    super[Symbol.dispose]();
  }
}

test("while it only records nothing is touched, and each action is one it would do", () => {
  using node = new Switched(false);
  expect(node.switched.name).toBe("recording");
  const outcome = node.switched.perform(action("c1", "apply", node.target, CPU_MAX), 0);
  expect(outcome).toMatchObject({ status: "would_do", ledger_id: null, written: null });
  expect(node.kernel.snapshot()).toBe(node.before);
  expect(node.switched.held()).toMatchObject([{ id: "c1", ledger_id: null }]);
  expect(node.switched.would_do).toBe(1);
});

test("lowered, it releases exactly what is held, tells it at the next poll, and then only records", () => {
  using node = new Switched(true);
  expect(node.switched.perform(action("c1", "apply", node.target, CPU_MAX), 0).status).toBe("done");
  expect(node.kernel.snapshot()).not.toBe(node.before);
  const released = node.switched.switch_to(false, SECOND_NS, "autonomy: detection");
  expect(released).toMatchObject([{ id: "c1", verb: "release", status: "done", ledger_id: expect.any(String) }]);
  expect(node.kernel.snapshot()).toBe(node.before);
  expect(node.real.ledger.entries()).toEqual([]);
  expect(node.switched.poll(2 * SECOND_NS)).toEqual(released);
  expect(node.switched.poll(3 * SECOND_NS)).toEqual([]);
  expect(node.switched.perform(action("c2", "apply", node.target, CPU_MAX), 4 * SECOND_NS).status).toBe("would_do");
  expect(node.kernel.snapshot()).toBe(node.before);
});

test("raised, it forgets what it would hold, tells that, and acts", () => {
  using node = new Switched(false);
  node.switched.perform(action("c1", "apply", node.target, CPU_MAX), 0);
  const ended = node.switched.switch_to(true, SECOND_NS, "armed");
  expect(ended).toMatchObject([{ id: "c1", verb: "release", status: "would_do" }]);
  expect(node.switched.poll(SECOND_NS)).toEqual(ended);
  expect(node.switched.name).toBe("cgroup");
  expect(node.switched.perform(action("c2", "apply", node.target, CPU_MAX), SECOND_NS).status).toBe("done");
  expect(node.switched.release_all(2 * SECOND_NS, "end")).toMatchObject([{ id: "c2", status: "done" }]);
  expect(node.kernel.snapshot()).toBe(node.before);
});

test("moving it to where it is changes nothing", () => {
  using node = new Switched(true);
  node.switched.perform(action("c1", "apply", node.target, CPU_MAX), 0);
  expect(node.switched.switch_to(true, SECOND_NS, "again")).toEqual([]);
  expect(node.switched.held()).toHaveLength(1);
});

test("the ledger is kept while it only records: what a predecessor left is undone, and no other process may act", () => {
  using node = new Setup();
  const before = node.kernel.snapshot();
  const died = node.motor();
  const target = { cgroup_id: node.app_id, path: "/app", pid: null, tid: null, comm: null };
  died.perform(action("c1", "apply", target, CPU_MAX), 0);
  node.forget_lock();
  const switched = new SwitchableMotor(node.motor(), new RecordingMotor(LIMITS), false);
  expect(switched.recovered).toMatchObject([{ id: "c1", status: "done" }]);
  expect(node.kernel.snapshot()).toBe(before);
  expect(() => take_lock(`${node.ledger_dir}/ledger.lock`, current_boot_id())).toThrow(LedgerBusy);
  switched.close();
  take_lock(`${node.ledger_dir}/ledger.lock`, current_boot_id())();
});

test("an undo that takes its time is looked after when it only records, too", () => {
  using setup = new Setup();
  const { kernel } = setup;
  let busy = true;
  const files = with_methods<CgroupFiles>(kernel, {
    remove_directory(path) {
      if (busy && path.includes("hosa-hold")) throw new FileTrouble("rmdir", path, "EBUSY");
      kernel.remove_directory(path);
    },
  });
  const before = kernel.snapshot();
  const real = setup.motor({ files });
  const switched = new SwitchableMotor(real, new RecordingMotor(LIMITS), true);
  switched.perform(action("h", "apply", kernel.target("/app", 41), { rung: "thread_hold", frozen: true }), 0);
  expect(switched.switch_to(false, SECOND_NS, "lowered")).toMatchObject([{ status: "pending" }]);
  expect(real.ledger.entries()).toHaveLength(1);
  switched.poll(2 * SECOND_NS);
  busy = false;
  expect(switched.poll(3.1 * SECOND_NS)).toMatchObject([{ id: "h", verb: "release", status: "done" }]);
  expect(real.ledger.entries()).toEqual([]);
  expect(kernel.snapshot()).toBe(before);
  switched.close();
});

test("release by name goes to whoever holds it: the ledger's to the real one, the recorded to the other", () => {
  using node = new Switched(true);
  node.switched.perform(action("c1", "apply", node.target, CPU_MAX), 0);
  const real = node.switched.held();
  expect(node.switched.let_go(real, 1, "asked")).toMatchObject([{ id: "c1", status: "done" }]);
  node.switched.switch_to(false, 1, "lowered");
  node.switched.perform(action("c2", "apply", node.target, CPU_MAX), 2);
  expect(node.switched.let_go(node.switched.held(), 3, "asked")).toMatchObject([{ id: "c2", status: "would_do" }]);
  expect(node.switched.held()).toEqual([]);
});

test("without a real motor it never acts, and says so when asked to", () => {
  const motor = new SwitchableMotor(null, new RecordingMotor(LIMITS), true);
  expect(motor.name).toBe("recording");
  expect(() => motor.switch_to(true, 0, "armed")).toThrow("no motor that could act");
});
