import { hostname, release } from "node:os";
import manifest from "../../package.json" with { type: "json" };
import { monotonic_ns } from "../ffi/libc.ts";
import type { AuditEntry } from "../model/audit.ts";
import { counted } from "../model/counted.ts";
import { CgroupMotor } from "../motor/motor.ts";
import { why_no_cgroup2 } from "../sensor/mount.ts";
import type { AgentOptions } from "./agent_options.ts";
import type { Parts } from "./compose.ts";
import { worth_telling } from "./reserve.ts";

/** Says and records what is there and what is missing, before the first beat. */
export function announce(
  parts: Parts,
  options: AgentOptions,
  period_ms: number,
  record: (entry: AuditEntry) => void,
): void {
  const { motor, sensor, mount } = parts;
  const { mode, on_message, config } = options;
  const missing_rungs = worth_telling(motor.missing(), config);
  on_message("info", `${sensor.dimensions.length} dimensions, beat ${period_ms} ms, motor: ${motor.name}`);
  if (motor.name === "recording") {
    const why =
      mount === null ? `cgroup v2: ${why_no_cgroup2()}` : mode === "observe" ? "observe is read-only" : "dry run";
    on_message("info", `the recording motor only writes down what it would do (${why})`);
  }
  for (const { rung, why } of missing_rungs) on_message("warn", `rung ${rung} is missing: ${why}`);
  for (const { what, why, costs } of sensor.absences) on_message("warn", `${what} is missing (${why}): ${costs}`);
  for (const { what, why, costs } of parts.shield?.absent ?? [])
    on_message("warn", `${what} is missing (${why}): ${costs}`);
  const { environment, said } = parts.standing;
  if (said !== null) on_message("warn", said);
  const t_ns = monotonic_ns();
  record({
    t_ns,
    kind: "start",
    version: manifest.version,
    node: config.node.name || hostname(),
    kernel: release(),
    mode,
    motor: motor.name,
    dimensions: sensor.dimensions.map((dimension) => dimension.name),
    missing_rungs,
    absences: sensor.absences,
    environment,
    ...(said === null ? {} : { quarantine: said }),
  });
  if (motor instanceof CgroupMotor && motor.recovered.length > 0) {
    const reason = "left by a predecessor";
    record({ t_ns, kind: "undo", reason, outcomes: motor.recovered });
    on_message("warn", `undone: ${counted(motor.recovered.length, "change")} left by a predecessor`);
  }
}
