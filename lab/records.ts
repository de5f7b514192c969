/** What a guest leaves behind, as typed records. Everything is stamped with CLOCK_MONOTONIC in milliseconds. */
export interface SliceSample {
  readonly t_ms: number;
  readonly slice: string;
  readonly memory_bytes: number;
  readonly oom_kills: number;
  readonly psi_some_us: number;
  readonly psi_full_us: number;
  readonly populated: boolean;
  /** 0 in records older than this column. */
  readonly swap_bytes: number;
}

export interface LoadSecond {
  readonly t_ms: number;
  readonly sent: number;
  readonly acked: number;
  readonly failed: number;
  readonly worst_us: number;
  /** Bucket → count; bucket b begins at 2^(b/32) microseconds. */
  readonly histogram: ReadonlyMap<number, number>;
}

export interface GuestEvent {
  readonly t_ms: number;
  readonly event: string;
  readonly detail: string;
}

export interface AuditOutcome {
  readonly verb: string;
  readonly rung: string;
  readonly status: string;
  readonly path: string;
  readonly written: string | null;
}

/** The few fields of an audit line the lab measures with; a field the line lacks is null or empty. */
export interface AuditRecord {
  readonly t_ms: number;
  readonly kind: string;
  readonly level: number | null;
  readonly previous_level: number | null;
  readonly rule: string;
  readonly culprit: string | null;
  readonly outcomes: readonly AuditOutcome[];
  /** "effective: why" for each judgement on an earlier action. */
  readonly verdicts: readonly string[];
}

export interface TransactionAudit {
  readonly acknowledged: number;
  readonly lost: number;
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

/** The guest may be stopped in the middle of a line: what does not parse is left out. */
function json_lines(text: string): Json[] {
  const parsed: Json[] = [];
  for (const line of lines(text)) {
    try {
      parsed.push(as_object(JSON.parse(line)));
    } catch {}
  }
  return parsed;
}

type Json = Readonly<Record<string, unknown>>;

function as_object(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function as_number(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function as_text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Tab-separated lines of lab/workloads/sampler.c. */
export function parse_samples(text: string): SliceSample[] {
  const samples: SliceSample[] = [];
  for (const line of lines(text)) {
    const f = line.split("\t");
    if (f.length < 11) continue;
    samples.push({
      t_ms: Number(f[0]) / 1e6,
      slice: f[1]!,
      memory_bytes: Number(f[2]),
      oom_kills: Number(f[5]),
      psi_some_us: Number(f[6]),
      psi_full_us: Number(f[7]),
      populated: f[8] === "1",
      swap_bytes: Number(f[11] ?? 0),
    });
  }
  return samples;
}

/** JSON lines of lab/workloads/loadgen.c. */
export function parse_load(text: string): LoadSecond[] {
  return json_lines(text).map((o) => ({
    t_ms: as_number(o.t_ms) ?? 0,
    sent: as_number(o.sent) ?? 0,
    acked: as_number(o.acked) ?? 0,
    failed: as_number(o.failed) ?? 0,
    worst_us: as_number(o.worst_us) ?? 0,
    histogram: new Map(Object.entries(as_object(o.histogram)).map(([b, n]) => [Number(b), as_number(n) ?? 0])),
  }));
}

export function parse_events(text: string): GuestEvent[] {
  return json_lines(text).map((o) => ({
    t_ms: (as_number(o.t_ns) ?? 0) / 1e6,
    event: as_text(o.event),
    detail: as_text(o.detail),
  }));
}

export function parse_transactions(text: string): TransactionAudit | null {
  const o = json_lines(text)[0];
  const acknowledged = as_number(o?.acknowledged);
  const lost = as_number(o?.lost);
  return acknowledged === null || lost === null ? null : { acknowledged, lost };
}

/** Lines of the product's audit log; tolerant, so that the lab outlives changes of fields it does not need. */
export function parse_audit(text: string): AuditRecord[] {
  return json_lines(text).map((o) => {
    const decision = as_object(o.decision);
    const outcomes = [
      ...(Array.isArray(o.outcomes) ? o.outcomes : []),
      ...(o.outcome === undefined ? [] : [o.outcome]),
    ];
    return {
      t_ms: (as_number(o.t_ns) ?? as_number(decision.t_ns) ?? 0) / 1e6,
      kind: as_text(o.kind),
      level: as_number(decision.level) ?? as_number(o.level),
      previous_level: as_number(decision.previous_level) ?? as_number(o.previous_level),
      rule: as_text(decision.rule),
      culprit: culprit_text(as_object(decision.culprit ?? o.culprit)),
      verdicts: (Array.isArray(o.verdicts) ? o.verdicts : [])
        .map(as_object)
        .map((verdict) => `${as_text(verdict.verdict)}: ${as_text(verdict.detail)}`),
      outcomes: outcomes.map(as_object).map((outcome) => ({
        verb: as_text(outcome.verb),
        rung: as_text(outcome.rung),
        status: as_text(outcome.status),
        path: as_text(as_object(outcome.target).path),
        written: as_text(outcome.written) || null,
      })),
    };
  });
}

/** "thread /payment.slice cache-filler (tid 71 of 66)"; null when nobody was named. */
function culprit_text(culprit: Json): string | null {
  const path = as_text(culprit.path);
  if (path === "") return null;
  const comm = as_text(culprit.comm);
  const tid = as_number(culprit.tid);
  const pid = as_number(culprit.pid);
  const who = tid !== null ? ` (tid ${tid} of ${pid})` : pid !== null ? ` (pid ${pid})` : "";
  return `${as_text(culprit.scope)} ${path}${comm ? ` ${comm}` : ""}${who}`;
}
