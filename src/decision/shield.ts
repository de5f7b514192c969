import type { Assessment } from "../model/assessment.ts";
import { type Action, type ContainmentObservation, NODE, type Setting } from "../model/containment.ts";
import type { Harm } from "../model/decision.ts";
import type { Level } from "../model/level.ts";
import type { Maybe } from "../model/sample.ts";
import type { DecisionConfig } from "./config.ts";
import { inbound, inbound_words } from "./inbound.ts";
import type { ContainmentState, DecisionState, ShieldState } from "./state.ts";
import { ended_by_itself, type Step } from "./step.ts";

/** Whom the shield lets in is looked at for so long before anything is refused. */
const LOOK_S = 1;
/**
 * Part of the packets that must belong to new flows, or shedding new flows is of no use. Whole requests on connections of their own
 * have one such packet in four or five; a transfer has none in thousands.
 */
const NEW_SHARE_MIN = 0.1;
/** A share that refuses less than this part of the new flows does nothing, and a smaller one would do no more. */
const BITES_MIN = 0.1;
/** How long a step of the shield may take to show in the stalls. */
const JUDGE_S = 3;
const ADMIT_SHARE_MIN = 0.1;
/** The flood is over when so little of its height is left for so long. */
const QUIET_SHARE = 0.1;
const QUIET_S = 5;
/** A shield that works is loosened after this, and each time it proves too early after twice as long. */
const LOOSEN_FIRST_S = 30;
const LOOSEN_MAX_S = 600;

/** What the shield is judged by, beside itself. */
export interface Situation {
  readonly level: Level;
  readonly harm: Harm;
  /** The harm is of what a thread carries, which is held or soon will be: narrower than to refuse anybody. */
  readonly narrower: boolean;
  /** Nothing is to be refused that is not refused already. */
  readonly paused?: boolean;
}

type Plan = { readonly action: Action; readonly containment: ContainmentState };

/**
 * Begins with a look at who arrives, when harm at level 3 or above has to do with the network; null otherwise.
 * Requests may feed a growth as well as they stall a node, but not one that a thread carries (SPEC §7.2).
 *
 * @param narrower see `Situation`
 * @param next_id number of the next containment: another one may begin at the same beat
 */
export function plan_shield(
  assessment: Assessment,
  level: Level,
  harm: Harm,
  narrower: boolean,
  state: DecisionState,
  next_id: number,
  config: DecisionConfig,
  now_ns: number,
): Maybe<Plan> {
  const asked = (level === 3 || level === 4) && harm.present;
  if (config.shield === undefined || !asked || narrower) return null;
  return begin(assessment, config.shield, state, next_id, now_ns);
}

function begin(
  assessment: Assessment,
  { admit_share }: NonNullable<DecisionConfig["shield"]>,
  state: DecisionState,
  next_id: number,
  now_ns: number,
): Maybe<Plan> {
  if (state.containments.some(({ rung }) => rung === "shield")) return null;
  if (state.rests.some(({ rung, until_ns }) => rung === "shield" && until_ns > now_ns)) return null;
  const cause = inbound(assessment);
  if (cause === null) return null;
  const setting: Setting = { rung: "shield", mode: "shed", admit_share: 1 };
  const id = `c${next_id}`;
  const reason = `${inbound_words(cause)}: a look at whom they belong to`;
  const shield: ShieldState = { mode: "shed", admit_share, peak_per_s: 0, loosen_s: LOOSEN_FIRST_S };
  const containment: ContainmentState = {
    id,
    rung: "shield",
    target: NODE,
    applied_ns: now_ns,
    onset_ns: now_ns,
    memory_at_onset_bytes: 0,
    headroom_at_onset_bytes: 0,
    slope_before_bytes_per_s: 0,
    slope_tail_bytes_per_s: 0,
    phase: "touch",
    phase_since_ns: now_ns,
    attempts: 0,
    aims: false,
    rest_pace_per_s: null,
    next_probe_s: 0,
    memory_at_dose_bytes: 0,
    quiet_doses: 0,
    quiet_since_ns: null,
    judged: false,
    high_bytes: 0,
    shield,
  };
  return { action: { id, verb: "apply", target: NODE, setting, reason }, containment };
}

