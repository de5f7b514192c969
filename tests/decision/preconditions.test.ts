import { describe, expect, test } from "bun:test";
import { decide } from "../../src/decision/decide.ts";
import { is_expendable, unmet, unmet_by_path } from "../../src/decision/preconditions.ts";
import { protection } from "../../src/decision/protect.ts";
import { SAFETY_LIST } from "../../src/decision/safety_list.ts";
import { type DecisionState, initial_state } from "../../src/decision/state.ts";
import { type ProcessFacts, REMEDY_KINDS, type RemedyKind, type TargetFacts } from "../../src/model/precondition.ts";
import { precondition_words } from "../../src/report/precondition.ts";
import { assessment, CONFIG, growth, MIB, observation, search } from "./fixtures.ts";
import { APP, process_facts, target_facts } from "./precondition.fixtures.ts";

const SETTINGS = { own_path: "/hosa.slice/hosa.service", protect: [] };
const S = 1e9;

/** Kinds of remedy that may be used, of all. */
function allowed(more: Partial<TargetFacts>): readonly RemedyKind[] {
  return REMEDY_KINDS.filter((kind) => unmet(target_facts(more), kind, SETTINGS) === null);
}

const with_process = (more: Partial<ProcessFacts>) => ({ processes: [process_facts(more)] });

describe("one set of preconditions for every remedy at every level", () => {
  test("nothing forbids anything on an ordinary unit", () => {
    expect(allowed({})).toEqual([...REMEDY_KINDS]);
  });

  test("an essential program in it forbids everything, a weight as well", () => {
    for (const comm of ["sshd", "chronyd", "rke2", "containerd-shim", "multipathd", "gnome-shell", "tmux: server"])
      expect(allowed({ processes: [process_facts({ pid: 41 }), process_facts({ comm })] })).toEqual([]);
  });

  test.each<[string, Partial<TargetFacts>, readonly RemedyKind[]]>([
    ["a virtual machine", with_process({ devices: ["/dev/kvm"] }), ["weight"]],
    ["who feeds the watchdog of the node", with_process({ devices: ["/dev/watchdog"] }), ["weight"]],
    ["who serves a file system", with_process({ devices: ["/dev/fuse"] }), ["weight"]],
    ["a container, by its parent", with_process({ parent: "containerd-shim" }), ["weight", "limit", "memory"]],
    ["a container, by its namespace", with_process({ namespaces: 1 }), ["weight", "limit", "memory"]],
    ["a unit with a watchdog", with_process({ watchdog_s: 3 }), ["weight", "limit", "memory"]],
    [
      "a unit with a watchdog in its files",
      { groups: [{ path: APP, delegated: null, watchdog_s: 30 }] },
      ["weight", "limit", "memory"],
    ],
    [
      "a delegated unit",
      { groups: [{ path: APP, delegated: "user.delegate", watchdog_s: null }] },
      ["weight", "limit", "memory"],
    ],
    [
      "what lies in a delegated unit",
      { groups: [{ path: "/app.slice", delegated: "trusted.delegate", watchdog_s: null }] },
      ["weight", "limit", "memory"],
    ],
    ["whose main process was asked to end", with_process({ signal: "SIGTERM" }), ["weight"]],
    [
      "whose worker was asked to end",
      with_process({ signal: "SIGTERM", leads: null }),
      ["weight", "limit", "memory", "hold"],
    ],
    ["whose stop command runs", with_process({ leads: "stop" }), ["weight"]],
    ["who was asked to open its log again", with_process({ signal: "SIGUSR1" }), ["weight", "limit", "memory", "hold"]],
    [
      "a unit that is being reloaded",
      { processes: [process_facts(), process_facts({ pid: 77, comm: "echo" })] },
      ["weight", "limit", "memory", "hold"],
    ],
    ["what could not be read", { unread: ["the environment of process 40"] }, ["weight", "limit", "memory", "hold"]],
    [
      "a slice, in which the manager may start something",
      { path: "/jobs.slice", groups: [] },
      ["weight", "limit", "memory", "hold"],
    ],
    [
      "a cgroup with children",
      { path: "/app.slice", groups: [{ path: APP, delegated: null, watchdog_s: null }], manager: null },
      ["weight", "limit", "memory", "hold"],
    ],
    [
      "a slice that holds a protected leaf",
      { path: "/x.slice", groups: [{ path: "/x.slice/sshd.service", delegated: null, watchdog_s: null }] },
      [],
    ],
  ])("%s", (_name, more, kinds) => {
    expect(allowed(more)).toEqual(kinds);
  });

  test("what the node depends on counts in a container as well; a login or an init there is the container's own", () => {
    const inside = (comm: string) => allowed(with_process({ comm, namespaces: 1 }));
    for (const comm of ["kube-proxy", "etcd", "ceph-osd", "cilium-agent"]) expect(inside(comm)).toEqual([]);
    for (const comm of ["sshd", "systemd", "rsyslogd", "dockerd"])
      expect(inside(comm)).toEqual(["weight", "limit", "memory"]);
  });

  test("a thread of a process that was asked to end is not held", () => {
    const facts = target_facts({ pid: 40, ...with_process({ signal: "SIGTERM", leads: null }) });
    expect(unmet(facts, "hold", SETTINGS)).toMatchObject({ code: "being_ended", pid: 40 });
  });

  test("every reason has words that name its target", () => {
    const facts: readonly [Partial<TargetFacts>, RemedyKind][] = [
      [with_process({ comm: "sshd" }), "weight"],
      [with_process({ devices: ["/dev/kvm"] }), "hold"],
      [with_process({ devices: ["/dev/fuse"] }), "hold"],
      [with_process({ namespaces: 1 }), "hold"],
      [with_process({ watchdog_s: 3 }), "hold"],
      [with_process({ signal: "SIGTERM" }), "freeze"],
      [with_process({ leads: "stop" }), "freeze"],
      [{ unread: ["more than 512 processes"] }, "freeze"],
      [{ path: "/jobs.slice", groups: [] }, "freeze"],
      [{ groups: [{ path: APP, delegated: "user 1000", watchdog_s: null }] }, "hold"],
      [{ processes: [process_facts(), process_facts({ pid: 77 })] }, "freeze"],
    ];
    const said = facts.map(([more, kind]) => precondition_words(unmet(target_facts(more), kind, SETTINGS)!));
    expect(new Set(said).size).toBe(facts.length);
    for (const words of said) expect(words).toMatch(/app|40|jobs|512/);
    expect(said[4]).toBe("/app.slice/app.service must report to its service manager every 3 s (WatchdogSec=)");
  });
});

