import type { AuditRecord, GuestEvent, LoadSecond, SliceSample, TransactionAudit } from "./records.ts";
import { acked_per_s, full_stall_share, growth_mb_s, quantile_us, stable_from_ms, sum, within } from "./series.ts";
import { is_transition, type TimelineEntry, timeline_of } from "./timeline.ts";

export interface RunLabel {
  readonly scenario: string;
  readonly agent: string;
  readonly kernel: string;
  readonly clock: string;
  readonly seed: number;
}

/** Everything one guest recorded. */
export interface RunRecords {
  readonly fault_ms: number;
  readonly end_ms: number;
  readonly leak_mb_s: number | null;
  readonly samples: readonly SliceSample[];
  readonly payment: readonly LoadSecond[];
  readonly neighbour: readonly LoadSecond[];
  readonly events: readonly GuestEvent[];
  /** Null: this run had no agent that writes an audit. */
  readonly audit: readonly AuditRecord[] | null;
  readonly transactions: TransactionAudit | null;
  readonly neighbour_transactions: TransactionAudit | null;
}

export interface ServiceResult {
  /** Answered per second from the onset to the end, against the 30 s before the onset. */
  readonly served_ratio: number | null;
  readonly p99_ratio: number | null;
  readonly worst_ms: number | null;
}

export interface RunResult extends RunLabel {
  /** Guest time at which the fault began; the moments below count from it. */
  readonly onset_ms: number;
  readonly seen_ms: number | null;
  readonly acted_ms: number | null;
  readonly stable_ms: number | null;
  /** Mean growth of payment.slice from the first action to the end, probes of the agent included; null after a kill. */
  readonly growth_after_action_mb_s: number | null;
  readonly kills: number;
  readonly first_kill_ms: number | null;
  readonly processes_lost: number;
  /** First end of the service before the run's own, whoever ended it. */
  readonly first_lost_ms: number | null;
  readonly culprit: string | null;
  readonly transactions: { readonly sent: number; readonly acknowledged: number; readonly lost: number | null };
  readonly served_ratio: number | null;
  readonly p99_ratio: number | null;
  readonly worst_ms: number | null;
  readonly neighbour: ServiceResult & { readonly lost: number | null };
  /** Share of time with memory full stall of payment.slice after the onset, and after it became stable. */
  readonly psi_full: number | null;
  readonly psi_full_stable: number | null;
  readonly touched: readonly string[] | null;
  readonly interventions: number | null;
  readonly memory_at_end_mb: number | null;
  readonly swap_at_end_mb: number | null;
  readonly timeline: readonly TimelineEntry[];
}

const PAYMENT = "payment.slice";
const BASELINE_MS = 30_000;
const REQUEST_TIMEOUT_MS = 2000;
const MEMORY_RUNGS = ["thread_hold", "memory_governor", "freeze"];
const EFFECTIVE = ["done", "pending"];

/** Pure: the same records give the same result. */
export function measure(label: RunLabel, records: RunRecords): RunResult {
  const onset_ms = onset_of(records);
  const since = (t_ms: number | null): number | null => (t_ms === null ? null : round(t_ms - onset_ms, 1));
  const samples = records.samples.filter((s) => s.slice === PAYMENT);
  const kill_ms = first_kill(records.samples, PAYMENT, onset_ms);
  const kills = kills_of(records.samples);
  const stable = stability(samples, records, onset_ms);
  const audit = records.audit?.filter((a) => a.t_ms >= onset_ms) ?? null;
  const acted = audit?.find((a) => a.outcomes.some((o) => acts_on_payment(o)))?.t_ms ?? null;
  const last = samples.at(-1);
  const exits = records.events.filter((e) => e.event === "exit" && e.t_ms < records.end_ms);
  return {
    ...label,
    onset_ms: round(onset_ms, 1),
    seen_ms: since(audit?.find((a) => (a.level ?? 0) >= 1)?.t_ms ?? null),
    acted_ms: since(acted),
    stable_ms: since(stable),
    growth_after_action_mb_s: acted === null || kill_ms !== null ? null : rounded(growth_mb_s(samples, acted), 2),
    kills,
    first_kill_ms: since(kill_ms),
    processes_lost: exits.length,
    first_lost_ms: since(exits[0]?.t_ms ?? null),
    culprit: audit?.find((a) => (a.level ?? 0) >= 1 && a.culprit !== null)?.culprit ?? null,
    transactions: {
      sent: sum(records.payment, (s) => s.sent),
      acknowledged: sum(records.payment, (s) => s.acked),
      lost: records.transactions?.lost ?? null,
    },
    ...service(records.payment, onset_ms, records.end_ms),
    neighbour: {
      ...service(records.neighbour, onset_ms, records.end_ms),
      lost: records.neighbour_transactions?.lost ?? null,
    },
    psi_full: rounded(full_stall_share(samples, onset_ms), 4),
    psi_full_stable: stable === null ? null : rounded(full_stall_share(samples, stable), 4),
    touched: records.audit === null ? null : touched(records.audit),
    interventions: records.audit === null ? null : interventions(records.audit),
    memory_at_end_mb: last ? round(last.memory_bytes / 1024 ** 2, 1) : null,
    swap_at_end_mb: last ? round(last.swap_bytes / 1024 ** 2, 1) : null,
    timeline: timeline_of(records, onset_ms),
  };
}