/** One beat of the shield: look, shed, tighten or loosen, and let go. */
export function step_shield(
  state: ContainmentState,
  seen: ContainmentObservation,
  situation: Situation,
  now_ns: number,
): Step {
  const own = state.shield ?? { mode: "shed", admit_share: 1, peak_per_s: 0, loosen_s: LOOSEN_FIRST_S };
  const step = step_unpaused(state, own, seen, situation, now_ns);
  if (situation.paused !== true || step.next === null) return step;
  if (state.phase === "touch") return end(state, "expired", "paused before anything was refused", false);
  return tightens(own, step.next) ? keep(state) : step;
}

function tightens(own: ShieldState, { shield }: ContainmentState): boolean {
  if (shield === undefined) return false;
  return (own.mode === "shed" && shield.mode === "essential") || shield.admit_share < own.admit_share;
}

function step_unpaused(
  state: ContainmentState,
  own: ShieldState,
  seen: ContainmentObservation,
  situation: Situation,
  now_ns: number,
): Step {
  const over = ended_by_itself(state, seen, setting_of(own), "every shielded interface is gone");
  // A host that cannot shield is no containment that failed.
  if (over !== null) return { ...over, failed: false };
  // Whatever is in force when quarantine begins stays until the operator ends it.
  if (situation.level === 5) return keep(state);
  if (state.phase === "touch") return step_look(state, own, seen, situation, now_ns);

  const refused = seen.network?.refused_per_s ?? null;
  const peak_per_s = Math.max(own.peak_per_s, refused ?? 0);
  // Little beside the height of the flood, and of what arrives: after one burst, what goes on is no end of it.
  const arriving = (refused ?? 0) + (seen.network?.admitted_per_s ?? 0);
  const quiet = refused !== null && refused <= QUIET_SHARE * Math.min(peak_per_s, arriving);
  const quiet_since_ns = quiet ? (state.quiet_since_ns ?? now_ns) : null;
  const next: ContainmentState = { ...state, quiet_since_ns, shield: { ...own, peak_per_s } };
  const since_s = (now_ns - state.phase_since_ns) / 1e9;

  if (situation.level >= 4 && own.mode === "shed" && !situation.narrower) {
    return set(
      next,
      { ...own, peak_per_s, mode: "essential" },
      `level ${situation.level}: only what is essential`,
      now_ns,
    );
  }
  // Of a growth that is held elsewhere the shield is no answer: nothing can be seen of it there, only that the flood is over.
  if (!state.judged && !situation.narrower)
    return since_s < JUDGE_S ? keep(next) : judge(next, seen, situation, now_ns);
  // What once worked and no longer does is judged anew; where hardly anything is refused any more, others do the harm.
  if (situation.harm.present && !situation.narrower && quiet_since_ns === null)
    return keep({ ...next, judged: false, phase_since_ns: now_ns });
  if (quiet_since_ns !== null && now_ns - quiet_since_ns >= QUIET_S * 1e9) {
    const detail = `${rounded(refused)} packets/s are refused, of ${rounded(peak_per_s)} at its height: the flood is over`;
    return end(next, "would_have_stopped", detail, false);
  }
  return since_s < own.loosen_s ? keep(next) : loosen(next, situation, now_ns);
}

/** Everything is still let in: is there anything to shed? */
function step_look(
  state: ContainmentState,
  own: ShieldState,
  seen: ContainmentObservation,
  { level, harm, narrower }: Situation,
  now_ns: number,
): Step {
  const { network = null } = seen;
  const since_s = (now_ns - state.phase_since_ns) / 1e9;
  if (narrower) return end(state, "would_have_stopped", "a thread carries what runs out, and is held", false);
  if (!harm.present) {
    if (since_s < JUDGE_S) return keep(state);
    return end(state, "would_have_stopped", "the harm was over before anything was refused", false);
  }
  // A recording motor sees nothing, and would stop at the look for ever.
  if (since_s < LOOK_S || (network === null && since_s < JUDGE_S)) return keep(state);
  const arriving = network === null ? 0 : network.admitted_per_s + network.refused_per_s;
  const share = network === null ? 1 : network.new_flows_per_s / Math.max(1, arriving);
  const percent = rounded(100 * share);
  if (share < NEW_SHARE_MIN) {
    const detail = `only ${percent} % of ${rounded(arriving)} packets/s belong to new flows: shedding those would not help`;
    return end(state, "no_effect", detail, false);
  }
  const mode = level >= 4 ? "essential" : "shed";
  const reason = `level ${level}: ${percent} % of ${rounded(arriving)} packets/s belong to new flows`;
  return set({ ...state, phase: "hold" }, { ...own, mode }, reason, now_ns);
}

