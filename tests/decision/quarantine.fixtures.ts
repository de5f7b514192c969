import type {
  Environment,
  EnvironmentFinding,
  Inhabited,
  NetworkInterface,
  QuarantineFacts,
  QuarantineSettings,
} from "../../src/model/quarantine.ts";

export const SETTINGS: QuarantineSettings = {
  enabled: true,
  ports: ["tcp/22"],
  control_plane: ["10.9.0.0/24"],
  watchdog: "/dev/watchdog",
  watchdog_min: 30,
  conservative_marker: "/var/lib/hosa/conservative.json",
  protect: ["/keep.slice"],
};

export function lives(environment: Environment, basis: EnvironmentFinding["basis"] = "configured"): EnvironmentFinding {
  return { environment, basis, because: `${environment} for a test`, evidence: [] };
}

export function link(name: string, index: number, more: Partial<NetworkInterface> = {}): NetworkInterface {
  return {
    name,
    index,
    up: true,
    loopback: false,
    ethernet: true,
    physical: true,
    enslaved: false,
    uppers: [],
    lowers: [],
    management: null,
    ...more,
  };
}

export function cgroup(
  id: number,
  path: string,
  comms: readonly string[] = [],
  more: Partial<Inhabited> = {},
): Inhabited {
  return { id, path, memory_bytes: id * 1000, cpu_us: id, frozen: false, comms, whole: true, ...more };
}

/** A server with two links, one of them the operator's, a VLAN on the other, and a usual tree of services. */
export function facts(environment: EnvironmentFinding, more: Partial<QuarantineFacts> = {}): QuarantineFacts {
  return {
    environment,
    interfaces: [
      link("lo", 1, { loopback: true, ethernet: false, physical: false }),
      link("eth0", 2, { management: { configured: false, why: "the default route uses it" } }),
      link("eth1", 3, { uppers: ["eth1.7"] }),
      link("eth1.7", 4, { physical: false, lowers: ["eth1"] }),
      link("eth2", 5, { up: false }),
      link("docker0", 6, { physical: false, lowers: ["veth1"] }),
      link("veth1", 7, { physical: false, enslaved: true, uppers: ["docker0"] }),
    ],
    cgroups: [
      cgroup(10, "/init.scope", ["systemd"]),
      cgroup(11, "/system.slice"),
      cgroup(12, "/system.slice/ssh.service", ["sshd"]),
      cgroup(13, "/system.slice/payment.service", ["payment"]),
      cgroup(14, "/system.slice/system-getty.slice"),
      cgroup(15, "/system.slice/system-getty.slice/getty@tty1.service", ["agetty"]),
      cgroup(16, "/system.slice/hosa.service", ["hosa"]),
      cgroup(17, "/user.slice"),
      cgroup(18, "/user.slice/user-0.slice"),
      cgroup(19, "/user.slice/user-0.slice/session-3.scope", ["sshd", "bash", "stress"]),
      cgroup(20, "/user.slice/user-1000.slice"),
      cgroup(21, "/user.slice/user-1000.slice/work.scope", ["python3"]),
      cgroup(22, "/batch.slice"),
      cgroup(23, "/batch.slice/one", ["backup"]),
      cgroup(24, "/batch.slice/two", ["convert"]),
      cgroup(25, "/empty.slice"),
      cgroup(26, "/keep.slice", ["database"]),
      cgroup(27, "/system.slice/qemu-guest-agent.service", ["qemu-ga"]),
    ],
    cgroups_left_out: 0,
    own_path: "/system.slice/hosa.service",
    operator_peers: ["192.0.2.7", "2001:db8::7"],
    ports_in_use: [{ protocol: "tcp", port: 2222 }],
    node_name: "node-1",
    webhook: false,
    evidence: null,
    ...more,
  };
}
