import type { Assessment } from "../model/assessment.ts";
import type { Action } from "../model/containment.ts";
import type { OperatorRelease } from "../model/control.ts";
import type { Harm } from "../model/decision.ts";
import type { DecisionConfig } from "./config.ts";
import type { ContainmentState, Cooldown, DecisionState } from "./state.ts";
import { setting_of } from "./steer.ts";

/** Not counted as a loss: twice as many as the ledger can hold (256), so that no release within a cooldown is forgotten. */
const COOLDOWNS_MAX = 512;
const NO_COOLDOWNS: readonly Cooldown[] = [];
const NO_RELEASES: readonly OperatorRelease[] = [];

/** What an operator's releases make of the state, before anything else is judged. */
export interface Lifted {
  readonly state: DecisionState;
  /** The releases to carry out, in the order they were applied. */
  readonly actions: readonly Action[];
  /** Level 5 was left by an operator. */
  readonly quarantine: boolean;
}

/** Carries out what operators asked for since the beat before, and forgets cooldowns that are over; null: there is nothing of either. */
export function lift(
  assessment: Assessment,
  before: DecisionState,
  config: DecisionConfig,
  now_ns: number,
): Lifted | null {
  const releases = assessment.releases ?? NO_RELEASES;
  // States recorded by older versions know no cooldowns.
  const known = before.cooldowns ?? NO_COOLDOWNS;
  return releases.length === 0 && known.length === 0 ? null : lifted(releases, known, before, config, now_ns);
}

function lifted(
  releases: readonly OperatorRelease[],
  known: readonly Cooldown[],
  before: DecisionState,
  config: DecisionConfig,
  now_ns: number,
): Lifted {
  const current = known.filter((one) => one.until_ns > now_ns);
  const added = releases.flatMap((release) => cooldowns_of(release, config, now_ns));
  const cooldowns = [...current, ...added].slice(-COOLDOWNS_MAX);
  const actions = before.containments.flatMap((live) => {
    const release = releases.find(({ ids }) => ids.includes(live.id));
    return release === undefined ? [] : [release_action(live, release)];
  });
  const ended = new Set(actions.map((action) => action.id));
  const containments = before.containments.filter((live) => !ended.has(live.id));
  const quarantine = before.level === 5 && releases.some((release) => release.quarantine);
  const state: DecisionState = { ...before, containments, cooldowns };
  return { state: quarantine ? { ...state, ...out_of_quarantine(now_ns) } : state, actions, quarantine };
}

/** Vigilance, which touches nothing: from there every level has to be entered anew, on its own conditions. */
function out_of_quarantine(now_ns: number) {
  return { level: 1, level_since_ns: now_ns, calm_since_ns: null, failures: 0 } as const;
}

function cooldowns_of(release: OperatorRelease, config: DecisionConfig, now_ns: number): readonly Cooldown[] {
  const until_ns = now_ns + config.release.cooldown_s * 1e9;
  if (until_ns <= now_ns) return NO_COOLDOWNS;
  const targets = release.targets.map(({ cgroup_id, path }) => ({ cgroup_id, path, until_ns }));
  return release.quarantine ? [...targets, { cgroup_id: null, path: "", until_ns }] : targets;
}

function release_action(live: ContainmentState, { by, reason }: OperatorRelease): Action {
  const said = `released by the operator (uid ${by.uid})${reason === "" ? "" : `: ${reason}`}`;
  return { id: live.id, verb: "release", target: live.target, setting: setting_of(live), reason: said };
}

/**
 * Why a cgroup is left alone although it would be contained: an operator released it, what it lies in or what lies in it.
 * Null when it is not, or when the configuration lets a failure that is seconds away overrule the operator.
 */
export function left_alone(
  state: DecisionState,
  harm: Harm,
  who: { readonly cgroup_id: number; readonly path: string },
  config: DecisionConfig,
  now_ns: number,
): string | null {
  const cooldowns = state.cooldowns ?? NO_COOLDOWNS;
  if (cooldowns.length === 0) return null;
  const one = cooldowns.find((each) => each.until_ns > now_ns && concerns(each, who));
  if (one === undefined) return null;
  if (config.release.contain_again_when_critical && is_critical(harm, config)) return null;
  return `${who.path} is left alone: an operator released ${one.path} less than ${config.release.cooldown_s} s ago`;
}

/** An operator left level 5 a short while ago: it is not entered again. */
export function quarantine_rests(state: DecisionState, now_ns: number): boolean {
  const cooldowns = state.cooldowns ?? NO_COOLDOWNS;
  return cooldowns.some((each) => each.cgroup_id === null && each.until_ns > now_ns);
}

function concerns(cooldown: Cooldown, who: { readonly cgroup_id: number; readonly path: string }): boolean {
  if (cooldown.cgroup_id === null) return false;
  if (cooldown.cgroup_id === who.cgroup_id) return true;
  return who.path.startsWith(`${cooldown.path}/`) || cooldown.path.startsWith(who.path === "/" ? "/" : `${who.path}/`);
}

function is_critical(harm: Harm, config: DecisionConfig): boolean {
  return harm.witness === "ttf" && harm.value !== null && harm.value < config.act.ttf_critical_s;
}