function judge(state: ContainmentState, seen: ContainmentObservation, { harm }: Situation, now_ns: number): Step {
  const own = state.shield!;
  // A recording motor sees nothing: what was not done cannot be seen to fail.
  if (seen.network === null || seen.network === undefined) return keep({ ...state, judged: true });
  const { refused_per_s, new_flows_per_s } = seen.network;
  const { id } = state;
  if (!harm.present) {
    const detail = `${rounded(refused_per_s)} packets/s refused, the harm is gone`;
    const verdicts = [{ id, verdict: "effective", detail }] as const;
    const shield = own.mode === "shed" && own.exhausted === true ? { ...own, exhausted: false } : own;
    return { next: { ...state, judged: true, shield }, actions: [], verdicts, failed: false };
  }
  const tighter = Math.max(ADMIT_SHARE_MIN, own.admit_share / 2);
  const bites = refused_per_s > BITES_MIN * new_flows_per_s;
  if (own.mode === "shed" && bites && tighter < own.admit_share) {
    return set(state, { ...own, admit_share: tighter }, "the harm is still there", now_ns);
  }
  const share = own.mode === "shed" ? ` at a share of ${rounded(100 * own.admit_share)} %` : "";
  const detail = `the harm is still there with ${rounded(refused_per_s)} packets/s refused${share}`;
  if (own.mode === "essential") return end(state, "no_effect", detail, true);
  if (own.exhausted === true) {
    return end(state, "no_effect", `${detail}, and D̄ is not far enough for level 4`, true);
  }
  // It stays on until level 4 has had its chance: what it refuses is no loss.
  const verdicts = [{ id, verdict: "no_effect", detail }] as const;
  const next = { ...state, phase_since_ns: now_ns, shield: { ...own, exhausted: true } };
  return { next, actions: [], verdicts, failed: false };
}

/** Back out by the way it came in; if the harm returns, `judge` tightens it again. */
function loosen(state: ContainmentState, { level }: Situation, now_ns: number): Step {
  const own = state.shield!;
  if (level >= 4) return keep({ ...state, phase_since_ns: now_ns });
  const loosen_s = Math.min(LOOSEN_MAX_S, own.loosen_s * 2);
  if (own.mode === "essential") {
    return set(
      state,
      { ...own, mode: "shed", loosen_s },
      "level 4 is over: new flows are let in again, in part",
      now_ns,
    );
  }
  const admit_share = own.admit_share * 2;
  if (admit_share >= 1) return end(state, "expired", "lifted to see whether the harm is still there", false);
  return set(state, { ...own, admit_share, loosen_s }, "the harm is gone: a larger share is let in", now_ns);
}

const rounded = (value: number | null) => (value ?? 0).toFixed(0);

function setting_of({ mode, admit_share }: ShieldState): Setting {
  return { rung: "shield", mode, admit_share };
}

function keep(next: ContainmentState): Step {
  return { next, actions: [], verdicts: [], failed: false };
}

function set(state: ContainmentState, shield: ShieldState, reason: string, now_ns: number): Step {
  const next: ContainmentState = { ...state, shield, phase_since_ns: now_ns, judged: false, quiet_since_ns: null };
  const { id, target } = state;
  const action: Action = { id, verb: "adjust", target, setting: setting_of(shield), reason };
  return { next, actions: [action], verdicts: [], failed: false };
}

function end(
  state: ContainmentState,
  verdict: "would_have_stopped" | "no_effect" | "expired",
  detail: string,
  failed: boolean,
): Step {
  const { id, target } = state;
  const action: Action = { id, verb: "release", target, setting: setting_of(state.shield!), reason: detail };
  return { next: null, actions: [action], verdicts: [{ id, verdict, detail }], failed };
}
