import type { Meaning } from "../model/precondition.ts";

/** Something that no remedy touches, at any level. */
interface Protected {
  readonly meaning: Meaning;
  /** Names of units, wherever in the tree they lie; `*` stands for any characters. What lies in such a unit is protected, too. */
  readonly units: readonly string[];
  /** Names of programs as the kernel keeps them, cut to 15 characters. */
  readonly programs: readonly string[];
}

/**
 * The one safety list (SPEC §6, §7.12): what brings the operator in, what keeps the node together, and what other processes wait for.
 * A unit is recognized by its name, anything else by the program that runs.
 */
export const SAFETY_LIST: readonly Protected[] = [
  {
    meaning: "service_manager",
    units: ["init.scope", "dbus.service", "dbus.socket", "dbus-broker.service", "polkit.service", "systemd-*.service"],
    programs: [
      ...["systemd", "init", "(sd-pam)", "runit", "runsvdir", "s6-svscan", "openrc-init", "supervise-daemo", "dinit"],
      ...["dbus-daemon", "dbus-broker", "dbus-broker-lau", "polkitd", "systemd-executo", "systemd-logind"],
      ...["systemd-machine", "systemd-hostnam", "systemd-localed", "systemd-oomd", "systemd-portabl"],
    ],
  },
  {
    meaning: "login",
    units: [
      ...[
        "session-*.scope",
        "getty@*.service",
        "serial-getty@*.service",
        "console-getty.service",
        "console-shell.service",
      ],
      ...[
        "emergency.service",
        "rescue.service",
        "container-getty@*.service",
        "autovt@*.service",
        "debug-shell.service",
      ],
    ],
    programs: ["agetty", "getty", "mingetty", "login", "sulogin", "tmux: server", "screen", "mosh-server", "dtach"],
  },
  {
    meaning: "remote_access",
    units: [
      ...["ssh.service", "sshd.service", "ssh@*.service", "sshd@*.service", "ssh.socket", "sshd.socket"],
      ...["dropbear.service", "dropbear@*.service", "cockpit.service", "cockpit-*.service", "teleport.service"],
      ...["tailscaled.service", "openvpn*.service", "strongswan*.service", "wg-quick@*.service", "xrdp*.service"],
      ...["zerotier-one.service", "nebula*.service", "netbird.service", "headscale.service", "webmin.service"],
      ...["libreswan.service", "ipsec.service", "softether-vpn*.service", "xl2tpd.service", "cloudflared*.service"],
    ],
    programs: [
      ...["sshd", "sshd-session", "sshd-auth", "dropbear", "cockpit-ws", "cockpit-tls", "cockpit-session"],
      ...["cockpit-bridge", "teleport", "tailscaled", "openvpn", "charon", "charon-systemd", "xrdp", "xrdp-sesman"],
      ...["zerotier-one", "nebula", "netbird", "headscale", "pluto", "xl2tpd", "cloudflared"],
    ],
  },
  {
    meaning: "desktop",
    units: [
      ...[
        "gdm.service",
        "gdm3.service",
        "sddm.service",
        "lightdm.service",
        "lxdm.service",
        "greetd.service",
        "xdm.service",
      ],
      ...["display-manager.service", "session.slice", "org.gnome.Shell@*.service", "gnome-shell-*.service"],
      ...["plasma-*.service", "xdg-desktop-portal*.service", "pipewire*.service", "wireplumber.service"],
    ],
    programs: [
      ...[
        "gdm",
        "gdm3",
        "gdm-session-wor",
        "gdm-x-session",
        "gdm-wayland-ses",
        "sddm",
        "sddm-helper",
        "lightdm",
        "greetd",
      ],
      ...["gnome-shell", "gnome-session-b", "gnome-session-c", "plasmashell", "kwin_wayland", "kwin_x11", "ksmserver"],
      ...[
        "Xorg",
        "Xwayland",
        "X",
        "sway",
        "weston",
        "mutter",
        "xfce4-session",
        "xfwm4",
        "lxsession",
        "cinnamon",
        "mate-session",
      ],
      ...["gnome-terminal-", "konsole", "xfce4-terminal", "xterm"],
    ],
  },
  {
    meaning: "name_service",
    units: [
      ...["sssd*.service", "nslcd.service", "nscd.service", "winbind.service", "unbound.service", "named.service"],
      ...["bind9.service", "dnsmasq.service", "pdns-recursor.service", "knot-resolver.service", "kresd@*.service"],
    ],
    programs: [
      ...["sssd", "sssd_be", "sssd_nss", "sssd_pam", "sssd_sudo", "sssd_ssh", "nslcd", "nscd", "nsncd", "winbindd"],
      ...["systemd-resolve", "systemd-userdbd", "systemd-userwor", "systemd-homed", "unbound", "named", "dnsmasq"],
      ...["pdns_recursor", "kresd", "stubby", "dnscrypt-proxy"],
    ],
  },
  {
    meaning: "logging",
    units: [
      "rsyslog.service",
      "syslog.service",
      "syslog-ng*.service",
      "auditd.service",
      "klogd.service",
      "inetutils-syslogd.service",
    ],
    programs: [
      ...["systemd-journal", "rsyslogd", "syslogd", "syslog-ng", "klogd", "busybox-syslogd", "auditd", "audispd"],
      ...["auditbeat", "laurel"],
    ],
  },
  {
    meaning: "network",
    units: [
      ...["NetworkManager*.service", "networking.service", "wpa_supplicant*.service", "iwd.service", "connman.service"],
      ...["dhcpcd*.service", "ModemManager.service", "firewalld.service", "nftables.service", "wicked*.service"],
      ...[
        "frr.service",
        "bird*.service",
        "keepalived.service",
        "openvswitch*.service",
        "ovs-*.service",
        "ifup@*.service",
      ],
      ...["netplan-*.service", "cloud-init*.service"],
    ],
    programs: [
      ...["NetworkManager", "nm-dispatcher", "systemd-network", "networkd-dispat", "dhclient", "dhcpcd", "udhcpc"],
      ...[
        "connmand",
        "wpa_supplicant",
        "iwd",
        "ModemManager",
        "firewalld",
        "wickedd",
        "wickedd-nanny",
        "wickedd-dhcp4",
      ],
      ...["bird", "bird6", "zebra", "bgpd", "ospfd", "keepalived", "ovs-vswitchd", "ovsdb-server", "pppd", "teamd"],
    ],
  },
  {
    meaning: "clock",
    units: [
      "chrony.service",
      "chronyd*.service",
      "ntp.service",
      "ntpd.service",
      "ntpsec.service",
      "openntpd.service",
      "ptp4l*.service",
      "phc2sys*.service",
    ],
    programs: ["chronyd", "ntpd", "systemd-timesyn", "ptp4l", "phc2sys", "timemaster", "linuxptp"],
  },
  {
    meaning: "devices",
    units: [
      "udev.service",
      "udisks2.service",
      "upower.service",
      "acpid.service",
      "watchdog.service",
      "wd_keepalive.service",
      "thermald.service",
      "irqbalance.service",
    ],
    programs: [
      ...["systemd-udevd", "udevd", "(udev-worker)", "eudev", "mdev", "udisksd", "acpid", "watchdog", "wd_keepalive"],
      ...["thermald", "sbd", "corosync", "pacemakerd", "ipmievd", "bmc-watchdog", "haveged", "rngd"],
    ],
  },
  {
    meaning: "storage",
    units: [
      ...["multipathd.service", "multipathd.socket", "multipath-tools.service", "iscsi*.service", "open-iscsi.service"],
      ...[
        "lvm2-*.service",
        "lvmetad.service",
        "dm-event.service",
        "mdmon@*.service",
        "mdmonitor.service",
        "mdadm*.service",
      ],
      ...["zfs-*.service", "nfs-*.service", "rpc-*.service", "rpcbind.service", "autofs.service", "gluster*.service"],
      ...[
        "ceph-*.service",
        "ceph*.slice",
        "drbd*.service",
        "nvmf-*.service",
        "nvmefc-*.service",
        "stratisd.service",
        "lxcfs.service",
      ],
      ...["*.mount", "*.automount", "*.swap", "nbd*.service", "target.service", "tgt.service"],
    ],
    programs: [
      ...["multipathd", "iscsid", "iscsiuio", "lvmetad", "lvmpolld", "dmeventd", "mdadm", "mdmon", "zed", "automount"],
      ...["rpcbind", "rpc.statd", "rpc.mountd", "rpc.idmapd", "rpc.gssd", "nfsdcld", "blkmapd", "ganesha.nfsd"],
      ...["glusterd", "glusterfs", "glusterfsd", "ceph-osd", "ceph-mon", "ceph-mgr", "ceph-mds", "drbdd", "nbd-client"],
      ...["nbd-server", "tgtd", "stratisd", "lxcfs", "tapdisk", "vhost", "spdk_tgt", "longhorn", "tcmu-runner"],
    ],
  },
  {
    meaning: "management_agent",
    units: [
      ...[
        "amazon-ssm-agent.service",
        "snap.amazon-ssm-agent*.service",
        "google-guest-agent*.service",
        "google-osconfig-agent.service",
      ],
      ...[
        "walinuxagent.service",
        "waagent.service",
        "qemu-guest-agent.service",
        "open-vm-tools.service",
        "vmtoolsd.service",
      ],
      ...["hv-*-daemon.service", "hypervkvpd.service", "salt-minion.service", "puppet.service", "chef-client.service"],
    ],
    programs: [
      ...["amazon-ssm-agen", "ssm-agent-worke", "google_guest_ag", "google_osconfig", "GuestAgent", "waagent"],
      ...["WALinuxAgent", "qemu-ga", "vmtoolsd", "hv_kvp_daemon", "hv_vss_daemon", "hv_fcopy_daemon", "xe-daemon"],
      ...["salt-minion", "puppet", "chef-client", "ansible-pull"],
    ],
  },
  {
    meaning: "container_runtime",
    units: [
      ...[
        "containerd*.service",
        "docker.service",
        "docker.socket",
        "dockerd*.service",
        "moby-engine.service",
        "snap.docker.*",
      ],
      ...[
        "crio.service",
        "cri-o.service",
        "cri-docker*.service",
        "podman*.service",
        "podman*.socket",
        "buildkit*.service",
      ],
      ...[
        "lxd*.service",
        "snap.lxd.*",
        "incus*.service",
        "lxc.service",
        "lxc-net.service",
        "lxc-monitord.service",
        "conmon*.scope",
        "libpod-conmon-*.scope",
      ],
    ],
    programs: [
      ...["containerd", "containerd-shim", "dockerd", "docker-proxy", "crio", "cri-dockerd", "conmon"],
      ...["conmonrs", "podman", "runc", "crun", "youki", "runsc", "runsc-sandbox", "kata-runtime", "containerd-kat"],
      ...[
        "buildkitd",
        "lxd",
        "incusd",
        "lxc-start",
        "lxc-monitord",
        "systemd-nspawn",
        "rootlesskit",
        "slirp4netns",
        "pasta",
        "netavark",
        "aardvark-dns",
      ],
    ],
  },
  {
    meaning: "orchestration",
    units: [
      ...[
        "kubelet.service",
        "k3s*.service",
        "rke2*.service",
        "k0s*.service",
        "kubelite.service",
        "snap.microk8s.*",
        "microk8s*.service",
      ],
      ...[
        "snap.kubelet*",
        "snap.k8s.*",
        "etcd*.service",
        "nomad.service",
        "consul.service",
        "slurmd.service",
        "slurmctld.service",
        "slurmstepd.scope",
      ],
      ...[
        "kube-*.service",
        "flanneld.service",
        "mesos*.service",
        "pacemaker.service",
        "corosync.service",
        "patroni.service",
      ],
    ],
    programs: [
      ...["kubelet", "kubelite", "k3s", "k3s-server", "k3s-agent", "rke2", "k0s", "k8s-dqlite", "microk8s"],
      ...[
        "kube-apiserver",
        "kube-proxy",
        "kube-controller",
        "kube-scheduler",
        "cloud-controlle",
        "etcd",
        "cilium-agent",
      ],
      ...["cilium-operator", "calico-node", "flanneld", "weaver", "coredns", "kube-router", "ovnkube", "antrea-agent"],
      ...["nomad", "consul", "slurmd", "slurmctld", "slurmstepd", "node-driver-reg", "csi-provisioner", "csi-attacher"],
    ],
  },
  {
    meaning: "hypervisor",
    units: [
      ...[
        "libvirtd.service",
        "libvirtd*.socket",
        "virtqemud.service",
        "virtlogd.service",
        "virtlockd.service",
        "virt*d.service",
      ],
      ...[
        "xenstored.service",
        "xenconsoled.service",
        "pve*.service",
        "qmeventd.service",
        "ovirt-*.service",
        "vdsmd.service",
      ],
    ],
    programs: [
      ...[
        "libvirtd",
        "virtqemud",
        "virtlogd",
        "virtlockd",
        "virtnetworkd",
        "virtstoraged",
        "virtnodedevd",
        "xenstored",
      ],
      ...[
        "xenconsoled",
        "pvedaemon",
        "pveproxy",
        "pmxcfs",
        "qmeventd",
        "vdsmd",
        "virtiofsd",
        "swtpm",
        "vhost-user-net",
      ],
    ],
  },
  { meaning: "hosa", units: ["hosa.service", "hosa.slice"], programs: ["hosa"] },
];

