import { describe, expect, test } from "bun:test";
import { replan } from "../../src/agent/replay.ts";
import { decide } from "../../src/decision/decide.ts";
import { plan_quarantine } from "../../src/decision/quarantine.ts";
import { initial_state } from "../../src/decision/state.ts";
import type { GroupFacts, ProcessFacts } from "../../src/model/precondition.ts";
import {
  ENVIRONMENTS,
  type Environment,
  type EnvironmentFinding,
  type Inhabited,
  type QuarantineFacts,
  type QuarantineStep,
  type QuarantineStepName,
} from "../../src/model/quarantine.ts";
import { assessment, CONFIG, growth, MIB, search } from "./fixtures.ts";
import { process_facts } from "./precondition.fixtures.ts";
import { cgroup, facts, link, lives, SETTINGS } from "./quarantine.fixtures.ts";

function step<N extends QuarantineStepName>(name: N, given: QuarantineFacts, settings = SETTINGS) {
  const found = plan_quarantine(given, settings).steps.find((each) => each.name === name);
  return { ...found!, todo: found?.todo as Extract<QuarantineStep, { step: N }> | null };
}

const done = (environment: EnvironmentFinding) =>
  plan_quarantine(facts(environment), SETTINGS).steps.flatMap((each) => (each.todo === null ? [] : [each.name]));

describe("what is done where, in which order (SPEC §8)", () => {
  test.each([
    ["bare_metal_bmc", ["evidence", "isolate", "links_down", "freeze"]],
    ["cloud_vm", ["evidence", "isolate", "freeze"]],
    ["kubernetes", ["evidence", "taint", "freeze"]],
    ["edge_physical", ["evidence", "isolate", "links_down", "freeze"]],
    ["edge_remote", ["evidence", "conservative", "isolate", "links_down", "freeze", "watchdog"]],
    ["airgap", ["evidence", "isolate", "links_down", "freeze"]],
  ] as const)("%s", (environment, expected) => {
    expect(done(lives(environment))).toEqual([...expected]);
  });

  test("evidence and the last word come before anything is changed", () => {
    for (const environment of ENVIRONMENTS) {
      const plan = plan_quarantine(facts(lives(environment), { webhook: true }), SETTINGS);
      expect(plan.steps.slice(0, 2).map((each) => each.todo?.step)).toEqual(["evidence", "webhook"]);
    }
  });

  test("a successor keeps the evidence of when it began", () => {
    const found = step("evidence", facts(lives("cloud_vm"), { evidence: "/var/log/hosa/quarantine-1" }));
    expect(found.todo).toBeNull();
    expect(found.because).toContain("/var/log/hosa/quarantine-1 was written when the quarantine began");
  });

  test("switched off, nothing is done, and it says so", () => {
    const plan = plan_quarantine(facts(lives("airgap")), { ...SETTINGS, enabled: false });
    expect(plan.steps.every((each) => each.todo === null)).toBe(true);
    expect(plan.steps[0]?.because).toContain("quarantine.enabled is false");
  });
});

describe("links", () => {
  test("a wrong guess takes no link down", () => {
    for (const environment of ENVIRONMENTS) {
      expect(step("links_down", facts(lives(environment, "ambiguous"))).todo).toBeNull();
    }
  });

  test("a VLAN goes before the link it stands on, and neither the way in nor what is down is touched", () => {
    const { todo, spared } = step("links_down", facts(lives("bare_metal_bmc", "evidence")));
    expect(todo?.links).toEqual([
      { id: 4, path: "eth1.7" },
      { id: 3, path: "eth1" },
    ]);
    expect(spared).toEqual(["eth0: management (the default route uses it)"]);
  });

  test("the operator's way in is never taken down, wherever the node lives", () => {
    const ways_in = (["configured", "found"] as const).map((how) =>
      link(how, how === "configured" ? 50 : 51, { management: { configured: how === "configured", why: "test" } }),
    );
    for (const environment of ENVIRONMENTS) {
      const { todo } = step("links_down", facts(lives(environment), { interfaces: [...ways_in, link("other", 52)] }));
      expect(todo?.links.map((each) => each.path) ?? []).not.toContain("configured");
      expect(todo?.links.map((each) => each.path) ?? []).not.toContain("found");
    }
  });
});

