import type { Meaning, Unmet } from "../model/precondition.ts";

/** What the safety list protects, each as a noun. */
const MEANINGS: Readonly<Record<Meaning, string>> = {
  root: "the root of the cgroup tree",
  service_manager: "the system manager",
  login: "a login session",
  desktop: "a desktop session",
  remote_access: "remote access of the operator",
  name_service: "name resolution or user lookup",
  logging: "system logging",
  network: "the network manager",
  clock: "the clock",
  devices: "device management",
  storage: "storage that others use",
  management_agent: "a management agent",
  container_runtime: "a container runtime",
  orchestration: "node orchestration",
  hypervisor: "a hypervisor service",
  holds_protected: "a cgroup that holds protected ones",
  hosa: "HOSA itself",
};

/** What no remedy touches, as one list; the root and what holds protected cgroups follow from it. */
export const NEVER_TOUCHED: string = Object.entries(MEANINGS)
  .filter(([meaning]) => meaning !== "root" && meaning !== "holds_protected")
  .map(([, words]) => words)
  .join(", ");

const DEVICES: Readonly<Record<string, string>> = {
  "/dev/watchdog": "the node reboots when it does not write to it",
  "/dev/fuse": "a file system waits for it",
};

/** Signals by which a process is asked for something and goes on. */
const ACTS: readonly string[] = ["SIGUSR1", "SIGUSR2", "SIGWINCH"];

/** Why a remedy must not be used, as a sentence. The only place where the reason codes become words. */
export function precondition_words(unmet: Unmet): string {
  switch (unmet.code) {
    case "self":
      return `${unmet.path} is HOSA's own cgroup`;
    case "protected_path":
      return `${unmet.path} is protected by default: ${MEANINGS[unmet.meaning]} (${unmet.pattern})`;
    case "protected_by_config":
      return `${unmet.path} is protected by the configuration (${unmet.pattern.replace(/^!/, "all but ").replaceAll("\n", ", ")})`;
    case "essential_program":
      return `${unmet.comm} (process ${unmet.pid}) runs in ${unmet.path}: ${MEANINGS[unmet.meaning]}`;
    case "runtime_owned":
      return `a container runtime owns ${unmet.path}${unmet.runtime === "" ? " (it has a process namespace of its own)" : ` (${unmet.runtime})`}`;
    case "delegated":
      return `${unmet.path} is delegated to another owner (${unmet.by})`;
    case "manager_may_spawn":
      return `systemd${unmet.systemd_version === null ? "" : ` ${unmet.systemd_version}`} may start processes in ${unmet.path}, and would hang`;
    case "not_a_leaf":
      return `${unmet.path} has child cgroups (${unmet.child})`;
    case "being_ended":
      return unmet.signal === "ExecStop="
        ? `the unit of process ${unmet.pid} (${unmet.comm}) is being stopped: its stop command runs`
        : `process ${unmet.pid} (${unmet.comm}) was asked to ${ACTS.includes(unmet.signal) ? "act" : "end"} (${unmet.signal})`;
    case "command_runs":
      return `a command of ${unmet.path} runs: ${unmet.comm} (process ${unmet.pid})`;
    case "watchdog":
      return `${unmet.path} must report to its service manager every ${unmet.watchdog_s} s (WatchdogSec=)`;
    case "virtual_machine":
      return `${unmet.path} runs a virtual machine${unmet.comm === null ? "" : ` (${unmet.comm}, process ${unmet.pid})`}`;
    case "device":
      return `${unmet.comm} (process ${unmet.pid}) has ${unmet.device} open: ${DEVICES[unmet.device] ?? "others wait for it"}`;
    case "unknown":
      return `not known to be safe: ${unmet.what}`;
  }
}
