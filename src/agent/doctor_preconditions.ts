import type { Config } from "../config/index.ts";
import { manager_would_hang, SPAWNS_INTO_CGROUP_SINCE, unmet } from "../decision/preconditions.ts";
import { has_capability } from "../ffi/libc.ts";
import type { Finding } from "../model/doctor.ts";
import { is_own_child, type RemedyKind, type TargetFacts } from "../model/precondition.ts";
import type { Maybe } from "../model/sample.ts";
import { kernel_files } from "../motor/files.ts";
import { glibc_of_manager } from "../motor/manager.ts";
import { kernel_processes, type Processes } from "../motor/processes.ts";
import { read_target } from "../motor/target_facts.ts";
import { precondition_words } from "../report/precondition.ts";
import { read_inhabitants } from "../sensor/inhabitants.ts";
import { protected_patterns } from "./protected_patterns.ts";

const CAP_SYS_PTRACE = 19;
const ASKED_MAX = 256;

/** What a kind of remedy does, as the finding says it. */
const KINDS: readonly (readonly [RemedyKind, string])[] = [
  ["weight", "may be given less weight"],
  ["limit", "may be limited (cpu.max, io.max)"],
  ["memory", "may be governed (memory.high)"],
  ["hold", "may have a thread held"],
  ["freeze", "may be frozen"],
];

/** Which preconditions apply on this host: what of it may be contained, by which remedy, and why the rest may not. */
export async function examine_preconditions(
  config: Config,
  mount: Maybe<string>,
  own_path: string,
): Promise<readonly Finding[]> {
  const about = [manager_finding(kernel_processes), ...reading_finding()];
  if (mount === null) return about;
  const ports = { mount, files: kernel_files, processes: kernel_processes };
  const look = (path: string) => ({
    group: { path, delegated: null, watchdog_s: null },
    processes: read_target(ports, { path, kind: "weight", pid: null }).processes.filter((each) => each.path === path),
    unread: [],
  });
  const { cgroups, left_out } = await read_inhabitants(mount, look);
  const inhabited = cgroups.filter(({ path, comms }) => comms.length > 0 && !is_own_child(path));
  const asked = inhabited
    .slice(0, ASKED_MAX)
    .map(({ path }) => read_target(ports, { path, kind: "freeze", pid: null }));
  const not_asked = left_out + inhabited.length - asked.length;
  const settings = { own_path, protect: protected_patterns(config) };
  return [...about, ...KINDS.map(([kind, what]) => kind_finding(kind, what, asked, not_asked, settings))];
}

function manager_finding({ manager }: Pick<Processes, "manager">): Finding {
  if (manager === null) return ok("service manager", "none that HOSA knows: a leaf cgroup is frozen as it is");
  const version = manager.version === null ? "of unknown version" : String(manager.version);
  const glibc = glibc_of_manager();
  const library = glibc === null ? "" : `, glibc ${glibc}`;
  const hangs = manager_would_hang(manager) !== false;
  const why = hangs
    ? `it starts commands inside the cgroup of a unit (since ${SPAWNS_INTO_CGROUP_SINCE}, glibc 2.39) and would hang in a frozen one`
    : `a command it starts in a frozen unit would hang (from ${SPAWNS_INTO_CGROUP_SINCE} on the manager itself)`;
  return ok(
    "service manager",
    `systemd ${version}${library}: ${why}; HOSA freezes the processes of a unit in a child cgroup, and never a slice`,
  );
}

function reading_finding(): readonly Finding[] {
  if (has_capability(CAP_SYS_PTRACE)) return [];
  return [
    {
      what: "preconditions",
      state: "missing",
      detail: "CAP_SYS_PTRACE is not held: environments and descriptors of other users' processes cannot be read",
      costs: "what cannot be read is never frozen",
      remedy: "grant CAP_SYS_PTRACE",
    },
  ];
}

function kind_finding(
  kind: RemedyKind,
  what: string,
  asked: readonly TargetFacts[],
  not_asked: number,
  settings: { readonly own_path: string; readonly protect: readonly string[] },
): Finding {
  const reasons = new Map<string, { count: number; readonly words: string }>();
  let free = 0;
  for (const facts of asked) {
    const why = unmet(facts, kind, settings);
    if (why === null) free += 1;
    else {
      const known = reasons.get(why.code);
      if (known === undefined) reasons.set(why.code, { count: 1, words: precondition_words(why) });
      else known.count += 1;
    }
  }
  const others = [...reasons].map(([code, { count, words }]) => `${count} ${code} (${words})`);
  const rest = not_asked === 0 ? "" : `; ${not_asked} cgroup(s) were not asked about`;
  return ok(
    what,
    `${free} of ${asked.length} cgroups with processes${others.length === 0 ? "" : `; not: ${others.join(", ")}`}${rest}`,
  );
}

function ok(what: string, detail: string): Finding {
  return { what, state: "ok", detail, costs: "", remedy: "" };
}
