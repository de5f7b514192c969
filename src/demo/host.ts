import { existsSync, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { freemem } from "node:os";
import { examine } from "../agent/doctor.ts";
import type { Config } from "../config/index.ts";
import type { Finding } from "../model/doctor.ts";
import { errno_of } from "../model/errno.ts";
import type { Maybe } from "../model/sample.ts";
import { find_cgroup2_mount, why_no_cgroup2 } from "../sensor/mount.ts";
import { see_whole_node } from "../sensor/own_cgroup.ts";

/** What the demonstration asks of a host. */
export interface HostFacts {
  /** "linux", "darwin". */
  readonly platform: string;
  readonly uid: number;
  /** It is the Windows Subsystem for Linux. */
  readonly wsl: boolean;
  /** Why only a part of the node's cgroups is seen; null: all of them are. */
  readonly narrow: Maybe<string>;
  /** Null where cgroup v2 is not mounted. */
  readonly cgroup2: Maybe<Cgroup2Facts>;
  /** Why there is no cgroup v2; empty where there is. */
  readonly why_no_cgroup2: string;
  readonly available_bytes: number;
  /** What keeps HOSA from sensing; null: nothing does. */
  readonly fatal: Maybe<Finding>;
}

interface Cgroup2Facts {
  readonly mount: string;
  readonly controllers: readonly string[];
  /** Controllers of the cgroups below the mount. */
  readonly enabled: readonly string[];
  /** errno of an attempt to make a cgroup there; null: it may be done. */
  readonly read_only: Maybe<string>;
  /** cgroup.kill exists (Linux 5.14). */
  readonly kills: boolean;
}

/** Why the demonstration cannot be done here, and what to do. */
export interface Refusal {
  readonly why: string;
  readonly remedy: string;
}

const MIB = 1_048_576;
/** A laptop must never be in danger: four times what the service may take. */
const AVAILABLE_BYTES_MIN = 1024 * MIB;

/** What is asked before anything of Linux is loaded. */
export function facts_of_platform(platform: string, uid: number): HostFacts {
  return {
    platform,
    uid,
    wsl: false,
    narrow: null,
    cgroup2: null,
    why_no_cgroup2: "",
    available_bytes: 0,
    fatal: null,
  };
}

/** Why it cannot be done whatever the node has; null where that is to be read. Pure. */
export function refusal_before_reading({ platform, uid }: Pick<HostFacts, "platform" | "uid">): Refusal | null {
  if (platform !== "linux") {
    return {
      why: `the demonstration needs Linux, and this is ${platform}`,
      remedy: "Run it in a Linux virtual machine.",
    };
  }
  if (uid === 0) return null;
  return {
    why: `only root may make cgroups and load BPF programs, and this is user ${uid}`,
    remedy: "Run it as root: `sudo hosa demo`.",
  };
}

/** Null where it can be done. Pure. */
export function refusal(facts: HostFacts): Refusal | null {
  return refusal_before_reading(facts) ?? no_cgroups(facts) ?? not_sensed(facts);
}

function no_cgroups({ cgroup2, why_no_cgroup2: why, narrow, wsl }: HostFacts): Refusal | null {
  const unified = wsl
    ? "In %UserProfile%\\.wslconfig set `[wsl2] kernelCommandLine = cgroup_no_v1=all`, then `wsl --shutdown`."
    : "Boot with `systemd.unified_cgroup_hierarchy=1`, or with `cgroup_no_v1=all`.";
  if (narrow !== null) return { why: `this is a container: ${narrow}`, remedy: "Run it on the host." };
  if (cgroup2 === null) return { why: `there is no cgroup v2 (${why})`, remedy: unified };
  const { mount, controllers, enabled, read_only, kills } = cgroup2;
  if (!controllers.includes("memory")) {
    return {
      why: `the memory controller is not in cgroup v2 (${mount}/cgroup.controllers), because cgroup v1 holds it or the kernel was booted with cgroup_disable=memory`,
      remedy: unified,
    };
  }
  if (read_only !== null) {
    return {
      why: `no cgroup can be made below ${mount} (${read_only}), as in a container or a sandbox`,
      remedy: "Run it on the host.",
    };
  }
  if (!enabled.includes("memory")) {
    return {
      why: `the memory controller is switched off for the cgroups below ${mount}`,
      remedy: `Switch it on: \`echo +memory > ${mount}/cgroup.subtree_control\`.`,
    };
  }
  if (kills) return null;
  return { why: "this kernel cannot end a whole cgroup (cgroup.kill)", remedy: "Use Linux 5.14 or later." };
}

function not_sensed({ fatal, available_bytes }: HostFacts): Refusal | null {
  if (available_bytes < AVAILABLE_BYTES_MIN) {
    const [left, least] = [available_bytes, AVAILABLE_BYTES_MIN].map((bytes) => `${Math.floor(bytes / MIB)} MiB`);
    return {
      why: `${left} of memory are available, and at least ${least} are wanted`,
      remedy: "End what needs much memory.",
    };
  }
  if (fatal === null) return null;
  const { what, detail, remedy } = fatal;
  return {
    why: `HOSA cannot sense here: ${what}: ${detail}`,
    remedy: remedy === "" ? "See `hosa doctor`." : `${remedy}.`,
  };
}

/** Reads the facts; loads the senses once, as `hosa doctor` does, and only where all else is there. */
export async function read_host(config: Config): Promise<HostFacts> {
  const before = facts_of_platform(process.platform, process.geteuid?.() ?? -1);
  if (refusal_before_reading(before) !== null) return before;
  const found = find_cgroup2_mount();
  const facts: HostFacts = {
    ...before,
    wsl: /microsoft/i.test(text_of("/proc/version")),
    narrow: see_whole_node(),
    cgroup2: found === null ? null : cgroup2_facts(found.mount, found.controllers),
    why_no_cgroup2: found === null ? why_no_cgroup2() : "",
    available_bytes: available_bytes(),
  };
  if (refusal(facts) !== null) return facts;
  const { sections } = await examine(config);
  const fatal = sections.flatMap(({ findings }) => findings).find(({ state }) => state === "fatal") ?? null;
  return { ...facts, fatal };
}

function cgroup2_facts(mount: string, controllers: readonly string[]): Cgroup2Facts {
  const enabled = text_of(`${mount}/cgroup.subtree_control`).trim().split(" ");
  const scratch = `${mount}/hosa-demo-try-${process.pid}`;
  return { mount, controllers, enabled, ...tried(scratch) };
}

/** Makes a cgroup and removes it again. */
function tried(scratch: string): Pick<Cgroup2Facts, "read_only" | "kills"> {
  try {
    mkdirSync(scratch);
  } catch (error) {
    return { read_only: errno_of(error) ?? String(error), kills: true };
  }
  const kills = existsSync(`${scratch}/cgroup.kill`);
  rmdirSync(scratch);
  return { read_only: null, kills };
}

function available_bytes(): number {
  const kib = /^MemAvailable:\s+(\d+)/m.exec(text_of("/proc/meminfo"))?.[1];
  return kib === undefined ? freemem() : Number(kib) * 1024;
}

function text_of(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
