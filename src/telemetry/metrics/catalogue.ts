import type { Assessment } from "../../model/assessment.ts";
import { RUNGS, type Rung } from "../../model/containment.ts";
import { AUTONOMIES, type Dial, ENGINE_STATES, type Engine } from "../../model/dial.ts";
import type { Level } from "../../model/level.ts";
import { LOSS_CODES, type Loss, type LossCode, loss_kind } from "../../model/loss.ts";
import type { Maybe } from "../../model/sample.ts";
import { HOOK_RESULTS, type HookFigures } from "../hooks/figures.ts";
import type { WebhookFigures } from "../webhook/figures.ts";
import { Exposition, type Histogram, type MetricValue } from "./exposition.ts";
import type { Tally } from "./tally.ts";

/** What is known at the moment of a scrape. */
export interface MetricFigures {
  readonly version: string;
  readonly dial: Dial;
  readonly engine: Engine;
  /** Null: no pause is in force. */
  readonly pause: Maybe<{ readonly left_s: number; readonly reason: string }>;
  /** Containments that would have been begun. */
  readonly would_do: number;
  /** Null before the first beat. */
  readonly assessment: Maybe<Assessment>;
  readonly level: Level;
  /** Rung of every live containment. */
  readonly live: readonly Rung[];
  readonly tally: Tally;
  readonly beats: {
    readonly count: number;
    /** Beats of the kernel that were never handled. */
    readonly lost: number;
    /** Values kept from an earlier beat because their source gave nothing usable. */
    readonly missed: number;
    readonly age_s: number;
    readonly period_s: number;
    /** Seconds; without the first beats, which run before their code is compiled. */
    readonly cost: Histogram;
    readonly lateness: Histogram;
  };
  readonly audit: Maybe<{ readonly written: number; readonly dropped: number }>;
  readonly webhooks: readonly WebhookFigures[];
  /** Null: none was ever configured. */
  readonly hooks: Maybe<{ readonly hooks: readonly HookFigures[]; readonly dropped: number }>;
  /** What is lost and left out; absent where nothing keeps count of it. */
  readonly losses?: readonly Loss[];
  /** What this host does not offer, by names of fixed sets; absent where it is not known. */
  readonly missing?: readonly { readonly kind: "rung" | "sense"; readonly what: string }[];
  readonly process: { readonly resident_bytes: number; readonly cpu_s: number };
}

/** Everything `/metrics` says. */
export function render_metrics(figures: MetricFigures): string {
  const out = new Exposition();
  const { version, dial, assessment, beats, audit, tally } = figures;
  const motor = dial.acts ? "cgroup" : "recording";
  out.gauge("hosa_build_info", "Version of hosa, and its motor (recording: nothing is touched); always 1.", [
    { value: 1, labels: { version, motor } },
  ]);
  out.gauge("hosa_level", "Level of the response, 0 (homeostasis) to 5 (quarantine).", one(figures.level));
  autonomy(out, figures);
  if (assessment !== null) judgement(out, assessment);
  out.gauge(
    "hosa_containments",
    "Containments in force, by rung.",
    RUNGS.map((rung) => ({ value: figures.live.filter((live) => live === rung).length, labels: { rung } })),
  );
  out.counter("hosa_actions_total", "Actions asked of the motor, and what became of them.", tally.actions);
  out.counter("hosa_verdicts_total", "What earlier actions were found to have done.", tally.verdicts);
  out.counter("hosa_beats_total", "Beats judged since the start.", one(beats.count));
  out.counter("hosa_beats_lost_total", "Beats of the kernel that were never judged.", one(beats.lost));
  out.counter(
    "hosa_readings_missed_total",
    "Values kept from an earlier beat because their source gave nothing usable.",
    one(beats.missed),
  );
  out.gauge("hosa_last_beat_age_seconds", "Time since the latest beat.", one(beats.age_s));
  out.gauge("hosa_beat_period_seconds", "Interval at which the kernel is asked to beat now.", one(beats.period_s));
  out.histogram("hosa_beat_cost_seconds", "Time a beat took from sensing to recording.", beats.cost);
  out.histogram("hosa_beat_lateness_seconds", "Time from the kernel's stamp until the agent ran.", beats.lateness);
  if (audit !== null) {
    out.counter("hosa_audit_lines_written_total", "Lines written to the audit.", one(audit.written));
    out.counter(
      "hosa_audit_lines_dropped_total",
      "Lines lost because the queue of the audit was full.",
      one(audit.dropped),
    );
  }
  out.gauge(
    "hosa_missing",
    "1 for each rung, sense or self-protection this host does not offer.",
    (figures.missing ?? []).map(({ kind, what }) => ({ value: 1, labels: { kind, what } })),
  );
  losses(out, figures.losses ?? []);
  webhooks(out, figures.webhooks);
  if (figures.hooks !== null) hooks(out, figures.hooks);
  out.gauge("process_resident_memory_bytes", "Resident memory of hosa.", one(figures.process.resident_bytes));
  out.counter(
    "process_cpu_seconds_total",
    "User and system CPU time of hosa, all threads.",
    one(figures.process.cpu_s),
  );
  return out.text;
}

