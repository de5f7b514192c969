import type { DecisionConfig } from "../../src/decision/config.ts";
import { decide } from "../../src/decision/decide.ts";
import { type DecisionState, initial_state } from "../../src/decision/state.ts";
import type { Assessment } from "../../src/model/assessment.ts";
import type { ContainmentObservation, SwapObservation } from "../../src/model/containment.ts";
import type { Decision, Verdict } from "../../src/model/decision.ts";
import type { Progress } from "../../src/model/search.ts";
import { assessment, growth, MIB, observation, search } from "../decision/fixtures.ts";

/** A service in a limited cgroup: one thread grows, the others serve. All rates per second, time in beats of 10 ms. */
export interface Scenario {
  readonly limit_bytes: number;
  readonly start_bytes: number;
  /** Growth the thread wants to have reached t seconds after the onset; it works off a backlog at `burst`. */
  readonly wanted_bytes: (t_s: number) => number;
  readonly burst_bytes_per_s: number;
  /** It gives up what is further behind than this. */
  readonly backlog_bytes: number;
  /** A freeze asked for by a beat comes up to this late, the end of a pulse up to that: seeded, uniform. */
  readonly late_s: number;
  readonly pulse_late_s: number;
  /** Part of the time the growing thread holds a lock the others need, in stretches of `lock_s`. */
  readonly lock_share: number;
  readonly lock_s: number;
  /** Every thread grows with the requests it serves: bytes per request. */
  readonly inline_bytes_per_request: number;
  readonly requests_per_s: number;
  readonly duration_s: number;
  /** What its peers do in a second while they work and while they stand still; absent: only their steps are known, as in older records. */
  readonly peers?: { readonly working: Progress; readonly stuck: Progress };
  /** So long after a thaw they still look stuck: the thread competes with them for a processor. */
  readonly slow_s?: number;
  /** What they did just before the hold; absent: what they do while they work. */
  readonly peers_before?: Progress;
  /** What the disk of a reserve takes, once it is on (half a second after it was asked for). */
  readonly swap_bytes_per_s: number;
}

export interface Run {
  readonly acted_s: number | null;
  readonly actions: number;
  readonly verdicts: readonly Verdict[];
  readonly memory_bytes: readonly number[];
  readonly peak_bytes: number;
  readonly killed_s: number | null;
  /** When the growth had all it wanted for good; null when never. */
  readonly finished_s: number | null;
  readonly served: number;
  readonly wanted: number;
  /** Longest stretch without an answer, and all of them. */
  readonly longest_stall_s: number;
  readonly stalled_s: number;
  readonly max_level: number;
  readonly swapped_bytes: number;
  readonly live_at_end: number;
  /** Thaws for the sake of the peers. */
  readonly thaws: number;
}

const BEAT_S = 0.01;
/** The kernel pushes out so much below the ceiling at a time. */
const RECLAIMED_BYTES = MIB;

