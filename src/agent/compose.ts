import { closeSync, openSync, readSync } from "node:fs";
import { hostname, release } from "node:os";
import { dirname } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { type AuditWriter, FlightRecorder } from "../audit/index.ts";
import { type Config, dial_of } from "../config/index.ts";
import { Cortex } from "../cortex/cortex.ts";
import type { DecisionConfig } from "../decision/config.ts";
import { KernelError } from "../ffi/errors.ts";
import { geteuid, mlockall_on_fault, trim_malloc } from "../ffi/libc.ts";
import { senses_object } from "../ffi/object.ts";
import { drop_program_text } from "../ffi/program_text.ts";
import { Senses } from "../ffi/senses.ts";
import type { Dial } from "../model/dial.ts";
import { reason_of } from "../model/errno.ts";
import { OperatorError } from "../model/error.ts";
import type { MotorLimits } from "../motor/limits.ts";
import { LedgerBusy } from "../motor/lock.ts";
import { CgroupMotor } from "../motor/motor.ts";
import { RecordingMotor } from "../motor/recording.ts";
import type { Prepared } from "../motor/reserve/prepare.ts";
import { protect_self, type SelfProtection } from "../motor/self.ts";
import { SwitchableMotor } from "../motor/switchable.ts";
import { precondition_words } from "../report/precondition.ts";
import { kernel_ports } from "../sensor/kernel_ports.ts";
import { find_cgroup2_mount } from "../sensor/mount.ts";
import { own_cgroup_path, see_whole_node } from "../sensor/own_cgroup.ts";
import { Sensor } from "../sensor/sensor.ts";
import type { AgentOptions } from "./agent_options.ts";
import { open_audit } from "./audit_lock.ts";
import { calm_background_threads } from "./background.ts";
import { wall_s, wall_time_iso } from "./clock.ts";
import { cortex_options } from "./cortex_options.ts";
import { bounded_by, decision_config } from "./decision_config.ts";
import { probe_rungs } from "./probe.ts";
import { excluded_paths, protected_patterns } from "./protected_patterns.ts";
import { BEATS_TO_COMPILE, BEATS_TO_TOUCH, rehearse } from "./rehearsal.ts";
import { open_reserve } from "./reserve.ts";
import { load_rows } from "./rows_file.ts";
import { load_self } from "./self_file.ts";
import { NodeShield } from "./shield.ts";
import { find_standing, type Standing } from "./standing.ts";

const BTF = "/sys/kernel/btf/vmlinux";

/** Everything an agent is made of, opened and checked. */
export interface Parts {
  readonly senses: Senses;
  readonly ports: ReturnType<typeof kernel_ports>;
  readonly sensor: Sensor;
  readonly cortex: Cortex;
  readonly motor: SwitchableMotor;
  /** As the configuration said it at the start; a reload may move it. */
  readonly dial: Dial;
  readonly audit: AuditWriter | null;
  readonly unlock_audit: () => void;
  readonly flight: FlightRecorder | null;
  readonly shield: SelfProtection | null;
  /** Null: this host has none, or nothing is touched. */
  readonly network: NodeShield | null;
  /** What the decision may know of the configuration, and of what this host offers. */
  readonly rules: DecisionConfig;
  readonly mount: string | null;
  readonly own_path: string;
  readonly standing: Standing;
}

function require_root(): void {
  if (geteuid() !== 0) {
    throw new OperatorError(
      `cannot start as user ${geteuid()}: HOSA runs as root`,
      3,
      "run as root; of root's capabilities those that `hosa doctor` lists are enough",
    );
  }
}

/** Without BTF libbpf can relocate nothing and answers with an errno that helps nobody. */
function require_btf(): void {
  const magic = new Uint8Array(2);
  try {
    const fd = openSync(BTF, "r");
    readSync(fd, magic);
    closeSync(fd);
  } catch (error) {
    throw no_btf(`it cannot be read: ${reason_of(error)}`, error);
  }
  if (magic[0] !== 0x9f || magic[1] !== 0xeb) throw no_btf("it holds no BTF");
}