describe("what the path alone says", () => {
  test.each([
    "/",
    "/init.scope",
    "/system.slice",
    "/user.slice",
    "/user.slice/user-1000.slice",
    "/user.slice/user-0.slice/session-3.scope",
    "/user.slice/user-1000.slice/user@1000.service",
    "/user.slice/user-1000.slice/user@1000.service/app.slice",
    "/user.slice/user-1000.slice/user@1000.service/session.slice/org.gnome.Shell@wayland.service",
    "/machine.slice",
    "/kubepods.slice",
    "/kubepods.slice/kubepods-burstable.slice",
    "/kubepods/besteffort",
    "/system.slice/chronyd.service",
    "/system.slice/NetworkManager.service",
    "/system.slice/rke2-server.service",
    "/system.slice/rke2-agent.service",
    "/system.slice/cri-docker.service",
    "/system.slice/multipathd.service",
    "/system.slice/iscsid.service",
    "/system.slice/systemd-timesyncd.service",
    "/system.slice/systemd-oomd.service",
    "/system.slice/rsyslog.service",
    "/system.slice/gdm.service",
    "/system.slice/libvirtd.service",
    "/system.slice/system-getty.slice/getty@tty1.service",
    "/system.slice/system-sshd.slice/sshd@3-10.0.0.1:22-10.0.0.2:999.service",
    "/system.slice/containerd.service",
    "/system.slice/k3s-agent.service",
    "/kube.slice/kubelet.service",
    "/system.slice/snap.microk8s.daemon-kubelite.service",
    "/system.slice/data.mount",
    "/hosa.slice/hosa.service",
  ])("no remedy touches %s", (path) => {
    for (const kind of REMEDY_KINDS) expect(unmet_by_path(path, kind, SETTINGS)).not.toBeNull();
    expect(protection(path, SETTINGS.own_path, [])).not.toBeNull();
  });

  test.each([
    ["/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-ab.scope", "containerd"],
    ["/kubepods/burstable/pod1/ab", "Kubernetes"],
    ["/system.slice/docker-ab.scope", "Docker"],
    ["/docker/ab", "Docker"],
    ["/machine.slice/libpod-ab.scope/container", "Podman"],
    ["/lxc.payload.web", "LXC"],
  ])("%s belongs to a runtime: limited, never held or frozen", (path, runtime) => {
    for (const kind of ["weight", "limit", "memory"] as const) expect(unmet_by_path(path, kind, SETTINGS)).toBeNull();
    for (const kind of ["hold", "freeze"] as const)
      expect(unmet_by_path(path, kind, SETTINGS)).toEqual({ code: "runtime_owned", path, runtime });
  });

  test("a virtual machine may be given a weight, and nothing else", () => {
    const path = "/machine.slice/machine-qemu\\x2d1.scope";
    expect(REMEDY_KINDS.filter((kind) => unmet_by_path(path, kind, SETTINGS) === null)).toEqual(["weight"]);
  });

  test("ordinary services may be limited", () => {
    for (const path of [
      "/system.slice/postgresql.service",
      "/system.slice/nginx.service",
      "/app.slice/x.service",
      "/hog",
    ])
      for (const kind of ["weight", "limit", "memory"] as const) expect(unmet_by_path(path, kind, SETTINGS)).toBeNull();
  });

  test("a freeze for a stall of others is a fair price only where nothing is known to depend on the target", () => {
    for (const path of ["/system.slice/postgresql.service", "/docker/ab", "/a.slice", "/b.slice/run-1.scope"])
      expect(is_expendable(path, [])).toBe(false);
    expect(is_expendable("/hog", [])).toBe(true);
    expect(is_expendable("/batch.slice/night.service", ["/batch.slice/*"])).toBe(true);
  });

  test("no program and no unit stands in the list twice", () => {
    const units = SAFETY_LIST.flatMap((each) => each.units);
    const programs = SAFETY_LIST.flatMap((each) => each.programs);
    expect(units.filter((each, i) => units.indexOf(each) !== i)).toEqual([]);
    expect(programs.filter((each, i) => programs.indexOf(each) !== i)).toEqual([]);
    expect(programs.filter((each) => each.length > 15)).toEqual([]);
  });
});

