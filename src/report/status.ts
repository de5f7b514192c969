import type { AgentStatus, HeldItem, HeldNow } from "../model/control.ts";
import { num, signed } from "./number.ts";
import { regime_sentence } from "./regime.ts";
import { duration, held_lines, release_help } from "./release.ts";
import { by_level, type Style } from "./style.ts";

function row(label: string, text: string): string {
  return `${label.padEnd(11)}${text}`;
}

/** What a running agent says of itself, for people. */
export function status_text(status: AgentStatus, paint: Style): string {
  const { d_smooth, velocity, theta, beat } = status;
  const touching = status.motor === "recording" ? ", touches nothing (recording motor)" : "";
  const warm = status.warm ? "" : "; still learning, nothing above level 1 before that";
  const thresholds = theta?.map((value, i) => `θ${i + 1} ${num(value)}`).join(", ") ?? "";
  return `${[
    row(
      "agent",
      `process ${status.pid}, hosa ${status.version} on ${status.node}, up ${duration(status.uptime_s)}${touching}`,
    ),
    row(
      "level",
      `${by_level(paint, status.level, `${status.level} ${status.level_name}`)} since ${status.level_since}${warm}`,
    ),
    // An agent that still runs from before an upgrade does not tell it.
    ...((status.regime ?? null) === null ? [] : [row("regime", regime_sentence(status.regime!))]),
    row(
      "D̄",
      `${num(d_smooth)}, slope ${velocity === null ? "–" : signed(velocity)}/s (${thresholds})`.replace(" ()", ""),
    ),
    ...held(status, paint),
    ...status.cooldowns.map((one) =>
      row("left alone", `${one.path || "quarantine"}, for another ${duration(one.left_s)}`),
    ),
    ...status.missing_rungs.map(({ rung, why }) => row("missing", `${rung}: ${why}`)),
    ...episode(status),
    row(
      "beat",
      `every ${beat.period_ms} ms, takes ${beat.cost_us.p50} µs (p99 ${beat.cost_us.p99}), late by ${beat.delay_us.p50} µs (p99 ${beat.delay_us.p99})`,
    ),
    row("watched by", `${status.watchers} of ${status.connections} connections`),
  ].join("\n")}\n`;
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
  const times = rises > 1 ? `, ${rises} rises` : "";
  return [
    row("episode", `${began} – ${ended ?? "now"}: level ${highest}${times}, ${actions} action(s)`),
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
