/**
 * Cgroups that are never limited (SPEC §6): the node's own nervous system and whatever an operator would need to
 * reach it. Patterns match whole paths: `*` stays within one segment, `**` crosses segments.
 */
export const PROTECTED_BY_DEFAULT: readonly string[] = [
  "/",
  "/init.scope",
  "/system.slice",
  "/system.slice/ssh.service",
  "/system.slice/sshd.service",
  "/system.slice/dbus.service",
  "/system.slice/dbus-broker.service",
  "/system.slice/systemd-journald.service",
  "/system.slice/systemd-logind.service",
  "/system.slice/systemd-networkd.service",
  "/system.slice/systemd-resolved.service",
  "/system.slice/systemd-udevd.service",
  "/system.slice/systemd-udevd.service/**",
  "/*/kubelet.service",
  "/*/containerd.service",
  "/*/docker.service",
  "/*/crio.service",
  "/*/k3s.service",
  "/*/k3s-agent.service",
  "/system.slice/snap.microk8s.*",
];

const compiled = new Map<string, RegExp>();

function pattern_to_regexp(pattern: string): RegExp {
  let known = compiled.get(pattern);
  if (known === undefined) {
    const body = pattern
      .split("**")
      .map((part) =>
        part
          .split("*")
          .map((literal) => literal.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
          .join("[^/]*"),
      )
      .join(".*");
    known = new RegExp(`^${body}$`);
    compiled.set(pattern, known);
  }
  return known;
}

/** Whether a path matches one of the patterns. */
export function matches(path: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => pattern_to_regexp(pattern).test(path));
}

/** Why the cgroup must not be limited, or null when it may be. */
export function protection(path: string, own_path: string, extra: readonly string[]): string | null {
  if (own_path !== "/" && (path === own_path || path.startsWith(`${own_path}/`))) return "it is HOSA itself";
  if (own_path.startsWith(`${path}/`)) return "HOSA itself runs inside it";
  for (const pattern of PROTECTED_BY_DEFAULT) {
    if (pattern_to_regexp(pattern).test(path)) return `it is protected by default (${pattern})`;
  }
  for (const pattern of extra) {
    if (pattern_to_regexp(pattern).test(path)) return `it is protected by the configuration (${pattern})`;
  }
  return null;
}