/** Seeded uniform numbers in [0, 1): mulberry32. */
export function seeded(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Told of every beat: what was judged, from which state, and what came of it. */
export type OnBeat = (assessment: Assessment, state: DecisionState, decision: Decision) => void;

/** The whole decision loop against the service, with a motor that does what it is told within one beat. */
export function simulate(scenario: Scenario, config: DecisionConfig, seed: number, on_beat?: OnBeat): Run {
  const random = seeded(seed);
  let state: DecisionState = { ...initial_state(0), level: 1 };
  let memory = scenario.start_bytes;
  let granted = 0;
  let frozen = false;
  let in_lock = false;
  let lock_left_s = 0;
  let high = Number.POSITIVE_INFINITY;
  let hold: { id: string; since: number } | null = null;
  let changed_beat = 0;
  let governed: string | null = null;
  let reserve: { id: string; on_s: number; max_bytes: number } | null = null;
  let swapped = 0;
  const memories: number[] = [];
  const served_at: number[] = [];
  const stalls: boolean[] = [];
  let stalled_since: number | null = null;
  let longest = 0;
  let thaws = 0;
  let freed_at_s = 0;
  const verdicts: Verdict[] = [];
  let served = 0;
  let acted_s: number | null = null;
  let actions = 0;
  let killed_s: number | null = null;
  let finished_s: number | null = null;
  let max_level = 0;

  const swap_seen = (): SwapObservation => {
    const on = reserve !== null;
    return {
      used_bytes: swapped,
      max_bytes: reserve?.max_bytes ?? 0,
      node_free_bytes: on ? Number.MAX_SAFE_INTEGER : 0,
    };
  };
  const beats = Math.round(scenario.duration_s / BEAT_S);
  const slope_over = (k: number) => {
    const n = memories.length;
    return n > k ? (memories[n - 1]! - memories[n - 1 - k]!) / (k * BEAT_S) : 0;
  };
  let onset_beat: number | null = null;
  let peak_slope = 0;

  for (let beat = 0; beat < beats; beat++) {
    const t_s = beat * BEAT_S;
    // The service.
    granted = Math.max(granted, scenario.wanted_bytes(t_s) - scenario.backlog_bytes);
    if (!frozen) {
      const want = scenario.wanted_bytes(t_s) - granted;
      const grown = Math.max(0, Math.min(want, scenario.burst_bytes_per_s * BEAT_S, high - memory));
      granted += grown;
      memory += grown;
      if (want - grown <= 0 && scenario.wanted_bytes(t_s) === scenario.wanted_bytes(1e9)) finished_s ??= t_s;
      lock_left_s -= BEAT_S;
      // Until it has had its processor it still has the lock.
      if (lock_left_s <= 0 && t_s >= freed_at_s) {
        in_lock = random() < scenario.lock_share;
        lock_left_s = scenario.lock_s;
      }
    }
    if (reserve !== null && t_s >= reserve.on_s) {
      const more = Math.max(0, Math.min(memory - high + RECLAIMED_BYTES, reserve.max_bytes - swapped));
      const pushed = Math.min(more, scenario.swap_bytes_per_s * BEAT_S);
      memory -= pushed;
      swapped += pushed;
    }
    if (in_lock && frozen) freed_at_s = t_s + (scenario.slow_s ?? 0);
    const blocked = (in_lock && frozen) || t_s < freed_at_s;
    const can =
      scenario.inline_bytes_per_request > 0 ? Math.max(0, high - memory) / scenario.inline_bytes_per_request : 1e9;
    const requests = blocked ? 0 : Math.min(scenario.requests_per_s * BEAT_S, can);
    served += requests;
    served_at.push(requests);
    stalls.push(blocked);
    stalled_since = blocked ? (stalled_since ?? beat) : null;
    if (stalled_since !== null) longest = Math.max(longest, beat + 1 - stalled_since);
    memory += requests * scenario.inline_bytes_per_request;
    memories.push(memory + (random() - 0.5) * 128 * 1024);
    if (memory >= scenario.limit_bytes) {
      killed_s = t_s;
      break;
    }

    // The senses, with the lag of a 200 ms slope.
    const slope = slope_over(20);
    if (slope > 2 * MIB) {
      onset_beat ??= beat;
      peak_slope = Math.max(peak_slope, slope);
    } else {
      onset_beat = null;
      peak_slope = 0;
    }
    const sustained_s = onset_beat === null ? 0 : (beat - onset_beat) * BEAT_S;
    const headroom = scenario.limit_bytes - memory;
    const containments: ContainmentObservation[] = [];
    const live = hold?.id ?? governed;
    if (live !== null) {
      const since = hold?.since ?? 0;
      const window = Math.min(60, beat - changed_beat);
      const recent = window === 0 ? 0 : served_at.slice(-window).reduce((sum, n) => sum + n, 0) / (window * BEAT_S);
      const seen = {
        frozen: hold === null ? null : frozen,
        memory_bytes: memory,
        headroom_bytes: headroom,
        slope_bytes_per_s: beat - since >= 25 ? slope_over(25) : null,
        rest_steps_per_s: window === 0 ? null : recent * 4,
        rest_window_s: window === 0 ? null : window * BEAT_S,
        rest_steps_before_per_s: scenario.requests_per_s * 4,
        asleep: !in_lock,
        swap: swap_seen(),
        ...(scenario.peers === undefined ? {} : progress_seen(scenario, stalls.slice(-window), window, random)),
      };
      containments.push(observation(live, hold === null ? "memory_governor" : "thread_hold", seen));
    }
    if (reserve !== null)
      containments.push(observation(reserve.id, "swap_reserve", { memory_bytes: memory, swap: swap_seen() }));
    const inline = scenario.inline_bytes_per_request > 0;
    const input: Assessment = assessment({
      t_ns: t_s * 1e9,
      d_smooth: 3.5 + slope / MIB,
      velocity: sustained_s > 0 && sustained_s < 1.5 ? 5 : 0.1,
      growth:
        onset_beat === null
          ? []
          : [
              growth(slope, sustained_s, headroom, {
                memory_bytes: memory,
                gained_bytes: memory - memories[onset_beat]!,
                falling: slope < peak_slope / 2,
              }),
            ],
      search:
        sustained_s > 0.2
          ? search(
              inline ? 0.3 : 0.95,
              scenario.peers === undefined
                ? {}
                : { peers: { ...(scenario.peers_before ?? scenario.peers.working), scope: "process" } },
            )
          : null,
      containments,
    });
    const step = decide(input, state, config, t_s * 1e9);
    on_beat?.(input, state, step.decision);
    state = step.state;
    max_level = Math.max(max_level, step.decision.level);
    verdicts.push(...step.decision.verdicts);
    for (const action of step.decision.actions) {
      actions += 1;
      acted_s ??= t_s;
      if (action.setting.rung === "thread_hold") {
        const pulse_ms = action.setting.pulse_ms ?? null;
        const freezes = action.verb !== "release" && action.setting.frozen;
        const late_s = random() * (pulse_ms === null ? scenario.late_s : scenario.pulse_late_s);
        const runs_s = pulse_ms !== null ? pulse_ms / 1000 + late_s : freezes && !frozen ? late_s : 0;
        const pulsed = Math.min(scenario.wanted_bytes(t_s) - granted, scenario.burst_bytes_per_s * runs_s);
        granted += Math.max(0, pulsed);
        memory += Math.max(0, pulsed);
        if (action.reason.startsWith("the rest stalls")) thaws += 1;
        frozen = freezes;
        hold = action.verb === "release" ? null : { id: action.id, since: beat };
        changed_beat = beat;
      } else if (action.setting.rung === "memory_governor") {
        governed = action.verb === "release" ? null : action.id;
        high = action.verb === "release" ? Number.POSITIVE_INFINITY : Math.max(memory, action.setting.high_bytes);
      } else if (action.setting.rung === "swap_reserve") {
        const { swap_max_bytes: max_bytes } = action.setting;
        reserve = action.verb === "release" ? null : { id: action.id, on_s: t_s + 0.5, max_bytes };
      }
    }
  }
  return {
    acted_s,
    actions,
    verdicts,
    memory_bytes: memories,
    peak_bytes: Math.max(...memories),
    killed_s,
    finished_s,
    served,
    longest_stall_s: longest * BEAT_S,
    stalled_s: stalls.filter(Boolean).length * BEAT_S,
    wanted: scenario.requests_per_s * scenario.duration_s,
    max_level,
    swapped_bytes: swapped,
    thaws,
    live_at_end: state.containments.length,
  };
}

/** What a reading of the peers over the last beats tells; counts scatter with their root. */
function progress_seen(
  { peers: model, peers_before }: Scenario,
  stalls: readonly boolean[],
  window: number,
  random: () => number,
): Partial<ContainmentObservation> {
  const { working, stuck } = model!;
  const before = { peers_before: peers_before ?? working };
  if (window === 0) return { peers: null, ...before };
  const part = stalls.filter(Boolean).length / window;
  const window_s = window * BEAT_S;
  const noise = () => random() + random() + random() - 1.5;
  const mixed = (of: (one: Progress) => number, counts: boolean) => {
    const mean = (1 - part) * of(working) + part * of(stuck);
    return counts ? Math.max(0, mean + 2 * noise() * Math.sqrt(mean / window_s)) : mean;
  };
  const answers = working.answers_per_s === null ? null : mixed((one) => one.answers_per_s ?? 0, true);
  const peers: Progress = {
    waits_per_s: mixed((one) => one.waits_per_s, true),
    cpu_share: mixed((one) => one.cpu_share, false),
    computing_share: mixed((one) => one.computing_share, false),
    answers_per_s: answers,
    moving: Math.round(mixed((one) => one.moving, false)),
  };
  return { peers, ...before };
}

const base = {
  limit_bytes: 1024 * MIB,
  start_bytes: 150 * MIB,
  burst_bytes_per_s: 500 * MIB,
  backlog_bytes: Number.POSITIVE_INFINITY,
  late_s: 0,
  pulse_late_s: 0,
  lock_share: 0,
  lock_s: 0.005,
  inline_bytes_per_request: 0,
  requests_per_s: 100,
  duration_s: 120,
  swap_bytes_per_s: 0,
} as const;

/** The scenarios of the lab, as the decision sees them. */
export const SCENARIOS = {
  leak: (rate_mib_s: number): Scenario => ({ ...base, wanted_bytes: (t) => t * rate_mib_s * MIB }),
  /** A leak that works off a second of backlog as fast as it can, on a node where nobody is scheduled in time. */
  late: (pulse_late_s: number, duration_s: number): Scenario => ({
    ...base,
    wanted_bytes: (t) => t * 50 * MIB,
    burst_bytes_per_s: 2048 * MIB,
    backlog_bytes: 50 * MIB,
    late_s: 0.03,
    pulse_late_s,
    duration_s,
  }),
  lock: (share: number): Scenario => ({ ...base, wanted_bytes: (t) => t * 50 * MIB, lock_share: share }),
  /** The same, and the peers are known by what they do while they work and while they wait for the lock. */
  shared: (share: number, working: Progress, stuck: Progress): Scenario => ({
    ...base,
    wanted_bytes: (t) => t * 50 * MIB,
    lock_share: share,
    peers: { working, stuck },
  }),
  /** @param swap_mib_s what a reserve takes, where there is one */
  inline: (swap_mib_s = 0): Scenario => ({
    ...base,
    wanted_bytes: () => 0,
    inline_bytes_per_request: MIB / 2,
    swap_bytes_per_s: swap_mib_s * MIB,
  }),
  reload: (mib: number, seconds: number): Scenario => ({
    ...base,
    wanted_bytes: (t) => Math.min(mib, (t * mib) / seconds) * MIB,
    burst_bytes_per_s: ((mib * MIB) / seconds) * 1.02,
    duration_s: 30,
  }),
} as const;
