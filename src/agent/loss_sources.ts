import { cut_readings } from "../ffi/files.ts";
import type { Outcome } from "../model/containment.ts";
import { counted } from "../model/counted.ts";
import type { StepOutcome } from "../model/quarantine.ts";
import { cut_searches } from "../sensor/listeners.ts";
import { unreadable_processes } from "../sensor/runtime.ts";
import type { Parts } from "./compose.ts";
import type { AgentControl } from "./control.ts";
import type { Losses, LossSource } from "./losses.ts";
import type { Saving } from "./saving.ts";
import type { Service } from "./service.ts";

/** What of an agent counts losses besides the rooms it is made of. */
export interface LosingParts {
  readonly saving: Saving;
  readonly service: Service;
  /** Null where there is no socket; then `refused` says why, or is empty where none is wanted. */
  readonly control: () => AgentControl | null;
  readonly control_refused: () => string;
  readonly output_dropped: () => number;
}

/** Every counter of an agent's rooms that says what is lost or left out there. */
export function loss_sources(parts: Parts, losing: LosingParts): readonly LossSource[] {
  return [
    ...of_senses(parts),
    ...of_cortex(parts),
    ...of_motor(parts),
    ...of_records(parts, losing),
    ...of_others(losing),
  ];
}

function of_senses({ senses, sensor, ports }: Parts): readonly LossSource[] {
  return [
    { code: "beats", total: () => senses.lost_beats },
    { code: "readings", total: () => sensor.missed, detail: () => sensor.missed_dimensions.join(", ") },
    { code: "files_cut", total: cut_readings },
    { code: "interfaces", now: () => sensor.interfaces_left_out },
    { code: "cgroups", now: () => sensor.cgroups.ignored },
    { code: "cgroup_counters", now: () => senses.uncounted_cgroups },
    { code: "cgroup_rows", total: () => senses.late_rows },
    { code: "thread_walks", total: () => ports.threads.cut_thread_walks ?? 0 },
    { code: "thread_counters", total: () => senses.lost_thread_counters },
    { code: "processes", total: unreadable_processes },
    { code: "management_ports", total: cut_searches },
  ];
}

function of_cortex({ cortex }: Parts): readonly LossSource[] {
  return [
    {
      code: "cgroup_baselines",
      total: () => cortex.bounds.growth.replaced + cortex.bounds.changes.replaced,
      now: () => Math.max(cortex.bounds.growth.refused, cortex.bounds.changes.refused),
    },
    { code: "reports", now: () => cortex.bounds.cut },
  ];
}

function of_motor({ motor }: Parts): readonly LossSource[] {
  const { real } = motor;
  if (real === null) return [];
  const { ledger } = real;
  return [
    {
      code: "ledger",
      total: () => ledger.refused,
      lasting: () => ledger.trouble !== null,
      detail: () => ledger.trouble ?? "",
    },
    { code: "ledger_file", total: () => ledger.disturbed, detail: () => ledger.path },
    { code: "undos", now: () => real.stuck.length, detail: () => real.stuck.join("; ") },
  ];
}

function of_records({ audit, flight }: Parts, { saving, output_dropped }: LosingParts): readonly LossSource[] {
  const log: LossSource = { code: "log_lines", total: output_dropped };
  if (audit === null) return [log];
  const waiting = () =>
    audit.trouble === null ? "" : `${audit.trouble}; ${counted(audit.waiting, "line")} not written yet`;
  return [
    log,
    { code: "audit_lines", total: () => audit.dropped, lasting: () => audit.trouble !== null, detail: waiting },
    { code: "audit_file", total: () => audit.disturbed, detail: () => `${audit.path}: ${audit.disturbance}` },
    { code: "audit_entries", total: () => audit.shortened },
    { code: "flights", total: () => flight?.lost ?? 0, detail: () => flight?.trouble ?? "" },
    { code: "flight_beats", total: () => flight?.early_beats ?? 0 },
    { code: "baseline_saves", total: () => saving.lost, detail: () => saving.trouble },
  ];
}

function of_others({ service, control, control_refused }: LosingParts): readonly LossSource[] {
  return [
    { code: "manager_messages", total: () => service.lost },
    { code: "control_connections", total: () => control()?.lost_connections ?? 0 },
    {
      code: "control_socket",
      total: () => control()?.displaced ?? 0,
      lasting: () => control_refused() !== "" || (control()?.trouble ?? "") !== "",
      detail: () => control_refused() || (control()?.trouble ?? ""),
    },
  ];
}

/** Counts what actions did not do: those that were refused or failed, and the parts of others. A target that is gone is none. */
export function note_outcomes(losses: Losses, outcomes: readonly Outcome[]): void {
  for (const { verb, rung, target, status, detail, parts = [] } of outcomes) {
    const what = `${verb} ${rung} on ${target.path}`;
    if (status === "refused" || status === "failed") losses.note("actions", 1, `${what}: ${detail}`);
    const without = parts.filter((part) => part.status !== "done");
    if (status === "done" && without.length > 0)
      losses.note(
        "action_parts",
        without.length,
        `${what}: ${without.map((part) => `${part.subject}: ${part.detail}`).join("; ")}`,
      );
  }
}

/** Counts a step of a quarantine that was refused or failed. */
export function note_step(losses: Losses, { step, subject, status, detail }: StepOutcome): void {
  if (status === "refused" || status === "failed")
    losses.note("actions", 1, `quarantine: ${step} ${subject}: ${detail}`);
}