describe("the shield", () => {
  const shield = (environment: Environment, more: Partial<QuarantineFacts> = {}) =>
    step("isolate", facts(lives(environment), more)).todo?.shield;

  test("a cloud VM keeps the metadata service, DHCP, the control plane and the operator", () => {
    expect(shield("cloud_vm")).toEqual({
      mode: "isolate",
      interfaces: ["eth0", "eth1", "eth2"],
      admit_share: 0,
      ports: [
        { protocol: "tcp", port: 22 },
        { protocol: "tcp", port: 2222 },
      ],
      cidrs: ["169.254.169.254/32", "fd00:ec2::254/128", "10.9.0.0/24", "192.0.2.7/32", "2001:db8::7/128"],
      remains: { established: false, dns: false, dhcp: true, ping: false },
    });
  });

  test("an air-gapped node admits nobody", () => {
    const plan = shield("airgap");
    expect(plan).toMatchObject({ ports: [], cidrs: [] });
    expect(Object.values(plan?.remains ?? { none: true })).toEqual([false, false, false, false]);
  });

  test("a configured management interface is left alone, one that was only found is shielded", () => {
    const interfaces = [
      link("bmc0", 2, { management: { configured: true, why: "named" } }),
      link("eth0", 3, { management: { configured: false, why: "the default route uses it" } }),
      link("wwan0", 4, { ethernet: false }),
    ];
    const { todo, spared } = step("isolate", facts(lives("bare_metal_bmc"), { interfaces }));
    expect(todo?.shield.interfaces).toEqual(["eth0"]);
    expect(spared).toEqual(["bmc0: named", "wwan0: not an Ethernet interface: it cannot be shielded"]);
  });

  test("a container's own end of a veth leads outside, a port of a bridge does not", () => {
    const interfaces = [
      link("eth0", 2, { physical: false }),
      link("br0", 3, { physical: false, lowers: ["tap0"] }),
      link("tap0", 4, { physical: false, enslaved: true }),
    ];
    expect(shield("cloud_vm", { interfaces })?.interfaces).toEqual(["eth0"]);
  });
});

describe("the freezer", () => {
  test("takes the leaves in which nothing brings the operator in, and no slice", () => {
    const { todo } = step("freeze", facts(lives("cloud_vm")));
    expect(todo?.cgroups.map((each) => each.path)).toEqual([
      "/system.slice/payment.service",
      "/user.slice/user-1000.slice/work.scope",
      "/batch.slice/one",
      "/batch.slice/two",
    ]);
  });

  test("says of everything it leaves alone why", () => {
    const { refused = [] } = step("freeze", facts(lives("cloud_vm")));
    const why = Object.fromEntries(refused.map((each) => [each.path, each.unmet]));
    expect(why["/user.slice/user-0.slice/session-3.scope"]).toMatchObject({ code: "protected_path", meaning: "login" });
    expect(why["/system.slice/system-getty.slice/getty@tty1.service"]).toMatchObject({ meaning: "login" });
    expect(why["/system.slice/hosa.service"]).toMatchObject({ code: "self" });
    expect(why["/system.slice/qemu-guest-agent.service"]).toMatchObject({ meaning: "management_agent" });
    expect(why["/keep.slice"]).toMatchObject({ code: "protected_by_config", pattern: "/keep.slice" });
  });

  test("asks of each leaf what the preconditions of a freeze ask, whatever the level", () => {
    const known = (more: Partial<GroupFacts>, process: Partial<ProcessFacts>) => {
      const path = "/app.slice/app.service";
      const group = { path, delegated: null, watchdog_s: null, ...more };
      return cgroup(5, path, ["app"], { group, processes: [process_facts({ path, ...process })], unread: [] });
    };
    const why = (one: Inhabited) => step("freeze", facts(lives("cloud_vm"), { cgroups: [one] })).refused?.[0]?.unmet;
    expect(why(known({}, {}))).toBeUndefined();
    expect(why(known({ delegated: "user.delegate" }, {}))).toMatchObject({ code: "delegated" });
    expect(why(known({ watchdog_s: 3 }, {}))).toMatchObject({ code: "watchdog", watchdog_s: 3 });
    expect(why(known({}, { signal: "SIGTERM" }))).toMatchObject({ code: "being_ended", signal: "SIGTERM" });
    expect(why(known({}, { parent: "conmon" }))).toMatchObject({ code: "runtime_owned", runtime: "conmon" });
    expect(why(known({}, { devices: ["/dev/kvm"] }))).toMatchObject({ code: "virtual_machine" });
    expect(why(known({}, { comm: "chronyd" }))).toMatchObject({ code: "essential_program", meaning: "clock" });
  });

  test("a slice is frozen only where no service manager could start something in it", () => {
    const cgroups = [cgroup(7, "/jobs.slice", ["job"])];
    const plan = (manager: QuarantineFacts["manager"]) =>
      step("freeze", facts(lives("cloud_vm"), manager === undefined ? { cgroups } : { cgroups, manager }));
    expect(plan(null).todo?.cgroups.map((each) => each.path)).toEqual(["/jobs.slice"]);
    expect(plan({ name: "systemd", version: 257 }).refused?.[0]?.unmet).toMatchObject({ code: "manager_may_spawn" });
    expect(plan(undefined).todo).toBeNull();
  });

  test("a child in which a predecessor froze is no cgroup of its own", () => {
    const cgroups = [
      cgroup(7, "/app.slice/app.service", ["app"]),
      cgroup(8, "/app.slice/app.service/hosa-freeze", ["app"], { frozen: true }),
    ];
    const { todo } = step("freeze", facts(lives("cloud_vm"), { cgroups }));
    expect(todo?.cgroups.map((each) => each.path)).toEqual(["/app.slice/app.service"]);
  });

  test("leaves alone what was not looked at as a whole", () => {
    const cgroups = [cgroup(1, "/big.slice", [], { whole: false }), cgroup(2, "/big.slice/one", ["x"])];
    const { todo } = step("freeze", facts(lives("cloud_vm"), { cgroups, cgroups_left_out: 3 }));
    expect(todo?.cgroups.map((each) => each.path)).toEqual(["/big.slice/one"]);
  });

  test("is bounded, and keeps the largest", () => {
    const cgroups = Array.from({ length: 200 }, (_, i) => cgroup(i + 1, `/s${i + 1}`, ["x"]));
    const { todo, spared } = step("freeze", facts(lives("cloud_vm"), { cgroups }));
    expect(todo?.cgroups).toHaveLength(128);
    expect(todo?.cgroups.map((each) => each.path)).toContain("/s200");
    expect(spared.join()).toContain("72 cgroup(s) beyond the bound");
  });
});

