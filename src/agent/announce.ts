import { hostname, release } from "node:os";
import manifest from "../../package.json" with { type: "json" };
import { deprecations } from "../config/index.ts";
import { monotonic_ns } from "../ffi/libc.ts";
import type { AuditEntry } from "../model/audit.ts";
import { counted } from "../model/counted.ts";
import type { Pause } from "../model/pause.ts";
import type { Maybe } from "../model/sample.ts";
import { dial_sentence } from "../report/dial.ts";
import { why_no_cgroup2 } from "../sensor/mount.ts";
import type { AgentOptions } from "./agent_options.ts";
import type { Parts } from "./compose.ts";
import { lacking } from "./lacking.ts";

/** Says and records what is there and what is missing, before the first beat. */
export function announce(
  parts: Parts,
  options: AgentOptions,
  period_ms: number,
  pause: Maybe<Pause>,
  record: (entry: AuditEntry) => void,
): void {
  const { motor, sensor, mount } = parts;
  const dial = { ...parts.dial, acts: motor.name === "cgroup" };
  const { mode, on_message, config } = options;
  const { rungs: missing_rungs, absences } = lacking(parts, config);
  on_message("info", `${sensor.dimensions.length} dimensions, beat ${period_ms} ms, motor: ${motor.name}`);
  if (mode === "observe") on_message("info", "observe is read-only: HOSA only shows what it would do");
  else {
    on_message(
      "info",
      `autonomy: ${dial_sentence(dial)}${dial.acts || dial.dry_run ? "" : "; `hosa arm` lets it act"}`,
    );
    if (mount === null) on_message("warn", `nothing can be contained: cgroup v2: ${why_no_cgroup2()}`);
    for (const text of deprecations(config)) on_message("warn", text);
  }
  for (const { rung, why } of missing_rungs) on_message("warn", `rung ${rung} is missing: ${why}`);
  for (const { what, why, costs } of absences) on_message("warn", `${what} is missing (${why}): ${costs}`);
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
    dial,
    ...(pause === null ? {} : { pause }),
    dimensions: sensor.dimensions.map((dimension) => dimension.name),
    missing_rungs,
    absences,
    environment,
    ...(said === null ? {} : { quarantine: said }),
  });
  if (motor.recovered.length > 0) {
    const reason = "left by a predecessor";
    record({ t_ns, kind: "undo", reason, outcomes: motor.recovered });
    on_message("warn", `undone: ${counted(motor.recovered.length, "change")} left by a predecessor`);
  }
}
