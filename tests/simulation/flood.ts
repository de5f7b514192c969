import type { DecisionConfig } from "../../src/decision/config.ts";
import { decide } from "../../src/decision/decide.ts";
import { type DecisionState, initial_state } from "../../src/decision/state.ts";
import type { Assessment } from "../../src/model/assessment.ts";
import type { ShieldObservation } from "../../src/model/containment.ts";
import type { Level } from "../../src/model/level.ts";
import { assessment } from "../decision/fixtures.ts";
import { observed_shield } from "../decision/shield.fixtures.ts";
import { seeded } from "./service.ts";

/** Whom the flood comes from: one address, thousands that are met again, or whoever may always come in. */
export type Flooders = "one" | "many" | "admitted";

type Judged = ReturnType<typeof decide>;

export interface FloodRun {
  /** Seconds after the onset; null when it never came. */
  readonly look_s: number | null;
  readonly shed_s: number | null;
  readonly essential_s: number | null;
  readonly effective_s: number | null;
  readonly verdicts: readonly string[];
  /** Every change of the level, as the new one. */
  readonly levels: readonly Level[];
  /** The settings asked for, in order. */
  readonly asked: readonly string[];
  readonly at_end: DecisionState;
  /** What was judged at every beat, so that it can be judged again. */
  readonly beats: readonly { readonly seen: Assessment; readonly now_ns: number; readonly said: Judged }[];
}

export interface FloodCourse {
  readonly from: Flooders;
  readonly flood_s: number;
  readonly after_s: number;
  /** The kernel sees no conversation begin: a transfer, or a load from within. */
  readonly silent?: boolean;
}

const ONSET_S = 2;
const ASKED_PER_S = 12_000;
/** New flows the node can answer. */
const CAPACITY_PER_S = 1000;
/** Mean length of a wave of stalls, and of the gap behind it. */
const WAVE_S = 0.05;
const PSI_WINDOW_S = 0.1;
const D_SECONDS = 0.4;

/** The whole decision loop against a node that answers a flood, with a motor that does what it is told within one beat. */
export function flood(course: FloodCourse, config: DecisionConfig, seed: number): FloodRun {
  const random = seeded(seed);
  const duration = (mean_s: number) => -mean_s * Math.log(1 - random());
  const first: Record<string, number> = {};
  const verdicts: string[] = [];
  const levels: Level[] = [];
  const asked: string[] = [];
  const beats: FloodRun["beats"][number][] = [];
  let state: DecisionState = initial_state(0);
  let live: { id: string; mode: string; share: number } | null = null;
  const waves: { until_s: number; stalled: boolean }[] = [];
  let d = 1;
  let before = 1;
  let dt_s = 0.1;
  for (let t_s = 0; t_s < ONSET_S + course.flood_s + course.after_s; t_s += dt_s) {
    const flooded = t_s >= ONSET_S && t_s < ONSET_S + course.flood_s;
    const admitted = flooded ? admitted_per_s(course.from, live) : 20;
    const overloaded = admitted > CAPACITY_PER_S;
    while ((waves.at(-1)?.until_s ?? 0) <= t_s) {
      const stalled = overloaded && waves.at(-1)?.stalled !== true;
      waves.push({ until_s: (waves.at(-1)?.until_s ?? 0) + duration(WAVE_S), stalled });
    }
    const stall = stalled_share(waves, t_s);
    d += (1 - Math.exp(-dt_s / D_SECONDS)) * ((overloaded ? 20 : flooded ? 8 : 1) - d);
    const d_smooth = d + 0.3 * (random() - 0.5);
    const velocity = (d_smooth - before) / dt_s;
    before = d_smooth;
    const network: ShieldObservation = {
      admitted_per_s: flooded ? 3 * admitted : 500,
      refused_per_s: flooded ? ASKED_PER_S - admitted : 0,
      new_flows_per_s: flooded ? ASKED_PER_S : 20,
    };
    const now_ns = t_s * 1e9;
    const seen = assessment({
      t_ns: now_ns,
      dimension_names: ["net_rx_packets_per_s", "cpu_busy"],
      x: [flooded ? 500 + 3 * admitted : 500, overloaded ? 0.95 : 0.2],
      mean: [Math.log1p(500), 0.2],
      arrivals_per_s: flooded && course.silent !== true ? admitted * (0.6 + 0.8 * random()) : null,
      contribution: [0.5 * d_smooth ** 2, 0.5 * d_smooth ** 2],
      d: d_smooth,
      d_smooth,
      velocity,
      acceleration: random() - 0.5,
      dominant_resource: "network",
      stall: { cpu: stall, memory: 0, io: 0 },
      containments: live === null ? [] : [observed_shield(live.id, network)],
    });
    const { decision, state: next } = decide(seen, state, config, now_ns);
    if (decision.level !== state.level) levels.push(decision.level);
    state = next;
    beats.push({ seen, now_ns, said: { decision, state } });
    dt_s = decision.beat_period_ms / 1000;
    for (const { verdict, detail } of decision.verdicts) {
      verdicts.push(`${verdict}: ${detail}`);
      first[verdict] ??= t_s - ONSET_S;
    }
    for (const { id, verb, setting } of decision.actions) {
      if (setting.rung !== "shield") continue;
      live = verb === "release" ? null : { id, mode: setting.mode, share: setting.admit_share };
      const what = live === null ? "release" : live.mode === "shed" && live.share === 1 ? "look" : live.mode;
      first[what] ??= t_s - ONSET_S;
      asked.push(what === "shed" ? `shed ${live?.share}` : what);
    }
  }
  return {
    look_s: first.look ?? null,
    shed_s: first.shed ?? null,
    essential_s: first.essential ?? null,
    effective_s: first.effective ?? null,
    verdicts,
    levels,
    asked,
    at_end: state,
    beats,
  };
}

/** New flows let in: one source has its quota, of many a share comes in, and what is essential nothing keeps out. */
function admitted_per_s(from: Flooders, live: { mode: string; share: number } | null): number {
  if (live === null || from === "admitted" || (live.mode === "shed" && live.share === 1)) return ASKED_PER_S;
  if (live.mode === "essential") return 20;
  return from === "one" ? 60 : live.share * ASKED_PER_S;
}

/** Part of the last tenth of a second in which somebody stalled. */
function stalled_share(waves: readonly { until_s: number; stalled: boolean }[], t_s: number): number {
  let [stalled_s, end_s] = [0, t_s];
  for (let i = waves.length - 1; i >= 0 && end_s > t_s - PSI_WINDOW_S; i--) {
    const begin_s = Math.max(t_s - PSI_WINDOW_S, waves[i - 1]?.until_s ?? 0);
    if (waves[i]!.stalled && begin_s < end_s) stalled_s += end_s - begin_s;
    end_s = Math.min(end_s, begin_s);
  }
  return stalled_s / PSI_WINDOW_S;
}
