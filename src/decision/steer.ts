import type { Action, ContainmentObservation, Setting } from "../model/containment.ts";
import type { Verdict } from "../model/decision.ts";
import type { DecisionConfig } from "./config.ts";
import { binds, ceiling_at, next_ceiling } from "./governor.ts";
import { type Beside, step_hold } from "./hold.ts";
import { matches } from "./protect.ts";
import { type QueueSituation, step_queue } from "./queue.ts";
import { step_reserve } from "./reserve.ts";
import { is_beside } from "./rest.ts";
import { type Situation, step_shield } from "./shield.ts";
import type { ContainmentState } from "./state.ts";
import { ended_by_itself, type Step } from "./step.ts";

/** A governed growth must be over for this long before the ceiling is lifted. */
const GOVERNOR_QUIET_S = 10;
/** At its plateau, without room and without a stall for so long: what fills it can be reclaimed, so nothing has to be held back. */
const GOVERNOR_UNSTALLED_S = 60;
const UNSTALLED = 0.01;
const PAGE = 4096;
/** A smaller step of the ceiling is not worth a write into the kernel. */
const WORTH_WRITING_BYTES = 256 * 1024;
const GONE = "its cgroup is gone";

/** One beat of any containment. @param others all that are in force. Without an observation nothing is known, so nothing is changed. */
export function steer(
  state: ContainmentState,
  seen: ContainmentObservation | undefined,
  config: DecisionConfig,
  now_ns: number,
  situation: Situation & QueueSituation & Pick<Beside, "node_slope_bytes_per_s">,
  others: readonly ContainmentState[] = [],
): Step {
  if (seen === undefined) return keep(state);
  if (state.rung === "shield") return step_shield(state, seen, situation, now_ns);
  if (config.protect.length > 0 && matches(state.target.path, config.protect)) return let_go(state);
  if (state.rung === "thread_hold") {
    const judging = others.some((other) => is_beside(other, state) && !other.judged);
    return step_hold(state, seen, config.hold, config.act, now_ns, { ...situation, judging });
  }
  if (state.rung === "memory_governor") return step_governor(state, seen, config, now_ns);
  if (state.rung === "swap_reserve") {
    const governs = ({ rung, target }: ContainmentState) =>
      rung === "memory_governor" && target.cgroup_id === state.target.cgroup_id;
    return step_reserve(state, seen, { harm: situation.harm, governed: others.find(governs) }, config, now_ns);
  }
  return step_queue(state, seen, setting_of(state), situation, GONE, now_ns);
}

const mib = (bytes: number) => (bytes / 1048576).toFixed(1);

function keep(next: ContainmentState): Step {
  return { next, actions: [], verdicts: [], failed: false };
}

function release(state: ContainmentState, setting: Setting, reason: string): Action {
  return { id: state.id, verb: "release", target: state.target, setting, reason };
}

/** The configuration protects the target since it was contained. */
function let_go(state: ContainmentState): Step {
  const detail = `${state.target.path} is protected by the configuration now`;
  const verdicts = [{ id: state.id, verdict: "expired", detail }] as const;
  return { next: null, actions: [release(state, setting_of(state), detail)], verdicts, failed: false };
}

function step_governor(
  state: ContainmentState,
  seen: ContainmentObservation,
  config: DecisionConfig,
  now_ns: number,
): Step {
  const setting = (high_bytes: number): Setting => ({ rung: "memory_governor", high_bytes });
  const over = ended_by_itself(state, seen, setting(state.high_bytes), GONE);
  if (over !== null) return over;
  const { memory_bytes: usage, headroom_bytes: headroom, slope_bytes_per_s: slope } = seen;
  if (usage === null || headroom === null) return keep(state);

  // What went to swap has grown as well: a leak that is pushed out is not over.
  const grown = usage + (seen.swap?.used_bytes ?? 0);
  const window = quiet_window(state, usage, grown, config, now_ns);
  if (window === "quiet") {
    const detail = `no growth for ${GOVERNOR_QUIET_S} s although the ceiling allowed it`;
    const verdicts = [{ id: state.id, verdict: "would_have_stopped", detail }] as const;
    return { next: null, actions: [release(state, setting(state.high_bytes), detail)], verdicts, failed: false };
  }

  const governed = {
    usage_bytes: usage,
    headroom_bytes: headroom,
    headroom_at_onset_bytes: state.headroom_at_onset_bytes,
  };
  const bound = binds(state.high_bytes, usage, config.governor);
  const top = ceiling_at(config.governor.plateau_fraction, governed);
  const unstalled = unstalled_at_plateau(state, seen, grown, top, config.governor, now_ns);
  if (unstalled !== undefined && now_ns - unstalled.since_ns >= GOVERNOR_UNSTALLED_S * 1e9) {
    const detail = `at its plateau nobody in it has stalled for ${GOVERNOR_UNSTALLED_S} s: what fills it is page cache, or no longer grows`;
    const verdicts = [{ id: state.id, verdict: "would_have_stopped", detail }] as const;
    return { next: null, actions: [release(state, setting(state.high_bytes), detail)], verdicts, failed: false };
  }
  const asked_bytes_per_s = bound ? (top - state.high_bytes) / config.governor.tau_s : Number.POSITIVE_INFINITY;
  const { verdicts, judged } = judge_governor(state, slope, asked_bytes_per_s, usage > top);
  // A ceiling nobody has reached waits: only the time in which it binds raises it.
  const { unstalled: _, ...known } = state;
  const waiting = unstalled === undefined ? known : { ...known, unstalled };
  const next = { ...waiting, ...window, judged, phase_since_ns: bound ? state.phase_since_ns : now_ns };
  const dt_s = (now_ns - state.phase_since_ns) / 1e9;
  const planned = next_ceiling(state.high_bytes, governed, bound ? dt_s : 0, seen.stall_full, config.governor);
  const high_bytes = Math.max(state.high_bytes, Math.floor(planned / PAGE) * PAGE);
  // It stays in force, for what it still delays, but it is no containment that works: the next level may answer.
  const failed = verdicts.some(({ verdict }) => verdict === "no_effect");
  if (high_bytes - state.high_bytes < WORTH_WRITING_BYTES) return { next, actions: [], verdicts, failed };
  const reason = `ceiling ${mib(high_bytes)} MiB on the way to a plateau of ${mib(top)} MiB`;
  const action: Action = {
    id: state.id,
    verb: "adjust",
    target: state.target,
    setting: setting(high_bytes),
    reason,
  };
  return { next: { ...next, high_bytes, phase_since_ns: now_ns }, actions: [action], verdicts, failed };
}

