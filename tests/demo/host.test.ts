import { expect, test } from "bun:test";
import { facts_of_platform, type HostFacts, refusal } from "../../src/demo/host.ts";

const CGROUP2 = {
  mount: "/sys/fs/cgroup",
  controllers: ["cpu", "memory"],
  enabled: ["memory"],
  read_only: null,
  kills: true,
} as const;
const ROOMY: HostFacts = { ...facts_of_platform("linux", 0), cgroup2: CGROUP2, available_bytes: 4 * 2 ** 30 };
const cgroup2 = (change: Partial<NonNullable<HostFacts["cgroup2"]>>): HostFacts => ({
  ...ROOMY,
  cgroup2: { ...CGROUP2, ...change },
});

test("a host that has everything is not refused", () => {
  expect(refusal(ROOMY)).toBeNull();
});

test.each<[string, HostFacts, string, string]>([
  ["another system", facts_of_platform("darwin", 0), "this is darwin", "virtual machine"],
  ["another user", facts_of_platform("linux", 1000), "this is user 1000", "sudo hosa demo"],
  ["a container", { ...ROOMY, narrow: "a namespace" }, "this is a container: a namespace", "on the host"],
  ["cgroup v1", { ...ROOMY, cgroup2: null, why_no_cgroup2: "not mounted" }, "no cgroup v2 (not mounted)", "Boot with"],
  ["WSL", { ...ROOMY, wsl: true, cgroup2: null }, "no cgroup v2", ".wslconfig"],
  ["memory on v1", cgroup2({ controllers: ["cpu"] }), "the memory controller is not in cgroup v2", "Boot with"],
  [
    "a read-only tree",
    cgroup2({ read_only: "EROFS" }),
    "no cgroup can be made below /sys/fs/cgroup (EROFS)",
    "on the host",
  ],
  [
    "memory switched off",
    cgroup2({ enabled: [] }),
    "is switched off",
    "echo +memory > /sys/fs/cgroup/cgroup.subtree_control",
  ],
  ["an old kernel", cgroup2({ kills: false }), "cgroup.kill", "Linux 5.14"],
  ["little memory", { ...ROOMY, available_bytes: 900 << 20 }, "900 MiB of memory are available", "End what needs"],
])("%s: refused with the cause and what to do", (_name, facts, why, remedy) => {
  const refused = refusal(facts);
  expect(refused?.why).toContain(why);
  expect(refused?.remedy).toContain(remedy);
});
