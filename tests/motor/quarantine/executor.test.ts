import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { QuarantineStep } from "../../../src/model/quarantine.ts";
import type { ShieldPlan } from "../../../src/model/shield.ts";
import {
  conservative_item,
  found_conservative,
  found_mark,
  release_conservative,
} from "../../../src/motor/quarantine/found.ts";
import { RecordingQuarantine } from "../../../src/motor/quarantine/recording.ts";
import { release_from_ledger } from "../../../src/motor/recover.ts";
import { plan_of, World } from "./world.ts";

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.remove());

const SHIELD: ShieldPlan = {
  mode: "isolate",
  interfaces: ["eth0"],
  admit_share: 0,
  ports: [],
  cidrs: [],
  remains: { established: false, dns: false, dhcp: true, ping: false },
};

function all_steps(): readonly QuarantineStep[] {
  return [
    { step: "evidence" },
    { step: "conservative", marker: world.marker },
    ...without_shield(),
    { step: "watchdog", device: world.watchdog, after_min: 30 },
  ];
}

function without_shield(): readonly QuarantineStep[] {
  return [
    { step: "taint", node: "node-1" },
    {
      step: "links_down",
      links: [
        { id: 3, path: "eth1" },
        { id: 5, path: "eth2" },
      ],
    },
    {
      step: "freeze",
      cgroups: ["/pay.slice", "/batch.slice/one"].map((path) => ({ id: world.id(path), path })),
    },
  ];
}

const frozen = (path: string) => world.kernel.get(path, "cgroup.freeze");

/** As `hosa release` does with no agent running, after the taint. */
function release() {
  world.ledger.close();
  return release_from_ledger(world.ledger_dir, {
    boot_id: "boot",
    files: world.kernel,
    processes: world.kernel,
    world: world.undo_world,
  });
}

describe("entering", () => {
  test("every step in its order, each written down before it is done", async () => {
    const before: string[] = [];
    world.step = (name) => {
      if (name.startsWith("after")) return;
      const open = world.ledger.entries().map((entry) => `${entry.kind} ${entry.path}`);
      before.push(`${name} | ${open.at(-1)}`);
    };
    await world.enter([{ step: "evidence" }, { step: "isolate", shield: SHIELD }, ...without_shield()]);
    expect(world.log[0]).toBe("evidence");
    expect(before).toEqual([
      "isolate | file eth0",
      "taint node-1 | taint node-1",
      "link eth1 down | link eth2",
      "link eth2 down | link eth2",
      "write /pay.slice/cgroup.freeze 1 | file /pay.slice",
      "write /batch.slice/one/cgroup.freeze 1 | file /batch.slice/one",
    ]);
    expect(world.ledger.entries()[0]).toMatchObject({ kind: "quarantine", until: "release" });
    expect(world.told.map((each) => `${each.step} ${each.subject} ${each.status}`)).toEqual([
      "evidence disk done",
      "isolate eth0 done",
      "taint node-1 done",
      "links_down eth1 done",
      "links_down eth2 done",
      "freeze /pay.slice done",
      "freeze /batch.slice/one done",
    ]);
  });

  test("what the motor held in a cgroup is let go of before it is frozen", async () => {
    await world.enter(without_shield());
    const at = world.log.findIndex((each) => each.startsWith("take over"));
    expect(world.log[at]).toBe("take over /pay.slice /batch.slice/one");
    expect(world.log[at + 1]).toBe("write /pay.slice/cgroup.freeze 1");
  });

  test("a disk that hangs or refuses does not keep the node open", async () => {
    world.evidence = () => new Promise(() => {});
    await world.enter([{ step: "evidence" }, ...without_shield()]);
    expect(world.told[0]).toMatchObject({ step: "evidence", status: "pending" });
    expect(frozen("/pay.slice")).toBe("1");
    const other = new World();
    other.evidence = () => Promise.reject(new Error("ENOSPC"));
    await other.enter([
      { step: "evidence" },
      { step: "freeze", cgroups: [{ id: other.id("/pay.slice"), path: "/pay.slice" }] },
    ]);
    expect(other.told[0]).toMatchObject({ status: "failed", detail: "ENOSPC" });
    expect(other.kernel.get("/pay.slice", "cgroup.freeze")).toBe("1");
    other.remove();
  });

  test("a step that fails leaves the others to be done", async () => {
    world.api_fails = true;
    world.links.all.delete("eth1");
    await world.enter(without_shield());
    expect(world.told.map((each) => `${each.subject} ${each.status}`)).toEqual([
      "node-1 failed",
      "eth1 gone",
      "eth2 done",
      "/pay.slice done",
      "/batch.slice/one done",
    ]);
  });

  test("an interface whose name has passed to another device is left alone", async () => {
    world.links.all.get("eth1")!.index = 99;
    await world.enter(without_shield());
    expect(world.told.find((each) => each.subject === "eth1")).toMatchObject({ status: "gone" });
    expect(world.links.is_up("eth1")).toBe(true);
  });

  test("an interface with more routes than can be written down is left up", async () => {
    world.links.all.get("eth1")!.routes = ["3:a", "3:b", "3:c", "3:d"];
    await world.enter(without_shield());
    expect(world.told.find((each) => each.subject === "eth1")).toMatchObject({ status: "refused" });
    expect(world.links.is_up("eth1")).toBe(true);
  });

  test("a cgroup that is guarded, frozen by somebody else or made anew is left alone", async () => {
    world.kernel.add_cgroup("/guarded.slice");
    world.kernel.set("/batch.slice/one", "cgroup.freeze", "1\n");
    const cgroups = ["/guarded.slice", "/batch.slice/one"].map((path) => ({ id: world.id(path), path }));
    await world.enter([{ step: "freeze", cgroups: [...cgroups, { id: 4711, path: "/pay.slice" }] }]);
    expect(world.told.map((each) => each.status)).toEqual(["refused", "refused", "gone"]);
    expect(frozen("/pay.slice")).toBe("0");
  });

  test("a freeze the kernel does not confirm stays asked for, and is said to be", async () => {
    world.kernel.freezes_at_once = false;
    await world.enter(without_shield());
    expect(world.told.at(-1)).toMatchObject({ status: "pending" });
    expect(world.told.at(-1)?.detail).toContain("not still within 2 s");
    expect(frozen("/pay.slice")).toBe("1");
  });
});