/**
 * Cgroups in which the protected ones live, or into which a manager puts new ones whenever it likes: a limit or a freeze of one of
 * them reaches the next login, container or unit. What lies in them is judged by itself.
 */
const HOLDERS: readonly string[] = [
  "/",
  "/system.slice",
  "/user.slice",
  "/user.slice/user-*.slice",
  "/user.slice/user-*.slice/user@*.service",
  "/user.slice/user-*.slice/user@*.service/app.slice",
  "/user.slice/user-*.slice/user@*.service/background.slice",
  "/user.slice/user-*.slice/user@*.service/init.scope",
  "/machine.slice",
  "/system.slice/system-getty.slice",
  "/system.slice/system-serial*getty.slice",
  "/system.slice/system-ssh*.slice",
  "/system.slice/system-cockpit.slice",
  "/system.slice/system-systemd*.slice",
  "/system.slice/system-container*getty.slice",
  "/kubepods.slice",
  "/kubepods.slice/kubepods-besteffort.slice",
  "/kubepods.slice/kubepods-burstable.slice",
  "/kubepods",
  "/kubepods/besteffort",
  "/kubepods/burstable",
  "/kubelet.slice",
  "/kubelet.slice/kubelet-kubepods.slice**",
  "/kubesystem.slice",
  "/runtime.slice",
  "/podruntime.slice",
  "/docker",
  "/docker.slice",
  "/libpod_parent",
  "/lxc",
  "/lxc.monitor*",
  "/lxd",
  "/libvirt",
  "/pve",
  "/qemu.slice",
];

