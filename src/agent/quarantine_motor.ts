import type { Config } from "../config/index.ts";
import { monotonic_ns } from "../ffi/libc.ts";
import type { StepOutcome } from "../model/quarantine.ts";
import type { Maybe } from "../model/sample.ts";
import { kernel_files } from "../motor/files.ts";
import { Guard } from "../motor/guard.ts";
import { kernel_processes } from "../motor/processes.ts";
import { Quarantine } from "../motor/quarantine/executor.ts";
import { type QuarantineMotor, RecordingQuarantine } from "../motor/quarantine/recording.ts";
import { kernel_world } from "../motor/quarantine/undo.ts";
import type { SwitchableMotor } from "../motor/switchable.ts";
import { precondition_words } from "../report/precondition.ts";
import { cluster_access, NodeTaint } from "../telemetry/kubernetes.ts";
import { abort_after, pause, wall_time_iso } from "./clock.ts";
import { protected_patterns } from "./protected_patterns.ts";

/**
 * What carries out a quarantine here: the real one while the motor acts, else the one that only says it. What stands of a quarantine is
 * looked after and undone in any case: lowering the dial does not end it.
 */
export function quarantine_motor(
  config: Config,
  motor: SwitchableMotor,
  mount: Maybe<string>,
  evidence: () => Promise<string>,
  last_word: () => Promise<string>,
  tell: (outcome: StepOutcome) => void,
): QuarantineMotor {
  const ports = { files: kernel_files, processes: kernel_processes };
  const guard =
    mount === null
      ? null
      : new Guard({ ...ports, mount }, { protect: protected_patterns(config), words: precondition_words });
  const recording = new RecordingQuarantine(tell, guard);
  const { real } = motor;
  if (real === null) return recording;
  const quarantine = new Quarantine({
    ledger: real.ledger,
    ...ports,
    mount,
    world: kernel_world,
    guard,
    take_over: (paths, now_ns) => real.release_below(paths, now_ns, "the quarantine takes over"),
    isolation: real,
    taint: node_taint(config),
    evidence,
    webhook: last_word,
    boot_id: real.ledger.boot_id,
    wall_time: wall_time_iso,
    now_ns: monotonic_ns,
    pause,
    evidence_deadline_ms: config.quarantine.evidence_deadline_s * 1000,
    tell,
  });
  return {
    get busy() {
      return quarantine.busy;
    },
    enter: (plan) => (motor.name === "cgroup" ? quarantine : recording).enter(plan),
    at_leisure: (now_ns) => quarantine.at_leisure(now_ns),
    leave: (why) => quarantine.leave(why),
    close: () => quarantine.close(),
  };
}

/** The way to the API server from here. */
export function node_taint(config: Config): NodeTaint | { readonly missing: string } {
  const access = cluster_access(process.env);
  if (typeof access === "string") return { missing: access };
  return new NodeTaint({ access, deadline_ms: config.quarantine.taint_deadline_s * 1000, abort_after, pause });
}