describe("leaving", () => {
  test("without an agent everything is as before, and a second release finds nothing", async () => {
    const before = world.snapshot();
    await world.enter(without_shield().slice(1));
    expect(world.snapshot()).not.toBe(before);
    const outcomes = release();
    expect(outcomes.map((each) => `${each.rung} ${each.status}`)).toEqual([
      "freeze done",
      "freeze done",
      "link_down done",
      "link_down done",
      "quarantine done",
    ]);
    expect(world.snapshot()).toBe(before);
    expect(release_from_ledger(world.ledger_dir, { boot_id: "boot" })).toEqual([]);
  });

  test("with the agent too, the taint first", async () => {
    const before = world.snapshot();
    const quarantine = await world.enter(all_steps());
    const outcomes = await quarantine.leave("released");
    expect(outcomes[0]).toMatchObject({ rung: "taint", status: "done" });
    expect(outcomes.at(-1)).toMatchObject({ rung: "quarantine", status: "done" });
    expect(world.snapshot()).toBe(before);
    expect(existsSync(world.marker)).toBe(false);
    expect(readFileSync(world.watchdog, "latin1").endsWith("V")).toBe(true);
    expect(world.ledger.entries()).toEqual([]);
  });

  test("a taint that was there before is not ours to remove", async () => {
    world.taints.add("node-1");
    const quarantine = await world.enter(without_shield());
    expect(world.told[0]).toMatchObject({ step: "taint", status: "done", ledger_id: null });
    await quarantine.leave("released");
    expect([...world.taints]).toEqual(["node-1"]);
  });

  test("as long as anything stands the node is in quarantine, and the next release tries again", async () => {
    const quarantine = await world.enter(without_shield());
    world.api_fails = true;
    const outcomes = await quarantine.leave("released");
    expect(outcomes.find((each) => each.rung === "taint")).toMatchObject({ status: "failed" });
    expect(outcomes.find((each) => each.rung === "taint")?.detail).toContain("kubectl taint node node-1");
    expect(outcomes.at(-1)).toMatchObject({ rung: "quarantine", status: "failed" });
    expect(frozen("/pay.slice")).toBe("0");
    expect(found_mark(world.ledger_dir, "boot")).not.toBeNull();
    world.api_fails = false;
    expect((await quarantine.leave("released")).map((each) => each.status)).toEqual(["done", "done"]);
    expect(found_mark(world.ledger_dir, "boot")).toBeNull();
  });

  test("what the operator changed meanwhile stays his", async () => {
    await world.enter(without_shield().slice(1));
    world.links.set_up("eth1", true);
    world.kernel.write("/cg/pay.slice/cgroup.freeze", "0");
    const outcomes = release();
    expect(outcomes.every((each) => each.status === "done")).toBe(true);
    expect(world.links.all.get("eth1")).toMatchObject({ up: true, routes: ["3:default"] });
  });

  test("a route that cannot be put back is said, and does not hold up the rest", async () => {
    await world.enter(without_shield().slice(1));
    world.links.refuses_routes = true;
    const eth1 = release().find((each) => each.target.path === "eth1");
    expect(eth1).toMatchObject({ status: "drifted" });
    expect(eth1?.detail).toContain("ENETUNREACH");
    expect(world.links.is_up("eth1")).toBe(true);
    expect(found_mark(world.ledger_dir, "boot")).toBeNull();
  });
});