describe("level 4 beside what must not stand still", () => {
  const hog = (path: string, dominant: "cpu" | "io" = "cpu") => {
    const state: DecisionState = { ...initial_state(0), level: 4, failures: 1, stalled_since_ns: 0 };
    const change = { cgroup_id: 9, path, rate: 2, baseline_rate: 0.1, change: 40 };
    const seen = assessment({
      t_ns: 20 * S,
      d_smooth: 30,
      velocity: 1,
      acceleration: 1,
      dominant_resource: dominant,
      changes: [change],
      leader_stall: { cgroup_id: 9, cpu: 0, memory: 0, io: 0 },
      stall: { cpu: 0, memory: 0, io: 0, [dominant]: 0.9 },
    });
    const { decision } = decide(seen, state, CONFIG, 20 * S);
    return decision.actions.map((action) => `${action.verb} ${action.setting.rung}`).join() || decision.inaction;
  };

  test.each([
    ["/user.slice/user-0.slice/session-3.scope", "is not limited"],
    ["/user.slice/user-1000.slice", "is not limited"],
    ["/machine.slice", "is not limited"],
    ["/kubepods.slice", "is not limited"],
    ["/system.slice/chronyd.service", "is not limited"],
    ["/system.slice/postgresql.service", "apply cpu_max"],
    ["/system.slice/docker-ab.scope", "apply cpu_max"],
    ["/machine.slice/machine-qemu\\x2d1.scope", "apply cpu_weight"],
    ["/hog", "apply freeze"],
  ])("%s: %s", (path, did) => {
    expect(hog(path)).toContain(did);
  });

  test("a disk hog that serves others gets less of the disk", () => {
    expect(hog("/system.slice/postgresql.service", "io")).toBe("apply io_max");
  });
});

describe("a growth in what must not be held", () => {
  const grown = (path: string, unholdable?: "delegated") => {
    let state: DecisionState = { ...initial_state(0), level: 1 };
    const actions = [];
    for (let t = 10; t < 14; t += 0.1) {
      const seen = assessment({
        t_ns: t * S,
        d_smooth: 30,
        velocity: 3,
        growth: [growth(30 * MIB, 5, 600 * MIB, { path })],
        search: search(0.95),
        containments: state.containments.map(({ id, rung }) =>
          observation(
            id,
            rung,
            rung === "thread_hold" && unholdable !== undefined
              ? { status: "refused", in_force: false, unmet: { code: "delegated", path, by: "user.delegate" } }
              : {},
          ),
        ),
      });
      const step = decide(seen, state, CONFIG, t * S);
      state = { ...step.state };
      actions.push(...step.decision.actions.filter(({ verb }) => verb === "apply"));
    }
    return actions;
  };

  test("of a container goes to the governor at once, and says why no thread was held", () => {
    const [first] = grown("/system.slice/docker-ab.scope");
    expect(first).toMatchObject({
      setting: { rung: "memory_governor" },
      instead_of: { rung: "thread_hold", unmet: { code: "runtime_owned", runtime: "Docker" } },
      reason: expect.stringContaining("a precondition is not met (runtime_owned)"),
    });
  });

  test("of a delegated unit goes to the governor when the motor has refused the hold", () => {
    const [first, second] = grown("/app.slice/deleg.service", "delegated");
    expect(first?.setting.rung).toBe("thread_hold");
    expect(second).toMatchObject({
      setting: { rung: "memory_governor" },
      instead_of: { rung: "thread_hold", unmet: { code: "delegated", by: "user.delegate" } },
    });
  });

  test("of a virtual machine is neither held nor governed", () => {
    expect(grown("/machine.slice/machine-qemu\\x2d1.scope")).toEqual([]);
  });
});
