import {
  type GroupFacts,
  is_own_child,
  type ProcessFacts,
  type TargetFacts,
  type Unmet,
} from "../model/precondition.ts";
import type {
  Environment,
  Inhabited,
  Named,
  NetworkInterface,
  PlannedStep,
  QuarantineFacts,
  QuarantinePlan,
  QuarantineSettings,
  QuarantineStep,
  QuarantineStepName,
} from "../model/quarantine.ts";
import type { Maybe } from "../model/sample.ts";
import type { ShieldPlan, ShieldPort } from "../model/shield.ts";
import { unmet } from "./preconditions.ts";

/** What isolating means in an environment (SPEC §8). */
interface Manner {
  /** The shield admits: the operator and the control plane, nobody, or it is not used. */
  readonly shield: "control_plane" | "nobody" | null;
  readonly links_down: boolean;
  readonly taint: boolean;
  readonly watchdog: boolean;
  readonly recovery: string;
}

export const MANNERS: Readonly<Record<Environment, Manner>> = {
  bare_metal_bmc: {
    shield: "control_plane",
    links_down: true,
    taint: false,
    watchdog: false,
    recovery: "through the BMC's console, or an ssh session that still stands: `hosa release`",
  },
  cloud_vm: {
    shield: "control_plane",
    links_down: false,
    taint: false,
    watchdog: false,
    recovery: "the orchestrator replaces the machine, or `hosa release`; a reboot lifts it, too",
  },
  kubernetes: {
    shield: null,
    links_down: false,
    taint: true,
    watchdog: false,
    recovery: "`hosa release` on the node, or its replacement by the cluster",
  },
  edge_physical: {
    shield: "control_plane",
    links_down: true,
    taint: false,
    watchdog: false,
    recovery: "a technician at the machine: `hosa release`",
  },
  edge_remote: {
    shield: "control_plane",
    links_down: true,
    taint: false,
    watchdog: true,
    recovery: "the watchdog reboots it into conservative mode, which `hosa release` ends",
  },
  airgap: {
    shield: "nobody",
    links_down: true,
    taint: false,
    watchdog: false,
    recovery: "a technician at the machine: `hosa release`",
  },
};

/** Instance metadata: link-local as every large cloud has it, and Amazon's over IPv6. */
const METADATA: readonly string[] = ["169.254.169.254/32", "fd00:ec2::254/128"];

/** More links or cgroups than this are not touched: each is an entry of the ledger, which is bounded. */
const LINKS_MAX = 32;
const FREEZES_MAX = 128;
const SPARED_MAX = 64;

/**
 * Everything that is done on entering level 5, in order: evidence and the last word first, then the network, then the freezer.
 * Pure: the same facts and settings give the same plan, which is how `hosa explain` proves the record.
 */
export function plan_quarantine(facts: QuarantineFacts, settings: QuarantineSettings): QuarantinePlan {
  const { environment } = facts.environment;
  const manner = MANNERS[environment];
  if (!settings.enabled) {
    const off = skipped(
      "isolate",
      "quarantine.enabled is false: level 5 is decided and recorded, and nothing is isolated",
    );
    return { environment, steps: [off], recovery: "nothing was done" };
  }
  const steps: PlannedStep[] = [
    facts.evidence === null
      ? planned({ step: "evidence" }, "what is known goes to disk before anything is changed")
      : skipped("evidence", `${facts.evidence} was written when the quarantine began`),
    facts.webhook
      ? planned({ step: "webhook" }, "the last word while the network is open")
      : skipped("webhook", "no webhook is configured"),
    ...(manner.watchdog
      ? [planned({ step: "conservative", marker: settings.conservative_marker }, "the next boot has to know")]
      : []),
    isolation(facts, settings),
    taint(facts, manner),
    links(facts, manner),
    freezing(facts, settings),
    ...(manner.watchdog ? [watchdog(settings)] : []),
  ];
  return { environment, steps, recovery: manner.recovery };
}

function planned(todo: QuarantineStep, because: string, spared: readonly string[] = []): PlannedStep {
  return { name: todo.step, todo, because, spared: shortened(spared) };
}

function skipped(name: QuarantineStepName, because: string, spared: readonly string[] = []): PlannedStep {
  return { name, todo: null, because, spared: shortened(spared) };
}

function shortened(spared: readonly string[]): readonly string[] {
  const cut = spared.length - SPARED_MAX;
  return cut <= 0 ? spared : [...spared.slice(0, SPARED_MAX), `${cut} more`];
}

