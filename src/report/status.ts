import type { AgentStatus, HeldItem, HeldNow } from "../model/control.ts";
import { counted } from "../model/counted.ts";
import { type Dial, type Engine, WOULD_DO } from "../model/dial.ts";
import type { Pause } from "../model/pause.ts";
import type { Maybe } from "../model/sample.ts";
import { dial_sentence, engine_sentence, pause_sentence } from "./dial.ts";
import { num, signed } from "./number.ts";
import { regime_sentence } from "./regime.ts";
import { duration, held_lines, release_help } from "./release.ts";
import { width_of } from "./screen.ts";
import { by_level, type Style } from "./style.ts";
import { thresholds_text } from "./thresholds.ts";
import { warmup_text } from "./warmup.ts";

function row(label: string, text: string): string {
  return `${label}${" ".repeat(Math.max(0, 11 - width_of(label)))}${text}`;
}

/** What a running agent says of itself, for people. */
export function status_text(status: AgentStatus, paint: Style): string {
  const { beat } = status;
  return `${[
    row("agent", `process ${status.pid}, hosa ${status.version} on ${status.node}, up ${duration(status.uptime_s)}`),
    ...standing(status, paint),
    row(
      "level",
      `${by_level(paint, status.level, `${status.level} ${status.level_name}`)} since ${status.level_since}`,
    ),
    ...(status.degraded ?? []).map((what) => row("degraded", paint.red(what))),
    ...warmup(status),
    ...now(status, paint),
    ...judged(status),
    ...held(status, paint),
    ...status.cooldowns.map((one) =>
      row("left alone", `${one.path || "quarantine"}, for another ${duration(one.left_s)}`),
    ),
    ...status.missing_rungs.map(({ rung, why }) => row("missing", `${rung}: ${why}`)),
    ...(status.absences ?? []).map(({ what, why, costs }) => row("missing", `${what} (${why}): ${costs}`)),
    ...(status.losses ?? []).map((loss) => row(loss.now > 0 ? "left out" : "lost", loss.sentence)),
    ...episode(status),
    row(
      "beat",
      `every ${beat.period_ms} ms, takes ${beat.cost_us.p50} µs (p99 ${beat.cost_us.p99}), late by ${beat.delay_us.p50} µs (p99 ${beat.delay_us.p99})`,
    ),
    row("watched by", `${status.watchers} of ${counted(status.connections, "connection")}`),
  ].join("\n")}\n`;
}

/** What an agent from before an upgrade does not tell is left out, here and below. */
function warmup({ warmup: progress, warm }: AgentStatus): readonly string[] {
  if (warm) return [];
  if (progress == null) return [row("warm-up", "still learning; nothing above level 1 before it has ended")];
  return [row("warm-up", warmup_text(progress))];
}

/** What happens, and why nothing is done about it. */
function now(status: AgentStatus, paint: Style): readonly string[] {
  const { story, level } = status;
  if (story == null) return [];
  const idle = why_idle(status);
  return [
    row("now", level > 0 ? paint.bold(story.headline) : story.headline),
    ...(idle === "" ? [] : [row("not done", idle)]),
  ];
}

function why_idle({ held: holding, inaction, level, motor }: AgentStatus): string {
  if (holding.some((item) => item.ledger_id !== null)) return "";
  if (inaction !== "") return inaction;
  if (level === 0) return "nothing is out of the ordinary";
  if (level === 1) return "level 1 only observes";
  return motor === "recording" ? "nothing is contained: see autonomy" : "";
}

function judged({ d_smooth, velocity, thresholds, theta, regime, level }: AgentStatus): readonly string[] {
  const bounds = theta?.map((value, i) => `θ${i + 1} ${num(value)}`).join(", ") ?? "";
  return [
    ...(level === 0 || regime == null ? [] : [row("regime", regime_sentence(regime))]),
    row("D̄", `${num(d_smooth)}, slope ${velocity === null ? "–" : signed(velocity)}/s`),
    ...(thresholds != null || bounds !== ""
      ? [row("thresholds", thresholds == null ? bounds : thresholds_text(thresholds))]
      : []),
  ];
}

/** What the agent does and may do. An agent that still runs from before an upgrade only tells its motor. */
function standing(status: AgentStatus, paint: Style): readonly string[] {
  const { motor, dial, engine, pause, would_do = 0, degraded = [] } = status;
  if (dial === undefined) return motor === "recording" ? [row("autonomy", "nothing is contained")] : [];
  const count = dial.acts || would_do === 0 ? "" : ` (${counted(would_do, "containment")} since the start)`;
  return [
    row("autonomy", `${dial_sentence(dial)}${count}`),
    // What is degraded has rows of its own.
    ...(engine === undefined ? [] : [row("state", engine_sentence(without(engine, degraded)))]),
    ...(pause == null ? [] : [row("paused", paint.yellow(pause_sentence(pause, pause.left_s)))]),
  ];
}

function without(engine: Engine, known: readonly string[]): Engine {
  return { ...engine, lost: engine.lost.filter((what) => !known.includes(what)) };
}

/** What has no ledger id is not held: it would be. */
function held(status: AgentStatus, paint: Style): readonly string[] {
  const real = status.held.filter((item) => item.ledger_id !== null);
  const imagined = status.held.filter((item) => item.ledger_id === null);
  const lines = (items: readonly HeldNow[]) => items.flatMap((item) => held_lines(item, paint, times(item)));
  return [
    row("held", real.length === 0 ? "nothing" : `${real.length}; ${release_help(real)}`),
    ...lines(real),
    ...(imagined.length === 0
      ? []
      : [row(WOULD_DO, `hold ${imagined.length}; nothing is touched`), ...lines(imagined)]),
  ];
}

function times({ held_s, left_s, phase }: HeldNow): string {
  if (held_s === null) return "";
  const left = left_s === null ? "" : `, looked at again in ${duration(left_s)}`;
  return `, ${phase} for ${duration(held_s)}${left}`;
}

function episode({ last_episode }: AgentStatus): readonly string[] {
  if (last_episode === null) return [row("episode", "none since the agent started")];
  const { began, ended, highest, rises, headline, actions } = last_episode;
  const times = rises > 1 ? `, ${counted(rises, "rise")}` : "";
  return [
    row("episode", `${began} – ${ended ?? "now"}: level ${highest}${times}, ${counted(actions, "action")}`),
    row("", headline),
  ];
}

/** What is known with no agent running. */
export interface Silent {
  readonly ledger_dir: string;
  readonly held: readonly HeldItem[];
  /** Of a service that starts with this configuration. */
  readonly dial: Dial;
  readonly pause: Maybe<Pause & { readonly left_s: number }>;
}

/** What there is to say with no agent running. */
export function ledger_text({ ledger_dir, held, dial, pause }: Silent, paint: Style): string {
  const lines =
    held.length === 0
      ? [row("ledger", `${ledger_dir}: nothing is held`)]
      : [
          row("ledger", `${ledger_dir}: ${held.length} left behind; ${release_help(held)}`),
          ...held.flatMap((item) => held_lines(item, paint)),
        ];
  const next = row("autonomy", `as a service, from its next start on: ${dial_sentence(dial)}`);
  const paused = pause === null ? [] : [row("paused", paint.yellow(pause_sentence(pause, pause.left_s)))];
  return `${[row("agent", paint.yellow("none runs")), next, ...paused, ...lines].join("\n")}\n`;
}