describe("an agent that dies", () => {
  class Killed extends Error {}

  test("at any step: what was done is undone to the byte by a release, and taken up again by a successor", async () => {
    const count = await steps_of_a_whole_quarantine();
    expect(count).toBe(8);
    for (let stop_at = 0; stop_at < count; stop_at++) {
      for (const heal of ["release", "restart"] as const) {
        const each = new World();
        world.remove();
        world = each;
        const before = each.snapshot();
        let steps = 0;
        each.step = () => {
          if (steps++ === stop_at) throw new Killed("kill -9");
          if (steps > stop_at + 1) throw new Killed("dead already");
        };
        await each.enter(without_shield().slice(1));
        expect(found_mark(each.ledger_dir, "boot")).not.toBeNull();
        each.step = () => {};
        if (heal === "restart") {
          each.restart();
          each.told.length = 0;
          await each.enter(without_shield().slice(1));
          expect(each.told.map((one) => one.status)).toEqual(["done", "done", "done", "done"]);
          expect(each.links.is_up("eth1")).toBe(false);
          expect(frozen("/batch.slice/one")).toBe("1");
        }
        release();
        expect(each.snapshot()).toBe(before);
      }
    }
  });

  async function steps_of_a_whole_quarantine(): Promise<number> {
    const other = new World();
    await other.enter(without_shield_of(other));
    other.remove();
    return 2 * other.log.filter((each) => !each.startsWith("take over")).length;
  }

  const without_shield_of = (other: World): readonly QuarantineStep[] => [
    {
      step: "links_down",
      links: [
        { id: 3, path: "eth1" },
        { id: 5, path: "eth2" },
      ],
    },
    { step: "freeze", cgroups: ["/pay.slice", "/batch.slice/one"].map((path) => ({ id: other.id(path), path })) },
  ];
});

describe("an edge node nobody reaches", () => {
  const fed = () => readFileSync(world.watchdog, "latin1").split("\0").length - 1;

  test("its watchdog is fed every second until the time is up, then no longer", async () => {
    const quarantine = await world.enter([{ step: "watchdog", device: world.watchdog, after_min: 0.1 }]);
    expect(fed()).toBe(1);
    quarantine.at_leisure(world.now_ns + 0.5e9);
    expect(fed()).toBe(1);
    for (let t_s = 1; t_s <= 10; t_s++) quarantine.at_leisure(world.now_ns + t_s * 1e9);
    expect(fed()).toBe(6);
    expect(world.told.at(-1)?.detail).toContain("no longer fed");
    expect(world.told.filter((each) => each.detail.includes("no longer fed"))).toHaveLength(1);
  });

  test("a restarted agent goes on with the old time", async () => {
    const first = await world.enter([{ step: "watchdog", device: world.watchdog, after_min: 1 }]);
    await first.close();
    world.restart();
    world.now_ns += 50e9;
    const second = await world.enter([{ step: "watchdog", device: world.watchdog, after_min: 1 }]);
    const before = fed();
    second.at_leisure(world.now_ns + 9e9);
    second.at_leisure(world.now_ns + 11e9);
    second.at_leisure(world.now_ns + 12e9);
    expect(fed()).toBe(before + 1);
    expect(readFileSync(world.watchdog, "latin1")).not.toContain("V");
  });

  test("a watchdog that cannot be opened is said, and nothing is left to undo", async () => {
    await world.enter([{ step: "watchdog", device: join(world.root, "none"), after_min: 1 }]);
    expect(world.told[0]).toMatchObject({ step: "watchdog", status: "gone" });
    expect(world.ledger.entries().map((each) => each.kind)).toEqual(["quarantine"]);
    expect(existsSync(join(world.root, "none"))).toBe(false);
  });

  test("after a reboot its marker makes the agent conservative until a release", async () => {
    await world.enter([{ step: "conservative", marker: world.marker }]);
    expect(found_conservative(world.marker, "boot")).toBeNull();
    expect(found_conservative(world.marker, "next-boot")).toBe("2026-01-01T00:00:00.000Z");
    // The ledger lay on tmpfs, or speaks of another boot.
    expect(found_mark(world.ledger_dir, "next-boot")).toBeNull();
    expect(conservative_item(world.marker)).toMatchObject({ now: "present", restores: "absent", quarantine: true });
    expect(existsSync(world.marker)).toBe(true);
    expect(release_conservative(world.marker)).toMatchObject({ rung: "conservative", status: "done" });
    expect(found_conservative(world.marker, "next-boot")).toBeNull();
    expect(conservative_item(world.marker)).toBeNull();
    expect(release_conservative(world.marker)).toBeNull();
  });

  test("a damaged marker is one", async () => {
    await Bun.write(world.marker, "{");
    expect(found_conservative(world.marker, "boot")).toContain("damaged");
  });
});

