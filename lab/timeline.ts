import type { RunRecords } from "./metrics.ts";

/** Seconds from the onset (negative: before it) and what happened. */
export interface TimelineEntry {
  readonly t_s: number;
  readonly event: string;
}

const MOST = 200;

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
    if (a.kind === "transition") {
      entries.push({ t_ms: a.t_ms, event: `level ${a.previous_level} → ${a.level}${a.rule ? `: ${a.rule}` : ""}` });
    }
    for (const o of a.outcomes) {
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