function no_btf(why: string, cause?: unknown): OperatorError {
  const hint = "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y, as Debian 12 and all current distributions ship";
  return new OperatorError(
    `cannot load BPF programs: the kernel's types (BTF) are missing: ${BTF}: ${why}`,
    3,
    hint,
    cause,
  );
}

function open_senses(config: Config): Senses {
  require_btf();
  try {
    return Senses.open({ object: senses_object(), disabled: config.senses.disabled });
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw new OperatorError(error.message, 3, error.hint || "see `hosa doctor`", error);
  }
}

/** What decides whether anything can ever be touched. */
type Asked = Pick<AgentOptions, "config" | "mode" | "dry_run">;

/** Whether the dial may let this agent act, now or later: then everything is opened for it, and its capabilities are kept. */
export function may_act({ mode, dry_run }: Pick<AgentOptions, "mode" | "dry_run">): boolean {
  return mode === "run" && !dry_run;
}

/**
 * Whether decisions may count on the shield. In a dry run they do as if a configured one could be put on; otherwise only on one that is
 * there: load from outside would be left to it, and not be answered.
 */
export function counts_on_shield(asked: Asked, network: NodeShield | { readonly missing: string }): boolean {
  if ("shield" in network) return network.shield.missing() === null;
  const { config, mode } = asked;
  const configured = config.motor.rungs.includes("shield") && config.shield.interfaces.length > 0;
  return configured && mode === "run" && !may_act(asked);
}

/** What of the motor's configuration may change while it runs. */
export function motor_limits(config: Config): MotorLimits {
  const { motor } = config;
  return {
    max_targets_per_minute: motor.max_targets_per_minute,
    cooldown_s: motor.cooldown_s,
    expiry_s: motor.expiry_s,
    protect: protected_patterns(config),
    words: precondition_words,
  };
}

function open_motor(
  options: AgentOptions,
  mount: string | null,
  network: NodeShield | { readonly missing: string },
  reserve: Prepared,
): SwitchableMotor {
  const { motor } = options.config;
  const limits = { enabled_rungs: motor.rungs, ...motor_limits(options.config) };
  if (mount === null || !may_act(options)) {
    // Who only observes makes nothing, not even an empty cgroup.
    const missing = options.mode === "run" ? probe_rungs(options.config, mount) : [];
    return new SwitchableMotor(null, new RecordingMotor({ ...limits, mount, missing }), false);
  }
  try {
    const real = new CgroupMotor({ ...limits, mount, ledger_dir: motor.ledger_dir, shield: network, reserve });
    const recording = new RecordingMotor({ ...limits, mount, missing: real.missing() });
    return new SwitchableMotor(real, recording, dial_of(options.config, options).acts);
  } catch (error) {
    if (!(error instanceof LedgerBusy)) throw error;
    throw new OperatorError(error.message, 1, "end the other hosa first, or use `hosa observe` beside it", error);
  }
}

