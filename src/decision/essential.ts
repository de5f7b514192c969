import type { Inhabited } from "../model/quarantine.ts";
import { protection } from "./protect.ts";

/**
 * Programs that bring the operator in, or keep what does alive: a cgroup in which one of them runs is never frozen. Names as the
 * kernel keeps them, cut to 15 characters.
 */
export const ESSENTIAL_PROGRAMS: readonly (readonly [string, readonly string[]])[] = [
  ["an ssh session or server", ["sshd", "sshd-session", "sshd-auth", "dropbear"]],
  ["a login on the console", ["agetty", "getty", "mingetty", "login", "sulogin"]],
  [
    "the system manager",
    ["systemd", "systemd-journal", "systemd-logind", "systemd-udevd", "systemd-network", "systemd-resolve"],
  ],
  [
    "the system manager",
    ["systemd-timesyn", "dbus-daemon", "dbus-broker", "dbus-broker-lau", "init", "runit", "s6-svscan"],
  ],
  [
    "what a login asks",
    ["sssd", "sssd_be", "sssd_nss", "sssd_pam", "nslcd", "nscd", "winbindd", "systemd-userdbd", "systemd-userwor"],
  ],
  ["what a login asks", ["systemd-homed", "rsyslogd", "syslogd", "syslog-ng", "auditd"]],
  ["the network's manager", ["NetworkManager", "dhclient", "dhcpcd", "udhcpc", "connmand", "wpa_supplicant", "iwd"]],
  ["time", ["chronyd", "ntpd"]],
  [
    "a management agent",
    [
      "amazon-ssm-agen",
      "ssm-agent-worke",
      "google_guest_ag",
      "google_osconfig",
      "GuestAgent",
      "waagent",
      "WALinuxAgent",
      "qemu-ga",
      "vmtoolsd",
      "hv_kvp_daemon",
      "ipmievd",
      "bmc-watchdog",
      "salt-minion",
      "puppet",
      "chef-client",
    ],
  ],
  [
    "the node's orchestration",
    [
      "kubelet",
      "k3s-server",
      "k3s-agent",
      "containerd",
      "containerd-shim",
      "dockerd",
      "crio",
      "conmon",
      "kube-apiserver",
      "kube-proxy",
      "kube-controller",
      "kube-scheduler",
      "etcd",
      "cilium-agent",
      "calico-node",
      "flanneld",
      "coredns",
    ],
  ],
  ["HOSA", ["hosa"]],
];

/** Where logind puts a new session; what already lives in one has a cgroup of its own below. */
const SESSIONS = /^\/user\.slice(\/user-\d+\.slice)?$/;

const MEANING = new Map(ESSENTIAL_PROGRAMS.flatMap(([what, names]) => names.map((name) => [name, what] as const)));

/** Why a cgroup must not be frozen for itself; null when it may. Whatever lies below it has to be asked, too. */
export function essential(cgroup: Inhabited, own_path: string, protect: readonly string[]): string | null {
  const guarded = protection(cgroup.path, own_path, protect);
  if (guarded !== null) return guarded;
  if (!cgroup.whole) return "not every cgroup below it was looked at";
  if (SESSIONS.test(cgroup.path)) return "the operator's next session begins in it";
  for (const comm of cgroup.comms) {
    const what = MEANING.get(comm);
    if (what !== undefined) return `${comm} runs in it: ${what}`;
  }
  return null;
}