/** The workload says itself when its fault began; ordinary situations begin with their first event. */
export function onset_of(records: Pick<RunRecords, "events" | "fault_ms">): number {
  const said = records.events.find((e) => e.event === "onset") ?? records.events.find((e) => e.event === "begin");
  return said?.t_ms ?? records.fault_ms;
}

/** A dead service is not a stable one. */
function stability(samples: readonly SliceSample[], records: RunRecords, onset_ms: number): number | null {
  if (records.leak_mb_s === null) return null;
  if (kills_of(samples) > 0 || samples.at(-1)?.populated !== true) return null;
  return stable_from_ms(samples, onset_ms, records.leak_mb_s * 1024 ** 2);
}

function acts_on_payment(outcome: AuditRecord["outcomes"][number]): boolean {
  return (
    outcome.verb !== "release" &&
    outcome.path.startsWith(`/${PAYMENT}`) &&
    MEMORY_RUNGS.includes(outcome.rung) &&
    EFFECTIVE.includes(outcome.status)
  );
}

function service(seconds: readonly LoadSecond[], onset_ms: number, end_ms: number): ServiceResult {
  // Seconds count from the load generator's own start: the one in which the onset lies belongs to neither side.
  const before = within(seconds, onset_ms - BASELINE_MS, onset_ms);
  const after = within(seconds, onset_ms, end_ms);
  const rate_before = acked_per_s(seconds, onset_ms - BASELINE_MS, onset_ms);
  const rate_after = acked_per_s(seconds, onset_ms, end_ms);
  const p99_before = quantile_us(before, 0.99);
  const p99_after = quantile_us(after, 0.99);
  const answered_worst_ms = Math.max(0, ...after.map((s) => s.worst_us)) / 1000;
  const failed = after.some((s) => s.failed > 0);
  return {
    served_ratio: rate_before && rate_after !== null ? round(rate_after / rate_before, 4) : null,
    p99_ratio: p99_before && p99_after !== null ? round(p99_after / p99_before, 2) : null,
    worst_ms: after.length === 0 ? null : round(Math.max(answered_worst_ms, failed ? REQUEST_TIMEOUT_MS : 0), 1),
  };
}

/** Kernel OOM kills of all slices: each slice's counter at its end. */
export function kills_of(samples: readonly SliceSample[]): number {
  const last = new Map<string, number>();
  for (const s of samples) last.set(s.slice, s.oom_kills);
  return sum([...last.values()], (n) => n);
}

function first_kill(samples: readonly SliceSample[], slice: string, from_ms: number): number | null {
  return samples.find((s) => s.slice === slice && s.t_ms >= from_ms && s.oom_kills > 0)?.t_ms ?? null;
}

function touched(audit: readonly AuditRecord[]): string[] {
  const paths = audit.flatMap((a) => a.outcomes.filter((o) => EFFECTIVE.includes(o.status)).map((o) => o.path));
  // What is done to the node itself (a swap area on or off) is done to no cgroup.
  return [...new Set(paths)].filter((p) => p !== "" && p !== "/").sort();
}

function interventions(audit: readonly AuditRecord[]): number {
  return audit.filter((a) => is_transition(a) && (a.level ?? 0) >= 2 && (a.previous_level ?? 0) < 2).length;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function rounded(value: number | null, digits: number): number | null {
  return value === null ? null : round(value, digits);
}