function autonomy(out: Exposition, { dial, engine, pause, would_do }: MetricFigures): void {
  out.gauge(
    "hosa_autonomy",
    "1 for the position of the dial in force, 0 for the others.",
    AUTONOMIES.map((autonomy) => ({ value: autonomy === dial.autonomy ? 1 : 0, labels: { autonomy } })),
  );
  out.gauge("hosa_acts", "1 when HOSA contains, 0 when it only records what it would do.", one(dial.acts ? 1 : 0));
  out.gauge("hosa_dry_run", "1 for a dry run, which never contains.", one(dial.dry_run ? 1 : 0));
  out.gauge("hosa_max_level", "Highest level that may be entered.", one(dial.max_level));
  out.gauge(
    "hosa_engine_state",
    "1 for the state of the agent, 0 for the others.",
    ENGINE_STATES.map((state) => ({ value: state === engine.state ? 1 : 0, labels: { state } })),
  );
  out.gauge("hosa_lost_parts", "Parts of the agent that do not work; /healthz names them.", one(engine.lost.length));
  out.gauge(
    "hosa_pause_remaining_seconds",
    "Time until the pause ends; 0 while there is none.",
    one(pause?.left_s ?? 0),
  );
  const paused = { value: pause === null ? 0 : 1, labels: { reason: pause?.reason ?? "" } };
  out.gauge("hosa_paused", "1 while a pause is in force, with the reason that the operator gave.", [paused]);
  out.counter("hosa_would_do_total", "Containments HOSA would have begun while it only recorded them.", one(would_do));
}

function judgement(out: Exposition, a: Assessment): void {
  const squared = a.d * a.d;
  out.gauge("hosa_warm", "1 when the warm-up is over.", one(a.warm ? 1 : 0));
  out.gauge("hosa_distance", "Mahalanobis distance of the node from its own normal (D), in sigmas.", one(a.d));
  out.gauge("hosa_distance_smoothed", "Smoothed distance, in sigmas.", one(a.d_smooth));
  out.gauge("hosa_distance_velocity_per_second", "First derivative of the smoothed distance.", one(a.velocity));
  out.gauge(
    "hosa_distance_acceleration_per_second_squared",
    "Second derivative of the smoothed distance.",
    one(a.acceleration),
  );
  out.gauge("hosa_load_direction", "Load direction (phi): above 0 more load than normal, below 0 less.", one(a.phi));
  out.gauge(
    "hosa_threshold",
    "Smoothed distance beyond which the level may be entered.",
    a.thresholds.theta.map((value, i) => ({ value, labels: { level: String(i + 1) } })),
  );
  out.gauge(
    "hosa_contribution_ratio",
    "Part of the squared distance a dimension carries; the parts sum to 1, single ones may be negative.",
    a.dimension_names.map((dimension, j) => ({
      value: squared > 0 ? (a.contribution[j] ?? 0) / squared : 0,
      labels: { dimension },
    })),
  );
  out.gauge(
    "hosa_stall_ratio",
    "Part of the time in which somebody waited for the resource (PSI some).",
    Object.entries(a.stall).flatMap(([resource, value]) => (value === null ? [] : [{ value, labels: { resource } }])),
  );
  out.gauge(
    "hosa_memory_exhaustion_seconds",
    "Time until the node's memory is used up at the present slope; absent while it does not run out.",
    a.node_ttf.ttf_s === null ? [] : one(a.node_ttf.ttf_s),
  );
  if (a.opinions === null) return;
  const { score, theta, votes } = a.opinions;
  out.gauge("hosa_opinions_nats", "Score of the second opinions together.", one(score));
  out.gauge("hosa_opinions_threshold_nats", "Score beyond which they raise vigilance.", one(theta));
  out.gauge(
    "hosa_opinion_nats",
    "Surprise of each opinion by its own past.",
    Object.entries(votes).map(([opinion, value]) => ({ value, labels: { opinion } })),
  );
}

function losses(out: Exposition, known: readonly Loss[]): void {
  const of = (codes: readonly LossCode[], value: (loss: Loss) => number): MetricValue[] =>
    codes.map((what) => {
      const loss = known.find(({ code }) => code === what);
      return { value: loss === undefined ? 0 : value(loss), labels: { what } };
    });
  out.counter(
    "hosa_lost_total",
    "Lost since the start, by kind; of what is no event the most that was left out at once.",
    of(LOSS_CODES, ({ total }) => total),
  );
  out.gauge(
    "hosa_left_out",
    "Left out at present by a bound, by kind.",
    of(LOSS_CODES, ({ now }) => now),
  );
  out.gauge(
    "hosa_degraded",
    "1 while HOSA cannot do its work because of this kind of loss.",
    of(
      LOSS_CODES.filter((code) => loss_kind(code).degrades !== undefined),
      ({ degraded }) => (degraded === null ? 0 : 1),
    ),
  );
}

function webhooks(out: Exposition, figures: readonly WebhookFigures[]): void {
  const of = (value: (one: WebhookFigures) => number): MetricValue[] =>
    figures.map((figure) => ({ value: value(figure), labels: { webhook: figure.name } }));
  out.counter(
    "hosa_webhook_delivered_total",
    "Notices an endpoint accepted.",
    of((figure) => figure.delivered),
  );
  out.counter(
    "hosa_webhook_failed_attempts_total",
    "Attempts that an endpoint did not accept.",
    of((figure) => figure.failed_attempts),
  );
  out.counter(
    "hosa_webhook_dropped_total",
    "Notices given up: refused, tried too often, or no room in the queue.",
    of((figure) => figure.dropped),
  );
  out.gauge(
    "hosa_webhook_queue_length",
    "Notices that wait for an endpoint.",
    of((figure) => figure.waiting),
  );
}

function hooks(out: Exposition, { hooks: all, dropped }: NonNullable<MetricFigures["hooks"]>): void {
  out.counter(
    "hosa_hook_runs_total",
    "Runs of a hook (its list and place there), and what became of them.",
    all.flatMap(({ hook, runs }) => HOOK_RESULTS.map((result) => ({ value: runs[result], labels: { hook, result } }))),
  );
  out.counter("hosa_hook_dropped_total", "Runs of hooks left out because too many waited.", one(dropped));
}

function one(value: number): MetricValue[] {
  return [{ value }];
}