/** Cgroups of containers and what runs them, known by their names; `*` stands for one segment's characters. */
const CONTAINERS: readonly (readonly [pattern: string, runtime: string])[] = [
  ["kubepods*", "Kubernetes"],
  ["kubelet-kubepods*", "Kubernetes"],
  ["docker-*.scope", "Docker"],
  ["docker", "Docker"],
  ["buildkit", "BuildKit"],
  ["libpod-*.scope", "Podman"],
  ["libpod-*", "Podman"],
  ["libpod_parent", "Podman"],
  ["machine-libpod_pod_*.slice", "Podman"],
  ["user-libpod_pod_*.slice", "Podman"],
  ["crio-*.scope", "CRI-O"],
  ["crio-*", "CRI-O"],
  ["cri-containerd-*.scope", "containerd"],
  ["nerdctl-*.scope", "containerd"],
  ["containerd-*.scope", "containerd"],
  ["actions_job", "Docker"],
  ["ecs", "Amazon ECS"],
  ["ecstasks.slice", "Amazon ECS"],
  ["ecstasks-*.slice", "Amazon ECS"],
  ["nomad.slice", "Nomad"],
  ["nomad", "Nomad"],
  ["lxc", "LXC"],
  ["lxc.payload*", "LXC"],
  ["lxc-*", "LXC"],
  ["systemd-nspawn@*.service", "systemd-nspawn"],
  ["machine-*.scope", "systemd-machined"],
  ["machine.slice", "systemd-machined"],
  ["garden", "Garden"],
  ["slurmstepd.scope", "Slurm"],
  ["job_*", "a batch scheduler"],
  ["htcondor", "a batch scheduler"],
];