test("a dry run says every step and touches nothing", () => {
  const before = world.snapshot();
  const told: string[] = [];
  const dry = new RecordingQuarantine((outcome) => told.push(`${outcome.step} ${outcome.subject}: ${outcome.detail}`));
  dry.enter(plan_of([...all_steps(), { step: "isolate", shield: SHIELD }]));
  expect(told).toHaveLength(9);
  expect(told.every((each) => each.includes("dry run: would be done"))).toBe(true);
  expect(world.snapshot()).toBe(before);
  expect(world.ledger.entries()).toEqual([]);
  expect(readFileSync(world.watchdog, "latin1")).toBe("");
});

describe("what stands still and must not", () => {
  const UNIT = "/app.slice/app.service";

  /** A unit frozen by level 5 beside a cgroup that is none. */
  async function in_force() {
    world.kernel.manager = { name: "systemd", version: 257 };
    for (const path of ["/app.slice", UNIT, "/plain"]) world.kernel.add_cgroup(path);
    world.kernel.add_thread(50, 50, UNIT);
    world.kernel.add_thread(51, 51, "/plain");
    const cgroups = [UNIT, "/plain"].map((path) => ({ id: world.id(path), path }));
    const quarantine = await world.enter([{ step: "freeze", cgroups }]);
    world.told.length = 0;
    return quarantine;
  }
  const second = (quarantine: ReturnType<World["quarantine"]>) => {
    world.now_ns += 1e9;
    for (let beat = 0; beat < 10; beat++) quarantine.at_leisure(world.now_ns + beat * 1e8);
  };

  test("a unit is frozen in its child, and leaving gives everything back", async () => {
    world.kernel.manager = { name: "systemd", version: 257 };
    const quarantine = await in_force();
    expect(frozen(UNIT)).toBe("0");
    expect(frozen(`${UNIT}/hosa-freeze`)).toBe("1");
    expect(frozen("/plain")).toBe("1");
    second(quarantine);
    expect(world.told).toEqual([]);
    await quarantine.leave("released");
    expect(world.kernel.thread_of(50).cgroup_path).toBe(UNIT);
    expect(frozen("/plain")).toBe("0");
  });

  test("what is asked to end is thawed within a second, the rest is not", async () => {
    const quarantine = await in_force();
    world.kernel.thread_of(50).ending = true;
    second(quarantine);
    expect(world.told).toMatchObject([
      { step: "freeze", subject: UNIT, status: "done", detail: expect.stringContaining("asked to end") },
    ]);
    expect(world.kernel.thread_of(50).cgroup_path).toBe(UNIT);
    expect(frozen("/plain")).toBe("1");
  });

  test("a command that the manager starts in a frozen unit thaws it", async () => {
    const quarantine = await in_force();
    world.kernel.add_thread(60, 60, UNIT);
    second(quarantine);
    expect(world.told).toMatchObject([{ subject: UNIT, detail: expect.stringContaining("process 60 was started in") }]);
  });

  test("a successor knows what its predecessor froze, and watches it", async () => {
    await in_force();
    world.restart();
    const successor = world.quarantine();
    world.kernel.thread_of(51).ending = true;
    second(successor);
    expect(world.told).toMatchObject([{ subject: "/plain", status: "done" }]);
  });

  test("an agent that ends with the node frees everything to end, one that ends alone nothing", async () => {
    const alone = await in_force();
    await alone.close();
    expect(frozen("/plain")).toBe("1");
    world.kernel.thread_of(51).ending = true;
    await world.quarantine().close();
    expect(frozen("/plain")).toBe("0");
    expect(world.kernel.thread_of(50).cgroup_path).toBe(UNIT);
  });

  test("a dry run refuses what the real one would refuse", async () => {
    world.kernel.add_cgroup("/guarded.slice");
    const { guard } = world.context();
    const recording = new RecordingQuarantine((outcome) => world.told.push(outcome), guard);
    const cgroups = ["/guarded.slice", "/pay.slice"].map((path) => ({ id: world.id(path), path }));
    recording.enter(plan_of([{ step: "freeze", cgroups }]));
    expect(world.told.map(({ subject, status }) => `${subject} ${status}`)).toEqual([
      "/guarded.slice refused",
      "/pay.slice done",
    ]);
  });
});
