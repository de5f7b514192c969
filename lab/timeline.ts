import type { RunRecords } from "./metrics.ts";
import type { AuditRecord } from "./records.ts";

/** Seconds from the onset (negative: before it) and what happened. */
export interface TimelineEntry {
  readonly t_s: number;
  readonly event: string;
}

const MOST = 200;

/** A record whose decision changed the level; when the same beat acted, it is recorded as an action. */
export function is_transition(record: AuditRecord): boolean {
  return (
    (record.kind === "transition" || record.kind === "action") &&
    record.level !== null &&
    record.previous_level !== null &&
    record.level !== record.previous_level
  );
}

/** Events of the guest, kills, transitions and actions of the agent, in time order; bounded. */
export function timeline_of(
  records: Pick<RunRecords, "events" | "samples" | "audit" | "end_ms">,
  onset_ms: number,
): TimelineEntry[] {
  const entries: { t_ms: number; event: string }[] = [];
  for (const e of records.events) entries.push({ t_ms: e.t_ms, event: `${e.event}: ${e.detail}` });
  const kills = new Map<string, number>();
  for (const s of records.samples) {
    const before = kills.get(s.slice) ?? 0;
    if (s.oom_kills > before) {
      entries.push({ t_ms: s.t_ms, event: `OOM kill in ${s.slice} (${s.oom_kills} so far)` });
    }
    kills.set(s.slice, s.oom_kills);
  }
  for (const a of records.audit ?? []) {
    if (is_transition(a)) {
      const who = a.culprit === null ? "" : ` [${a.culprit}]`;
      entries.push({ t_ms: a.t_ms, event: `level ${a.previous_level} → ${a.level}: ${a.rule}${who}` });
    }
    for (const verdict of a.verdicts) entries.push({ t_ms: a.t_ms, event: `verdict: ${verdict}` });
    for (const o of a.outcomes) {
      // A governor is adjusted at every beat: only what did not go as asked is worth a line.
      if (o.verb === "adjust" && o.rung === "memory_governor" && o.status === "done") continue;
      const wrote = o.written === null ? "" : ` = ${o.written}`;
      entries.push({ t_ms: a.t_ms, event: `${o.verb} ${o.rung} on ${o.path}${wrote}: ${o.status}` });
    }
  }
  return entries
    .filter((e) => e.t_ms <= records.end_ms)
    .sort((a, b) => a.t_ms - b.t_ms)
    .slice(0, MOST)
    .map((e) => ({ t_s: Number(((e.t_ms - onset_ms) / 1000).toFixed(2)), event: e.event }));
}