/** Opens every room in order; when one refuses, what was opened before is closed again. */
export function compose(options: AgentOptions): Parts {
  require_root();
  using undo = new DisposableStack();
  const { config } = options;
  const narrow = see_whole_node();
  if (narrow !== null) options.on_message("warn", narrow);
  const senses = undo.use(open_senses(config));
  const own_path = own_cgroup_path();
  const mount = find_cgroup2_mount()?.mount ?? null;
  const ports = kernel_ports(senses, (id) => sensor.cgroups.path_of(id));
  const sensor: Sensor = new Sensor(ports, { excluded_paths: excluded_paths(config, own_path) });
  const standing = find_standing(config, mount);
  const cortex = recall(options, sensor);
  rehearse(ports, cortex_options(config), decision_config(config, own_path), BEATS_TO_COMPILE);
  // What loading and compiling ran goes; what a beat runs comes back before memory is locked.
  drop_program_text();
  rehearse(ports, cortex_options(config), decision_config(config, own_path), BEATS_TO_TOUCH);
  release_memory();
  calm_background_threads();
  const network = mount !== null && may_act(options) ? NodeShield.open(config) : { missing: "nothing is touched" };
  if ("shield" in network) undo.use(network);
  const reserve = mount !== null && may_act(options) ? open_reserve(config) : { missing: "nothing is touched" };
  const motor = open_motor(options, mount, network, reserve);
  undo.defer(() => motor.close());
  const locked = options.mode === "run" ? open_audit(config) : null;
  if (locked !== null) undo.defer(locked.unlock);
  const audit = locked?.audit ?? null;
  const unlock_audit = locked?.unlock ?? (() => {});
  const lacks_shield = motor.real === null && motor.missing().some(({ rung }) => rung === "shield");
  const shielded = !lacks_shield && counts_on_shield(options, network);
  const reserved = config.reserve.path !== "" && ("path" in reserve || motor.real === null);
  const dial = dial_of(config, options);
  const rules = bounded_by(decision_config(config, own_path, shielded, reserved, dial), standing.ceiling);
  const flight = audit === null ? null : open_flight(options, rules);
  const shield = motor.real !== null && mount !== null ? protect_self({ mount, lock_memory: mlockall_on_fault }) : null;
  undo.move();
  const opened = { senses, ports, sensor, cortex, motor, dial, audit, unlock_audit, flight, shield };
  return { ...opened, mount, own_path, rules, standing, network: "shield" in network ? network : null };
}

/** What the start needed and the beats do not: the resident set of an agent that waits should be small. */
function release_memory(): void {
  Bun.gc(true);
  trim_malloc();
}

/** Beside the audit; null when it is switched off. */
function open_flight({ config, on_message }: AgentOptions, rules: DecisionConfig): FlightRecorder | null {
  const { path, flight_minutes, flight_keep } = config.audit;
  if (flight_minutes === 0) return null;
  return new FlightRecorder({
    directory: dirname(path),
    minutes: flight_minutes,
    keep: flight_keep,
    origin: {
      node: config.node.name || hostname(),
      kernel: release(),
      hosa_version: manifest.version,
      config: rules,
    },
    wall_time: wall_time_iso,
    on_trouble: (text) => on_message("error", `the flight recorder cannot write: ${text}`),
  });
}

/** What the second opinions learned before, when it fits; otherwise they learn anew, with the reason said. */
function recall_rows({ config, on_message }: AgentOptions, cortex: Cortex): void {
  const saved = load_rows(config.learning.state_dir);
  const refused = "refused" in saved ? saved.refused : cortex.take_up_rows(saved.rows, wall_s() - saved.saved_s);
  if (refused !== null) on_message("info", `the second opinions learn anew (${refused})`);
}

/** The self learned before, when it fits; otherwise a new one, with the reason said. */
function recall(options: AgentOptions, sensor: Sensor): Cortex {
  const settings = cortex_options(options.config);
  const saved = load_self(options.config.learning.state_dir);
  let refused: string;
  if ("self" in saved) {
    const restored = Cortex.restore(sensor.dimensions, settings, saved.self);
    if ("cortex" in restored) {
      options.on_message("info", "the learned self of an earlier run is taken up again");
      if (settings.opinions !== null) recall_rows(options, restored.cortex);
      return restored.cortex;
    }
    refused = restored.refused;
  } else {
    refused = saved.refused;
  }
  const { warmup_s } = options.config.learning;
  const meanwhile = options.mode === "observe" ? "`hosa doctor`" : "`hosa doctor` and `hosa observe`";
  options.on_message(
    "info",
    `learning this node for ${warmup_s} s (${refused}); nothing above level 1 before that; meanwhile try ${meanwhile}`,
  );
  return new Cortex(sensor.dimensions, settings);
}