test("without a watchdog or a node's name these steps are left out, with the reason", () => {
  const unarmed = step("watchdog", facts(lives("edge_remote")), { ...SETTINGS, watchdog: "" });
  expect(unarmed.todo).toBeNull();
  expect(unarmed.because).toContain("quarantine.watchdog names no device");
  const nameless = step("taint", facts(lives("kubernetes"), { node_name: null }));
  expect(nameless.todo).toBeNull();
  expect(nameless.because).toContain("NODE_NAME");
});

test("a recorded plan is made again from its facts, and one that was changed is not", () => {
  for (const environment of ENVIRONMENTS) {
    const input = { facts: facts(lives(environment)), settings: SETTINGS };
    const recorded = JSON.parse(JSON.stringify({ input, plan: plan_quarantine(input.facts, input.settings) }));
    expect(replan(recorded)).toEqual({ identical: true, difference: "" });
    recorded.input.facts.own_path = "/elsewhere";
    recorded.input.facts.cgroups[3].comms = ["sshd"];
    expect(replan(recorded).identical).toBe(false);
  }
});

describe("the level machine", () => {
  const worse = assessment({ d_smooth: 20, velocity: 3, growth: [growth(50 * MIB, 0.5, 800 * MIB)], search: search() });

  test("in quarantine nothing narrower is begun", () => {
    const { decision } = decide(worse, initial_state(1e9, 5), CONFIG, 1e9);
    expect(decision.level).toBe(5);
    expect(decision.actions).toEqual([]);
    expect(decision.inaction).toContain("quarantine");
  });

  test("a conservative agent goes no higher than its ceiling, and says why", () => {
    const failed = { ...initial_state(1e9), level: 2 as const, failures: 2 };
    expect(decide(worse, failed, CONFIG, 1e9).decision.level).toBe(4);
    const { decision } = decide(worse, failed, { ...CONFIG, ceiling: 2 }, 1e9);
    expect(decision.level).toBe(2);
    expect(decision.rule).toContain("not above level 2 in conservative mode");
    const silent = decide(worse, initial_state(1e9), { ...CONFIG, ceiling: 0 }, 1e9).decision;
    expect(silent.level).toBe(0);
    expect(silent.actions).toEqual([]);
  });

  test("a quarantine that was found is not left by itself", () => {
    let state = initial_state(0, 5);
    for (let t_s = 0; t_s < 1000; t_s += 50) {
      const next = decide(assessment(), state, CONFIG, t_s * 1e9);
      expect(next.decision.level).toBe(5);
      state = next.state;
    }
  });
});
