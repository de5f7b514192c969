import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import type { Config } from "../config/index.ts";
import { CATALOG } from "../ffi/catalog.ts";
import { KernelError } from "../ffi/errors.ts";
import { libbpf, text_at } from "../ffi/libbpf.ts";
import { geteuid } from "../ffi/libc.ts";
import { senses_object } from "../ffi/object.ts";
import { bpf_host, LOCKDOWN_FILE, type Lockdown } from "../ffi/refusal.ts";
import { Senses } from "../ffi/senses.ts";
import type { Rung } from "../model/containment.ts";
import { RUNGS } from "../model/containment.ts";
import type { DoctorReport, Finding } from "../model/doctor.ts";
import { OperatorError } from "../model/error.ts";
import type { Absence, Maybe } from "../model/sample.ts";
import { kernel_files } from "../motor/files.ts";
import { missing_rungs } from "../motor/rehearsal.ts";
import { kernel_ports } from "../sensor/kernel_ports.ts";
import { find_cgroup2_mount, why_no_cgroup2 } from "../sensor/mount.ts";
import { own_cgroup_path, see_whole_node } from "../sensor/own_cgroup.ts";
import { Sensor } from "../sensor/sensor.ts";
import { examine_agent, type RunningAgent } from "./doctor_agent.ts";
import { autonomy_findings } from "./doctor_autonomy.ts";
import { examine_files } from "./doctor_files.ts";
import { examine_preconditions } from "./doctor_preconditions.ts";
import { examine_quarantine } from "./doctor_quarantine.ts";
import { examine_shield } from "./doctor_shield.ts";
import { privilege_findings } from "./privileges.ts";
import { reserve_finding } from "./reserve.ts";

/** Capabilities HOSA uses, by bit (capabilities(7)). `fatal`: nothing is sensed without it. */
const CAPABILITIES = [
  { bit: 39, name: "CAP_BPF", fatal: true, costs: "no BPF program can be loaded" },
  { bit: 38, name: "CAP_PERFMON", fatal: true, costs: "no BPF program can be attached to the kernel's tracepoints" },
  { bit: 24, name: "CAP_SYS_RESOURCE", fatal: false, costs: "the OOM killer does not spare the agent" },
  { bit: 23, name: "CAP_SYS_NICE", fatal: false, costs: "no niceness fallback of cpu_weight" },
  { bit: 5, name: "CAP_KILL", fatal: false, costs: "no signals as a fallback of the freezer" },
  { bit: 1, name: "CAP_DAC_OVERRIDE", fatal: false, costs: "cgroup files of other users cannot be written" },
] as const;

const CAP_SYS_ADMIN = 21;

const RUNG_COSTS: Readonly<Record<Exclude<Rung, "swap_reserve">, string>> = {
  cpu_weight: "no soft containment of CPU",
  thread_hold: "a leaking thread cannot be held alone; memory falls back to the governor",
  memory_governor: "growth of a whole cgroup cannot be slowed",
  cpu_max: "CPU use cannot be capped",
  io_max: "block I/O cannot be capped",
  freeze: "a cgroup cannot be frozen",
  shield: "new flows cannot be shed",
};

/** Examine this host: what HOSA can feel and do here. Loads the senses and rehearses the motor; leaves nothing behind. */
export async function examine(config: Config, agent: RunningAgent = null): Promise<DoctorReport> {
  const narrow = see_whole_node();
  const senses = examine_senses(config);
  const sections: DoctorReport["sections"][number][] = [
    { title: "Autonomy", findings: autonomy_findings(config) },
    { title: "Kernel", findings: [...examine_kernel(), examine_library()] },
    { title: "Privileges", findings: examine_capabilities() },
    { title: "Least privilege (capabilities used)", findings: privilege_findings() },
    ...senses,
    { title: "Control groups", findings: [...examine_view(narrow), ...examine_cgroups(config)] },
    {
      title: "Preconditions (what may be contained)",
      findings: await examine_preconditions(config, find_cgroup2_mount()?.mount ?? null, own_cgroup_path()),
    },
    examine_shield(config),
    { title: "Quarantine (level 5)", findings: await examine_quarantine(config, own_cgroup_path()) },
    { title: "Files", findings: examine_files(config) },
  ];
  const of_host = sections.flatMap(({ findings }) => findings);
  sections.push(examine_agent(agent, of_host));
  const usable = sections.every(({ findings }) => findings.every(({ state }) => state !== "fatal"));
  return { usable, sections };
}

