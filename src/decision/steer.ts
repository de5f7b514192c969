import type { Action, ContainmentObservation, Setting } from "../model/containment.ts";
import type { DecisionConfig } from "./config.ts";
import { governed_high, plateau } from "./governor.ts";
import { type Step, step_hold } from "./hold.ts";
import type { ContainmentState } from "./state.ts";

/** A governed growth must be below its tail this long before the ceiling is lifted. */
const GOVERNOR_QUIET_S = 10;
/** The ceiling is planned for this long ahead, and rewritten when half of that is used. */
const LOOK_AHEAD_S = 0.2;
/** Queue rungs (cpu, io, freeze) are lifted after this long: if the harm is back, they are applied anew. */
const QUEUE_HOLD_S = 10;

/** One beat of any containment. Without an observation nothing is known, so nothing is changed. */
export function steer(
  state: ContainmentState,
  seen: ContainmentObservation | undefined,
  config: DecisionConfig,
  now_ns: number,
): Step {
  if (seen === undefined) return { next: state, actions: [], verdicts: [], failed: false };
  if (state.rung === "thread_hold") return step_hold(state, seen, config.hold, config.act, now_ns);
  if (state.rung === "memory_governor") return step_governor(state, seen, config, now_ns);
  return step_queue(state, seen, now_ns);
}

function release(state: ContainmentState, setting: Setting, reason: string): Action {
  return { id: state.id, verb: "release", target: state.target, setting, reason };
}

function ended(state: ContainmentState, seen: ContainmentObservation, setting: Setting): Step | null {
  if (!seen.alive || seen.status === "gone") {
    const detail = "its cgroup is gone";
    return {
      next: null,
      actions: [release(state, setting, detail)],
      verdicts: [{ id: state.id, verdict: "gone", detail }],
      failed: false,
    };
  }
  if (seen.status === "refused" || seen.status === "failed") {
    const verdict = { id: state.id, verdict: "refused", detail: seen.detail } as const;
    return { next: null, actions: [release(state, setting, seen.detail)], verdicts: [verdict], failed: true };
  }
  return null;
}

function step_governor(
  state: ContainmentState,
  seen: ContainmentObservation,
  config: DecisionConfig,
  now_ns: number,
): Step {
  const setting = (high_bytes: number): Setting => ({ rung: "memory_governor", high_bytes });
  const over = ended(state, seen, setting(state.high_bytes));
  if (over !== null) return over;
  const usage = seen.memory_bytes;
  if (usage === null) return { next: state, actions: [], verdicts: [], failed: false };

  const slope = seen.slope_bytes_per_s;
  const room_above = state.high_bytes - usage;
  const free =
    slope !== null && slope < state.slope_tail_bytes_per_s && room_above > config.governor.min_allowance_bytes;
  const quiet_since_ns = free ? (state.quiet_since_ns ?? now_ns) : null;
  if (quiet_since_ns !== null && now_ns - quiet_since_ns >= GOVERNOR_QUIET_S * 1e9) {
    const detail = `no growth for ${GOVERNOR_QUIET_S} s although the ceiling allowed it`;
    return {
      next: null,
      actions: [release(state, setting(state.high_bytes), detail)],
      verdicts: [{ id: state.id, verdict: "would_have_stopped", detail }],
      failed: false,
    };
  }
  const top = plateau(state.memory_at_onset_bytes, state.headroom_at_onset_bytes, config.governor);
  const high_bytes = governed_high(usage, top, LOOK_AHEAD_S, config.governor);
  const judge = !state.judged && (now_ns - state.applied_ns) / 1e9 >= 2 && slope !== null;
  const worked = slope !== null && slope < state.slope_before_bytes_per_s * 0.8;
  const verdicts = judge
    ? ([
        {
          id: state.id,
          verdict: worked ? "effective" : "no_effect",
          detail: `slope ${slope?.toFixed(0)} B/s of ${state.slope_before_bytes_per_s.toFixed(0)} B/s`,
        },
      ] as const)
    : [];
  const next = { ...state, quiet_since_ns, judged: state.judged || judge };
  const worth = Math.abs(high_bytes - state.high_bytes) >= config.governor.min_allowance_bytes / 2;
  if (!worth) return { next, actions: [], verdicts, failed: false };
  const reason = `ceiling ${(high_bytes / 1048576).toFixed(1)} MiB on the way to a plateau of ${(top / 1048576).toFixed(0)} MiB`;
  const action: Action = { id: state.id, verb: "adjust", target: state.target, setting: setting(high_bytes), reason };
  return { next: { ...next, high_bytes }, actions: [action], verdicts, failed: false };
}

function queue_setting(state: ContainmentState): Setting {
  switch (state.rung) {
    case "cpu_weight":
      return { rung: "cpu_weight", weight: 10 };
    case "cpu_max":
      return { rung: "cpu_max", quota_us: 20_000, period_us: 100_000 };
    case "io_max":
      return { rung: "io_max", bytes_per_s: 8 * 1048576 };
    default:
      return { rung: "freeze", frozen: false };
  }
}

function step_queue(state: ContainmentState, seen: ContainmentObservation, now_ns: number): Step {
  const setting = queue_setting(state);
  const over = ended(state, seen, setting);
  if (over !== null) return over;
  if ((now_ns - state.applied_ns) / 1e9 < QUEUE_HOLD_S)
    return { next: state, actions: [], verdicts: [], failed: false };
  const detail = `lifted after ${QUEUE_HOLD_S} s to see whether the harm is still there`;
  return {
    next: null,
    actions: [release(state, setting, detail)],
    verdicts: [{ id: state.id, verdict: "expired", detail }],
    failed: false,
  };
}