function isolation(
  { environment, interfaces, operator_peers, ports_in_use }: QuarantineFacts,
  settings: QuarantineSettings,
): PlannedStep {
  const { shield } = MANNERS[environment.environment];
  if (shield === null) {
    return skipped(
      "isolate",
      "the pods' network and the kubelet's way to the cluster are not ours to cut: the taint isolates",
    );
  }
  const spared: string[] = [];
  const names: string[] = [];
  for (const each of interfaces) {
    const why = not_shielded(each);
    if (why === null) names.push(each.name);
    else if (why !== "") spared.push(`${each.name}: ${why}`);
  }
  if (names.length === 0) return skipped("isolate", "no interface leads outside", spared);
  const open = shield === "control_plane";
  const plan: ShieldPlan = {
    mode: "isolate",
    interfaces: names,
    admit_share: 0,
    ports: open ? distinct([...settings.ports.flatMap(parse_port), ...ports_in_use]) : [],
    cidrs: open ? [...METADATA, ...settings.control_plane, ...operator_peers.map(host_prefix)] : [],
    remains: { established: false, dns: false, dhcp: open, ping: false },
  };
  const what = open ? "all but the metadata service, DHCP and the control plane is dropped" : "nothing is admitted";
  return planned({ step: "isolate", shield: plan }, `${environment.environment}: ${what}`, spared);
}

/** Why an interface is left open; empty when it leads nowhere by itself, null when it is to be shielded. */
function not_shielded({
  loopback,
  up,
  enslaved,
  lowers,
  ethernet,
  physical,
  management,
}: NetworkInterface): string | null {
  if (loopback) return "";
  if (management?.configured === true) return management.why;
  if (!ethernet) return physical && up ? "not an Ethernet interface: it cannot be shielded" : "";
  if (enslaved && !physical) return "";
  // What comes in through a stacked interface has passed the one below it.
  return lowers.length > 0 ? "" : null;
}

/** `tcp/22`; the configuration has checked it. */
function parse_port(text: string): readonly ShieldPort[] {
  const [protocol, port] = text.split("/");
  if (protocol !== "tcp" && protocol !== "udp") return [];
  return [{ protocol, port: Number(port) }];
}

function distinct(ports: readonly ShieldPort[]): readonly ShieldPort[] {
  return [...new Map(ports.map((each) => [`${each.protocol}/${each.port}`, each])).values()];
}

function host_prefix(address: string): string {
  return address.includes(":") ? `${address}/128` : `${address}/32`;
}

function taint({ node_name }: QuarantineFacts, manner: Manner): PlannedStep {
  if (!manner.taint) return skipped("taint", "only a Kubernetes node is tainted");
  if (node_name === null) {
    return skipped("taint", "NODE_NAME is not set: give it to the pod by the downward API (spec.nodeName)");
  }
  return planned({ step: "taint", node: node_name }, "the cluster moves its work elsewhere");
}

function links({ environment, interfaces }: QuarantineFacts, manner: Manner): PlannedStep {
  if (!manner.links_down) {
    return skipped("links_down", `a link is never taken down in ${environment.environment} (${environment.because})`);
  }
  if (environment.basis === "ambiguous") return skipped("links_down", "the environment is a guess");
  const spared = interfaces
    .filter((each) => each.physical && each.management !== null)
    .map((each) => `${each.name}: management (${each.management?.why ?? ""})`);
  const physical = interfaces.filter((each) => each.physical && each.up && !each.loopback && each.management === null);
  // The kernel takes a VLAN down with its link: it goes first, so that its own addresses and routes are written down.
  const names = new Set<string>();
  for (const each of physical) for (const name of stack_of(each, interfaces)) names.add(name);
  const targets = [...names].map((name) => interfaces.find((each) => each.name === name)!);
  if (targets.length === 0) return skipped("links_down", "no link but the operator's way in is up", spared);
  if (targets.length > LINKS_MAX)
    return skipped("links_down", `${targets.length} links are up, the bound is ${LINKS_MAX}`);
  const named = targets.map(({ index, name }): Named => ({ id: index, path: name }));
  return planned({ step: "links_down", links: named }, `${environment.because}: every link but the way in`, spared);
}

/** The interface and what is stacked on it, topmost first; an operator's way in never stands on one that is taken down. */
function stack_of(bottom: NetworkInterface, interfaces: readonly NetworkInterface[]): readonly string[] {
  const found = [bottom];
  for (let at = 0; at < found.length && found.length < LINKS_MAX; at++) {
    for (const name of found[at]!.uppers) {
      const upper = interfaces.find((each) => each.name === name);
      if (upper?.up === true && upper.management === null && !found.includes(upper)) found.push(upper);
    }
  }
  return found.map((each) => each.name).reverse();
}