function ok(what: string, detail: string): Finding {
  return { what, state: "ok", detail, costs: "", remedy: "" };
}

function examine_kernel(): readonly Finding[] {
  const btf = "/sys/kernel/btf/vmlinux";
  const pressure = "/proc/pressure/memory";
  return [
    ok("kernel", release()),
    examine_lockdown(bpf_host().lockdown),
    existsSync(btf)
      ? ok("BTF", btf)
      : {
          what: "BTF",
          state: "fatal",
          detail: `${btf} does not exist`,
          costs: "the BPF programs cannot be fitted to this kernel",
          remedy: "use a kernel built with CONFIG_DEBUG_INFO_BTF=y",
        },
    existsSync(pressure)
      ? ok("PSI", pressure)
      : {
          what: "PSI",
          state: "missing",
          detail: `${pressure} does not exist`,
          costs: "no stall witness: only the forecast of exhaustion can prove harm",
          remedy: "use a kernel with CONFIG_PSI=y, booted with psi=1",
        },
  ];
}

/** In mode integrity everything of HOSA works (tried on 6.12). */
function examine_lockdown(mode: Maybe<Lockdown>): Finding {
  const what = "lockdown";
  if (mode === null) return ok(what, `not known: ${LOCKDOWN_FILE} cannot be read`);
  if (mode !== "confidentiality") return ok(what, mode);
  return {
    what,
    state: "fatal",
    detail: `confidentiality (${LOCKDOWN_FILE}): BPF programs may not read kernel memory`,
    costs: "nothing can be sensed; explain, report, replay, what-if and release work",
    remedy: "boot with lockdown=integrity, or without lockdown",
  };
}

function examine_library(): Finding {
  try {
    return ok("libbpf", text_at(libbpf().libbpf_version_string()));
  } catch (error) {
    return fatal("libbpf", error, "no BPF program can be loaded");
  }
}

function examine_capabilities(): readonly Finding[] {
  const status = readFileSync("/proc/self/status", "latin1");
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  const holds = (bit: number): boolean => (effective & (1n << BigInt(bit))) !== 0n;
  const user = geteuid();
  const root: Finding =
    user === 0
      ? ok("root", "user 0")
      : {
          what: "root",
          state: "fatal",
          detail: `user ${user}`,
          costs: "`hosa run` refuses to start",
          remedy: "run as root; of its capabilities those below are enough",
        };
  const capabilities = CAPABILITIES.map(({ bit, name, fatal: essential, costs }): Finding => {
    if (holds(bit)) return ok(name, "held");
    if (essential && holds(CAP_SYS_ADMIN)) return ok(name, "covered by CAP_SYS_ADMIN");
    const remedy = `run as root, and keep ${name} (systemd: in CapabilityBoundingSet=)`;
    return { what: name, state: essential ? "fatal" : "missing", detail: "not held", costs, remedy };
  });
  return [root, ...capabilities];
}