/** Since when nobody in it has stalled at its plateau, nor anything grown into swap; undefined while that is not so. */
function unstalled_at_plateau(
  { high_bytes, unstalled }: ContainmentState,
  { stall_full }: ContainmentObservation,
  grown_bytes: number,
  top_bytes: number,
  { min_allowance_bytes }: DecisionConfig["governor"],
  now_ns: number,
): ContainmentState["unstalled"] {
  if (top_bytes - high_bytes >= min_allowance_bytes || stall_full === null || stall_full >= UNSTALLED) return undefined;
  const goes_on = unstalled !== undefined && grown_bytes - unstalled.grown_bytes < min_allowance_bytes;
  return goes_on ? unstalled : { since_ns: now_ns, grown_bytes };
}

/**
 * Watches for the growth's end over stretches of `GOVERNOR_QUIET_S`, in which the ceiling must have left room throughout:
 * a service that allocates and frees is noisy from beat to beat, but not over ten seconds.
 */
function quiet_window(state: ContainmentState, usage: number, grown: number, config: DecisionConfig, now_ns: number) {
  const begin = { quiet_since_ns: now_ns, memory_at_dose_bytes: grown };
  const room = state.high_bytes - usage > config.governor.min_allowance_bytes / 2;
  if (!room || state.quiet_since_ns === null) return begin;
  if (now_ns - state.quiet_since_ns < GOVERNOR_QUIET_S * 1e9) return {};
  const slope = (grown - state.memory_at_dose_bytes) / GOVERNOR_QUIET_S;
  return slope < Math.max(0.25 * state.slope_tail_bytes_per_s, 0.02 * state.slope_before_bytes_per_s) ? "quiet" : begin;
}

/**
 * Once, when the ceiling binds and asks for clearly less than the growth had: did the growth slow down? A growth that ends
 * below the ceiling ended by itself, and says nothing of the governor.
 */
function judge_governor(
  state: ContainmentState,
  slope: number | null,
  asked_bytes_per_s: number,
  passed: boolean,
): { verdicts: readonly Verdict[]; judged: boolean } {
  const before = state.slope_before_bytes_per_s;
  if (state.judged || slope === null || asked_bytes_per_s > 0.5 * before) {
    return { verdicts: [], judged: state.judged };
  }
  const slower = slope < 0.8 * before;
  // The slope looks back on the free growth for a while: only a usage beyond the plateau proves that nothing holds it.
  if (!slower && !passed) return { verdicts: [], judged: false };
  const verdict = slower ? "effective" : "no_effect";
  const detail = `slope ${mib(before)} MiB/s → ${mib(slope)} MiB/s, ${mib(asked_bytes_per_s)} MiB/s allowed`;
  return { verdicts: [{ id: state.id, verdict, detail }], judged: true };
}

/** The setting a release of this containment names. */
export function setting_of(state: ContainmentState): Setting {
  switch (state.rung) {
    case "thread_hold":
      return { rung: "thread_hold", frozen: false };
    case "memory_governor":
      return { rung: "memory_governor", high_bytes: state.high_bytes };
    case "swap_reserve":
      return { rung: "swap_reserve", swap_max_bytes: state.high_bytes };
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
