import { accessSync, constants, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Config } from "../config/index.ts";
import { plan_quarantine } from "../decision/quarantine.ts";
import { has_capability } from "../ffi/libc.ts";
import { counted } from "../model/counted.ts";
import type { Finding } from "../model/doctor.ts";
import type { PlannedStep, QuarantineStep } from "../model/quarantine.ts";
import { watchdog_attribute } from "../motor/quarantine/devices.ts";
import { PINS, why_not_pinnable } from "../motor/shield/pins.ts";
import { find_cgroup2_mount } from "../sensor/mount.ts";
import { read_socket_tables } from "../sensor/sockets.ts";
import { cluster_access } from "../telemetry/kubernetes.ts";
import { gather_facts, quarantine_settings } from "./quarantine.ts";
import { NodeShield } from "./shield.ts";
import { find_standing } from "./standing.ts";

const CAP_NET_ADMIN = 12;

/** What level 5 would do here, step by step, and what keeps it from doing so. Opens nothing but files to read. */
export async function examine_quarantine(config: Config, own_path: string): Promise<readonly Finding[]> {
  const mount = find_cgroup2_mount()?.mount ?? null;
  const standing = find_standing(config, mount);
  const facts = await gather_facts({ config, standing, mount, own_path }, await read_socket_tables("/proc"));
  const plan = plan_quarantine(facts, quarantine_settings(config));
  const { environment, basis, because, evidence } = standing.environment;
  const guessed = basis === "ambiguous";
  return [
    {
      what: "environment",
      state: guessed ? "missing" : "ok",
      detail: `${environment} (${basis}): ${because}`,
      costs: guessed ? "level 5 uses the shield alone and takes no link down; a reboot undoes it" : "",
      remedy: guessed ? "set quarantine.environment" : "",
    },
    ...evidence.map(({ source, found, speaks_for, strength }) =>
      ok("evidence", `${source}: ${found} (${strength}, for ${speaks_for})`),
    ),
    ...(standing.said === null ? [] : [stands(standing.said)]),
    ...facts.interfaces
      .filter((each) => each.management !== null)
      .map((each) => ok("way in", `${each.name}: ${each.management?.why ?? ""}`)),
    ...plan.steps.map((step) => examine_step(step, config)),
    ok("way back", plan.recovery),
  ];
}

function ok(what: string, detail: string): Finding {
  return { what, state: "ok", detail, costs: "", remedy: "" };
}

function stands(said: string): Finding {
  return {
    what: "standing",
    state: "missing",
    detail: said,
    costs: "HOSA is bound by it",
    remedy: "hosa release --quarantine",
  };
}

/** A watchdog that is opened all the same, and that not even a release stops; null for any other. @param sys where sysfs is */
export function no_way_out(device: string, sys = "/sys"): Finding | null {
  if (watchdog_attribute(sys, device, "nowayout") !== "1") return null;
  return {
    what: "watchdog",
    state: "missing",
    detail: `${device} is opened all the same, and cannot be stopped again (nowayout)`,
    costs: "not even a release of level 5 keeps the node from its reboot",
    remedy: "load its driver with nowayout=0, or leave quarantine.watchdog empty",
  };
}

function examine_step({ name, todo, because, spared, refused = [] }: PlannedStep, config: Config): Finding {
  const unset = name === "watchdog" || (name === "taint" && because.startsWith("NODE_NAME"));
  if (todo === null && unset) return missing(name, because, "nothing but a person ends the quarantine of this node");
  if (todo === null) return ok(name, `not here: ${because}`);
  const trouble = hindrance(todo, config);
  if (trouble !== null) return missing(name, trouble, "level 5 leaves this step out");
  const stuck = todo.step === "watchdog" ? no_way_out(todo.device) : null;
  if (stuck !== null) return stuck;
  const count = spared.length + refused.length;
  const left = count === 0 ? "" : `; left alone: ${count}`;
  return ok(name, `${amount(todo)}${because}${left}`);
}

function missing(what: string, detail: string, costs: string): Finding {
  return {
    what,
    state: "missing",
    detail,
    costs,
    remedy: "where this node should have that step, take away what hinders it",
  };
}

function amount(step: QuarantineStep): string {
  if (step.step === "isolate") return `${step.shield.interfaces.join(", ")}: `;
  if (step.step === "links_down") return `${step.links.map((link) => link.path).join(", ")}: `;
  if (step.step === "freeze") return `${counted(step.cgroups.length, "cgroup")}: `;
  return step.step === "taint" ? `${step.node}: ` : "";
}

/** Why a planned step could not be done here; null when nothing is known to speak against it. */
function hindrance(step: QuarantineStep, config: Config): string | null {
  switch (step.step) {
    case "evidence":
      return not_writable(dirname(config.audit.path));
    case "conservative":
      return not_writable(dirname(step.marker));
    case "isolate":
      return why_no_shield(config);
    case "links_down":
      return has_capability(CAP_NET_ADMIN) ? null : "CAP_NET_ADMIN is not held";
    case "taint": {
      const access = cluster_access(process.env);
      if (typeof access === "string") return access;
      const token = join(access.credentials, "token");
      return existsSync(token) ? null : `${token} does not exist: give the pod a service account`;
    }
    case "watchdog":
      return existsSync(step.device) ? null : `${step.device} does not exist`;
    default:
      return null;
  }
}

/** The section on the shield tries it and says more. */
function why_no_shield(config: Config): string | null {
  const opened = NodeShield.open(config);
  if ("missing" in opened) return opened.missing;
  using organ = opened;
  return organ.shield.missing() ?? why_not_pinnable(PINS);
}

function not_writable(directory: string): string | null {
  let at = directory;
  while (!existsSync(at) && at !== "/") at = dirname(at);
  try {
    accessSync(at, constants.W_OK);
    return null;
  } catch {
    return `${at} may not be written`;
  }
}
