/** The shield on interfaces: scratch ones, in a scratch namespace, with a bpffs and a ledger of their own. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { interface_index } from "../../src/ffi/interfaces.ts";
import { attached_xdp } from "../../src/ffi/xdp.ts";
import { type Action, NODE, type Setting } from "../../src/model/containment.ts";
import { read_entries } from "../../src/motor/ledger.ts";
import { release_from_ledger } from "../../src/motor/recover.ts";
import { rehearse_shield } from "../../src/motor/shield/rehearsal.ts";
import { ip_link, motor_with, plan_of, Scratch } from "./shield/scratch.ts";

let scratch: Scratch | null = null;
let before = "";

function available(): boolean {
  try {
    new Scratch()[Symbol.dispose]();
    return true;
  } catch (error) {
    console.error(`SKIPPED tests/kernel/shield_rung.test.ts: no scratch interfaces with a shield here: ${error}`);
    return false;
  }
}

const AGENT = join(import.meta.dir, "shield/agent.ts");
const SHED: Setting = { rung: "shield", mode: "shed", admit_share: 0.5 };
const ESSENTIAL: Setting = { rung: "shield", mode: "essential", admit_share: 1 };
const action = (verb: Action["verb"], setting: Setting): Action => ({
  id: "c1",
  verb,
  target: NODE,
  setting,
  reason: "a test",
});
const attached = () => attached_xdp(interface_index("scratch0")!);
const entries = () => [...read_entries(join(scratch!.ledger_dir, "ledger.jsonl")).values()];

describe.skipIf(!available())("the shield", () => {
  beforeEach(() => {
    scratch = new Scratch();
    before = ip_link();
  });
  afterEach(() => scratch?.[Symbol.dispose]());

  test.each([["native"], ["generic"]] as const)(
    "passes its rehearsal in the %s path, and nothing remains",
    (driver) => {
      expect(rehearse_shield(scratch!.program, [driver])).toBeNull();
      expect(ip_link()).toBe(before);
    },
  );

  test.each([["native"], ["generic"]] as const)(
    "goes on and comes off in the %s path, written down before",
    (driver) => {
      const motor = motor_with(scratch!.organ([driver]), scratch!.ledger_dir);
      expect(motor.missing().filter(({ rung }) => rung === "shield")).toEqual([]);
      const applied = motor.perform(action("apply", SHED), 0);
      expect(applied).toMatchObject({
        status: "done",
        prior: "no program",
        written: "shed: 50 % of new flows admitted",
      });
      expect(applied.detail).toContain(`scratch0 (${driver} XDP)`);
      expect(attached()).toBeGreaterThan(0);
      expect(entries()).toMatchObject([{ kind: "shield", rung: "shield", mount: scratch!.pins }]);

      const adjusted = motor.perform(action("adjust", ESSENTIAL), 1);
      expect(adjusted).toMatchObject({ status: "done", written: "essential" });
      expect(motor.poll(2e9)).toEqual([]);

      expect(motor.perform(action("release", ESSENTIAL), 3e9)).toMatchObject({ status: "done" });
      expect(entries()).toEqual([]);
      expect(ip_link()).toBe(before);
      motor.close();
    },
  );

  test("lapses when it is not renewed", () => {
    const motor = motor_with(scratch!.organ(), scratch!.ledger_dir, { expiry_s: 5 });
    motor.perform(action("apply", SHED), 0);
    motor.renew("c1", 4e9);
    expect(motor.poll(8e9)).toEqual([]);
    expect(motor.poll(10e9)).toMatchObject([{ verb: "release", status: "done" }]);
    expect(ip_link()).toBe(before);
    motor.close();
  });

  test("leaves another XDP program where it is, and says so", () => {
    const other = scratch!.program.attach(interface_index("scratch0")!, "scratch0", ["generic"]);
    const id = attached();
    const motor = motor_with(scratch!.organ(), scratch!.ledger_dir);
    const refused = motor.perform(action("apply", SHED), 0);
    expect(refused.status).toBe("refused");
    expect(refused.detail).toContain("already has an XDP program, which is not replaced");
    expect(attached()).toBe(id);
    expect(entries()).toEqual([]);
    motor.close();
    other[Symbol.dispose]();
  });

  test("on two interfaces of which one carries another program it is on the other, and names both", () => {
    const other = scratch!.program.attach(interface_index("scratch1")!, "scratch1", ["generic"]);
    const one = scratch!.organ();
    const both = ["scratch0", "scratch1"];
    const organ = { ...one, plan: () => plan_of("shed", both) };
    const motor = motor_with(organ, scratch!.ledger_dir);
    const applied = motor.perform(action("apply", SHED), 0);
    expect(applied.status).toBe("done");
    expect(applied.detail).toContain("not on scratch1: scratch1 already has an XDP program");
    expect(applied.parts?.map(({ subject, status }) => [subject, status])).toEqual([
      ["scratch0", "done"],
      ["scratch1", "refused"],
    ]);
    expect(attached()).toBeGreaterThan(0);
    expect(entries()[0]?.file).toBe("XDP of scratch0");
    expect(motor.perform(action("release", SHED), 1).status).toBe("done");
    expect(attached()).toBe(0);
    const isolated = motor.isolate(plan_of("isolate", both), 2);
    expect(isolated.refused?.map(({ subject }) => subject)).toEqual(["scratch1"]);
    expect(attached()).toBeGreaterThan(0);
    motor.close();
    other[Symbol.dispose]();
    release_from_ledger(scratch!.ledger_dir);
    expect(ip_link()).toBe(before);
  });

  test("moves from a bridge to the card below it, and back where that cannot be", () => {
    const ip = (...words: readonly string[]) => Bun.spawnSync(["ip", "link", ...words]).success;
    if (!ip("add", "upper0", "type", "bridge")) {
      console.error("SKIPPED: this kernel has no bridges");
      return;
    }
    expect(ip("set", "scratch0", "master", "upper0") && ip("set", "upper0", "up")).toBe(true);
    const on = (name: string) => attached_xdp(interface_index(name)!) > 0;
    const { shield } = scratch!.organ();
    shield.apply(plan_of("essential", ["upper0"]), 0);
    expect([on("upper0"), on("scratch0")]).toEqual([true, false]);
    expect(() => shield.apply(plan_of("isolate", ["scratch0", "nowhere"]), 0)).toThrow("no interface nowhere");
    expect([on("upper0"), on("scratch0")]).toEqual([true, false]);
    shield.apply(plan_of("isolate", ["scratch0"]), 0);
    expect([on("upper0"), on("scratch0")]).toEqual([false, true]);
    shield.undo();
    expect([on("upper0"), on("scratch0")]).toEqual([false, false]);
    expect(ip("del", "upper0")).toBe(true);
  });

  test("on two interfaces is on both or on none", () => {
    const { shield } = scratch!.organ();
    expect(() => shield.apply(plan_of("essential", ["scratch0", "nowhere"]), 0)).toThrow(
      "there is no interface nowhere",
    );
    expect(ip_link()).toBe(before);
    const on = shield.apply(plan_of("essential", ["scratch0", "scratch1"]), 0);
    expect(on.map(({ name, pinned }) => [name, pinned])).toEqual([
      ["scratch0", false],
      ["scratch1", false],
    ]);
    shield.apply(plan_of("essential", ["scratch1"]), 1);
    expect(attached()).toBe(0);
    shield.undo();
    shield.undo();
    expect(ip_link()).toBe(before);
  });

  test("an isolation takes over in place, is pinned, and ends only with a release", () => {
    const motor = motor_with(scratch!.organ(), scratch!.ledger_dir);
    motor.perform(action("apply", ESSENTIAL), 0);
    const id = attached();
    const { ledger_id } = motor.isolate(plan_of("isolate"), 1);
    expect(attached()).toBe(id);
    expect(readdirSync(scratch!.pins)).toContain("program");
    expect(entries()).toMatchObject([{ id: ledger_id, kind: "shield", until: "release" }]);
    expect(motor.live()).toEqual([]);
    expect(motor.perform({ ...action("apply", SHED), id: "c2" }, 2).status).toBe("refused");
    motor.release_all(3, "hosa ends");
    motor.close();
    expect(attached()).toBe(id);

    // The agent that comes next leaves it alone.
    const next = motor_with(scratch!.organ(), scratch!.ledger_dir);
    expect(next.recovered).toEqual([]);
    expect(next.missing().find(({ rung }) => rung === "shield")?.why).toContain("an earlier quarantine is in force");
    next.close();
    expect(attached()).toBe(id);

    expect(release_from_ledger(scratch!.ledger_dir)).toMatchObject([{ status: "done", rung: "shield" }]);
    expect(existsSync(scratch!.pins)).toBe(false);
    expect(ip_link()).toBe(before);
    expect(release_from_ledger(scratch!.ledger_dir)).toEqual([]);
  });

  test("an isolation that cannot be pinned changes nothing", () => {
    const organ = { ...scratch!.organ(), pins: "/tmp/nowhere/hosa" };
    const motor = motor_with(organ, scratch!.ledger_dir);
    motor.perform(action("apply", ESSENTIAL), 0);
    Bun.spawnSync(["umount", scratch!.bpffs]);
    expect(() => motor.isolate(plan_of("isolate"), 1)).toThrow("is no bpffs");
    expect(motor.live()).toHaveLength(1);
    expect(entries()).toHaveLength(1);
    motor.release_all(2, "the test ends");
    expect(ip_link()).toBe(before);
    motor.close();
  });

  test.each([
    ["shed", "open"],
    ["essential", "open"],
    ["isolate", "closed"],
  ] as const)(
    "when its agent is killed in %s, the network is %s",
    async (mode, outcome) => {
      const agent = Bun.spawn(["bun", AGENT, mode, scratch!.pins, scratch!.ledger_dir], {
        stdout: "pipe",
        stderr: "inherit",
      });
      const reader = agent.stdout.getReader();
      const said = new TextDecoder().decode((await reader.read()).value);
      expect(JSON.parse(said).outcome.status).toBe("done");
      expect(attached()).toBeGreaterThan(0);
      agent.kill("SIGKILL");
      await agent.exited;
      await until(() => mode === "isolate" || attached() === 0);
      expect(attached() > 0).toBe(outcome === "closed");

      const undone = release_from_ledger(scratch!.ledger_dir);
      expect(undone).toMatchObject([{ status: "done", rung: "shield" }]);
      expect(existsSync(scratch!.pins)).toBe(false);
      expect(entries()).toEqual([]);
      expect(ip_link()).toBe(before);
    },
    30_000,
  );
});

/** The kernel takes a closed link off in its own time. */
async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500 && !condition(); tries++) await Bun.sleep(10);
}