/** Scopes in which a virtual machine runs. */
const MACHINES: readonly string[] = [
  "machine-qemu*.scope",
  "qemu.slice",
  "pve*.scope",
  "libvirt",
  "kata_*",
  "firecracker*",
];

const compiled = new Map<string, RegExp>();

/** `*` stays within one segment, `**` crosses segments. */
function pattern_to_regexp(pattern: string): RegExp {
  let known = compiled.get(pattern);
  if (known === undefined) {
    known = pattern.startsWith(ALL_BUT)
      ? new RegExp(`^(?!(?:${excepted(pattern).map(body_of).join("|")})(?:/|$))`)
      : new RegExp(`^${body_of(pattern)}$`);
    compiled.set(pattern, known);
  }
  return known;
}

function body_of(pattern: string): string {
  return pattern
    .split("**")
    .map((part) =>
      part
        .split("*")
        .map((literal) => literal.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
        .join("[^/]*"),
    )
    .join(".*");
}

/** No path begins with it, and no name of a cgroup holds the separator. */
const ALL_BUT = "!";
const BETWEEN = "\n";

/** One pattern that matches every path but those of these patterns and all within them. */
export function all_but(patterns: readonly string[]): string {
  return ALL_BUT + patterns.join(BETWEEN);
}

function excepted(pattern: string): readonly string[] {
  return pattern.slice(ALL_BUT.length).split(BETWEEN);
}

/** A pattern as it is told: `/a.slice/**`, `all but /b.slice`. */
export function pattern_text(pattern: string): string {
  return pattern.startsWith(ALL_BUT) ? `all but ${excepted(pattern).join(", ")}` : pattern;
}

/** The first of the patterns that matches the whole text; null when none does. */
export function first_match(text: string, patterns: readonly string[]): string | null {
  return patterns.find((pattern) => pattern_to_regexp(pattern).test(text)) ?? null;
}

const PROGRAMS = new Map(
  SAFETY_LIST.flatMap(({ meaning, programs }) => programs.map((name) => [name, meaning] as const)),
);

/** What a program is to the node; null for an ordinary one. @param comm as the kernel keeps it */
export function meaning_of_program(comm: string): Meaning | null {
  return PROGRAMS.get(comm) ?? null;
}

/** Systemd's own services end by themselves or keep the node together; a template of it may run anything. */
const ORDINARY_UNITS: readonly string[] = ["systemd-nspawn@*.service", "systemd-coredump@*.service"];

/** What the list says of a path. */
export interface Listed {
  readonly meaning: Meaning;
  readonly pattern: string;
}

const KNOWN_MAX = 4096;
const known_paths = new Map<string, Listed | null>();

/** What the list says of a path: of the first of its units that is protected. Remembered, because a node has the same cgroups at every beat. */
export function listed(path: string): Listed | null {
  const known = known_paths.get(path);
  if (known !== undefined) return known;
  if (known_paths.size >= KNOWN_MAX) known_paths.clear();
  const found = look_up(path);
  known_paths.set(path, found);
  return found;
}

function look_up(path: string): Listed | null {
  const holder = first_match(path, HOLDERS);
  if (holder !== null) return { meaning: path === "/" ? "root" : "holds_protected", pattern: holder };
  for (const name of path.split("/")) {
    if (name === "" || first_match(name, ORDINARY_UNITS) !== null) continue;
    for (const { meaning, units } of SAFETY_LIST) {
      const pattern = first_match(name, units);
      if (pattern !== null) return { meaning, pattern };
    }
  }
  return null;
}

/** The runtime a path belongs to by its names; null when none of them is a container's. */
export function container_of(path: string): string | null {
  // The narrowest name says most: a container of Podman lies in the slice of all machines.
  for (const name of path.split("/").reverse()) {
    for (const [pattern, runtime] of CONTAINERS) {
      if (name !== "" && first_match(name, [pattern]) !== null) return runtime;
    }
  }
  return null;
}

/** Whether a virtual machine runs in a cgroup, by its name. */
export function is_machine(path: string): boolean {
  return path.split("/").some((name) => name !== "" && first_match(name, MACHINES) !== null);
}

const UNIT = /\.(service|scope|socket|mount|automount|swap)$/;

/** The unit a cgroup is, by its name: the manager puts the next process of the unit there. */
export function is_unit(path: string): boolean {
  return UNIT.test(path);
}

export function is_slice(path: string): boolean {
  return path.endsWith(".slice");
}