function examine_senses(config: Config): DoctorReport["sections"] {
  const title = "Senses (BPF programs)";
  let senses: Senses;
  try {
    senses = Senses.open({ object: senses_object(), disabled: config.senses.disabled });
  } catch (error) {
    return [{ title, findings: [fatal("programs", error, "nothing can be sensed")] }];
  }
  try {
    const programs = senses.programs.map(({ name, attached, why }): Finding => {
      if (attached) return ok(name, "attached");
      const remedy = program_remedy(name, why, config);
      const { what = name, costs = "" } = CATALOG[name] ?? {};
      return { what: name, state: "missing", detail: `${what}: ${why}`, costs, remedy };
    });
    // An absence that is none of a program, such as CPUs beyond the bound.
    const known = new Set(senses.programs.map(({ name }) => CATALOG[name]?.what ?? name));
    const others = senses.absences.filter(({ what }) => !known.has(what)).map(absent);
    return [
      { title, findings: [...programs, ...others] },
      { title: "Dimensions", findings: examine_dimensions(senses) },
    ];
  } finally {
    senses[Symbol.dispose]();
  }
}

function absent({ what, why, costs }: Absence): Finding {
  return { what, state: "missing", detail: why, costs, remedy: "" };
}

function examine_dimensions(senses: Senses): readonly Finding[] {
  try {
    const sensor = new Sensor(kernel_ports(senses, () => null));
    const more = sensor.absences.filter((absence) => !senses.absences.includes(absence)).map(absent);
    return [...sensor.dimensions.map(({ name, unit }) => ok(name, unit)), ...more];
  } catch (error) {
    return [fatal("dimensions", error, "nothing can be sensed")];
  }
}

function examine_view(narrow: Maybe<string>): readonly Finding[] {
  if (narrow === null) return [ok("own cgroup", own_cgroup_path())];
  const costs = "only the container itself is seen, and nothing can be contained";
  const remedy = "give the container the host's processes (hostPID) with CAP_SYS_ADMIN and CAP_SYS_PTRACE";
  return [{ what: "own cgroup", state: "missing", detail: narrow, costs, remedy }];
}

function examine_cgroups(config: Config): readonly Finding[] {
  const found = find_cgroup2_mount();
  if (found === null) {
    return [
      {
        what: "cgroup v2",
        state: "missing",
        detail: why_no_cgroup2(),
        costs: "no culprit can be named and nothing can be contained: HOSA only observes",
        remedy: "boot with systemd.unified_cgroup_hierarchy=1, or mount cgroup2",
      },
    ];
  }
  const { mount, controllers } = found;
  const missing = new Map(
    missing_rungs(kernel_files, mount, config.motor.rungs, process.pid, null, null).map((m) => [m.rung, m.why]),
  );
  return [
    ok("cgroup v2", `${mount}, controllers: ${controllers.join(" ") || "none"}`),
    ...RUNGS.filter((rung) => rung !== "shield").map((rung): Finding => {
      if (rung === "swap_reserve") return reserve_finding(config);
      const why = missing.get(rung);
      if (why === undefined) return ok(rung, "possible");
      return {
        what: rung,
        state: "missing",
        detail: why,
        costs: RUNG_COSTS[rung],
        remedy: rung_remedy(rung, why, config),
      };
    }),
  ];
}

function program_remedy(name: string, why: string, config: Config): string {
  if (config.senses.disabled.includes(name)) return "remove it from senses.disabled";
  // Any other reason says itself what to do, where anything can be done.
  return /this kernel|verifier/.test(why) ? "use a kernel that offers it, or do without" : "";
}

function rung_remedy(rung: Rung, why: string, config: Config): string {
  if (!config.motor.rungs.includes(rung)) return "add it to motor.rungs";
  if (why.includes("controller")) return "boot with cgroup_no_v1=all, so that the controller is on cgroup v2";
  return "run as root, in a cgroup namespace that may be written";
}

/** What a failure means here; a defect of ours is thrown on. */
function fatal(what: string, error: unknown, costs: string): Finding {
  if (error instanceof KernelError) {
    const detail = `${error.operation} ${error.subject}: ${error.errno}`;
    return { what, state: "fatal", detail, costs, remedy: error.hint };
  }
  if (error instanceof OperatorError) return { what, state: "fatal", detail: error.message, costs, remedy: error.hint };
  throw error;
}