/** Leaves in which nothing must stay awake: what the preconditions of a freeze say of each cgroup with a process in it. */
function freezing(facts: QuarantineFacts, settings: QuarantineSettings): PlannedStep {
  const { cgroups, cgroups_left_out, own_path } = facts;
  if (cgroups.length === 0) return skipped("freeze", "there is no cgroup v2 with services in it");
  const parents = new Map<string, string>();
  // A restarted agent finds the children in which its predecessor froze: what is in them belongs to their parents.
  const candidates = cgroups.filter(({ path }) => !is_own_child(path));
  for (const { path } of candidates) parents.set(path.slice(0, path.lastIndexOf("/")), path);
  const by_path = new Map(cgroups.map((each) => [each.path, each]));
  const refused: { path: string; unmet: Unmet }[] = [];
  const spared: string[] = [];
  const targets: Named[] = [];
  for (const each of candidates) {
    if (each.comms.length === 0) continue;
    const target = target_of(each, parents.get(each.path) ?? null, by_path, facts);
    const why = unmet(target, "freeze", { own_path, protect: settings.protect });
    if (why !== null) refused.push({ path: each.path, unmet: why });
    else if (each.frozen) spared.push(`${each.path}: frozen already`);
    else targets.push({ id: each.id, path: each.path });
  }
  if (cgroups_left_out > 0) spared.push(`${cgroups_left_out} cgroup(s) were not looked at, for lack of room`);
  if (targets.length > FREEZES_MAX) {
    spared.push(`${targets.length - FREEZES_MAX} cgroup(s) beyond the bound of ${FREEZES_MAX}, the smallest by memory`);
    targets.sort((one, other) => memory_of(other, cgroups) - memory_of(one, cgroups)).length = FREEZES_MAX;
  }
  const step =
    targets.length === 0
      ? skipped("freeze", "every cgroup with a process in it is essential or must stay awake", spared)
      : planned({ step: "freeze", cgroups: targets }, "what does not bring the operator in stands still", spared);
  return refused.length === 0 ? step : with_refused(step, refused);
}

function with_refused(step: PlannedStep, refused: NonNullable<PlannedStep["refused"]>): PlannedStep {
  const cut = refused.length - SPARED_MAX;
  const shown = { ...step, refused: refused.slice(0, SPARED_MAX) };
  return cut <= 0 ? shown : { ...shown, spared: [...step.spared, `${cut} more cgroup(s), each for such a reason`] };
}

/** What is known of a cgroup, as the preconditions ask for it. Records of older versions know the names of its programs alone. */
function target_of(
  { path, comms, whole, group, processes, unread }: Inhabited,
  child: Maybe<string>,
  all: ReadonlyMap<string, Inhabited>,
  { own_path, manager }: QuarantineFacts,
): TargetFacts {
  const groups: GroupFacts[] = [group ?? nothing_known(path)];
  for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
    const above = path.slice(0, at);
    groups.push(all.get(above)?.group ?? nothing_known(above));
  }
  if (child !== null) groups.push(nothing_known(child));
  return {
    path,
    pid: null,
    own_path,
    ...(manager === undefined ? {} : { manager }),
    groups,
    processes: processes ?? comms.map((comm) => named_only(comm, path)),
    unread: whole ? (unread ?? []) : ["not every cgroup below it was looked at"],
  };
}

function nothing_known(path: string): GroupFacts {
  return { path, delegated: null, watchdog_s: null };
}

function named_only(comm: string, path: string): ProcessFacts {
  const unknown = { parent: null, signal: null, watchdog_s: null, leads: null };
  return { pid: 0, comm, path, namespaces: 0, devices: [], ...unknown };
}

function memory_of({ path }: Named, cgroups: readonly Inhabited[]): number {
  return cgroups.find((each) => each.path === path)?.memory_bytes ?? 0;
}

function watchdog({ watchdog: device, watchdog_min }: QuarantineSettings): PlannedStep {
  if (device === "")
    return skipped("watchdog", "quarantine.watchdog names no device: nothing reboots this node by itself");
  const because = `fed for ${watchdog_min} min, then no longer: the node reboots into conservative mode`;
  return planned({ step: "watchdog", device, after_min: watchdog_min }, because);
}
