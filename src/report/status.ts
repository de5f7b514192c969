import type { AgentStatus, HeldItem, HeldNow } from "../model/control.ts";
import { counted } from "../model/counted.ts";
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
  const touching = status.motor === "recording" ? ", touches nothing (recording motor)" : "";
  return `${[
    row(
      "agent",
      `process ${status.pid}, hosa ${status.version} on ${status.node}, up ${duration(status.uptime_s)}${touching}`,
    ),
    row(
      "level",
      `${by_level(paint, status.level, `${status.level} ${status.level_name}`)} since ${status.level_since}`,
    ),
    ...warmup(status),
    ...now(status, paint),
    ...judged(status),
    ...held(status, paint),
    ...status.cooldowns.map((one) =>
      row("left alone", `${one.path || "quarantine"}, for another ${duration(one.left_s)}`),
    ),
    ...status.missing_rungs.map(({ rung, why }) => row("missing", `${rung}: ${why}`)),
    ...audit(status, paint),
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
function now({ story, inaction, level, held: holding, motor }: AgentStatus, paint: Style): readonly string[] {
  if (story == null) return [];
  const idle = holding.length > 0 ? "" : why_idle(inaction, level, motor);
  return [
    row("now", level > 0 ? paint.bold(story.headline) : story.headline),
    ...(idle === "" ? [] : [row("not done", idle)]),
  ];
}

function why_idle(inaction: string, level: number, motor: AgentStatus["motor"]): string {
  if (inaction !== "") return inaction;
  if (level === 0) return "nothing is out of the ordinary";
  if (level === 1) return "level 1 only observes";
  return motor === "recording" ? "a dry run touches nothing" : "";
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

function audit({ audit: state, audit_path }: AgentStatus, paint: Style): readonly string[] {
  if (state == null) return [];
  const lost = state.lost === 0 ? "" : `; ${state.lost} entries lost since the start`;
  if (state.trouble !== null) return [row("audit", paint.red(`cannot be written: ${state.trouble}${lost}`))];
  return lost === "" ? [] : [row("audit", paint.yellow(`${audit_path}${lost}`))];
}

function held(status: AgentStatus, paint: Style): readonly string[] {
  if (status.held.length === 0) return [row("held", "nothing")];
  const dry = status.motor === "recording";
  return [
    dry
      ? row("would hold", `${status.held.length} (dry run: nothing is touched)`)
      : row("held", `${status.held.length}; ${release_help(status.held)}`),
    ...status.held.flatMap((item) => held_lines(item, paint, times(item))),
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

/** What there is to say with no agent running. */
export function ledger_text(ledger_dir: string, items: readonly HeldItem[], paint: Style): string {
  const lines =
    items.length === 0
      ? [row("ledger", `${ledger_dir}: nothing is held`)]
      : [
          row("ledger", `${ledger_dir}: ${items.length} left behind; ${release_help(items)}`),
          ...items.flatMap((item) => held_lines(item, paint)),
        ];
  return `${[row("agent", paint.yellow("none runs")), ...lines].join("\n")}\n`;
}
