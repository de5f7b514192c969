import type { DecisionConfig } from "../decision/config.ts";
import { decide } from "../decision/decide.ts";
import type { ContainmentState, DecisionState } from "../decision/state.ts";
import type { Assessment } from "../model/assessment.ts";
import type { DecisionInput } from "../model/audit.ts";
import type { ContainmentObservation } from "../model/containment.ts";
import type { OperatorRelease } from "../model/control.ts";
import type { Decision } from "../model/decision.ts";
import type { Alternative } from "./alternative.ts";
import { type Kind, same_kind } from "./tally.ts";

interface Recorded extends Kind {
  readonly id: string;
}

/**
 * The decisions another configuration would have taken on what was recorded. A containment that was in force in reality is followed by
 * what was observed of it; one that was not is followed as a dry run follows one: it is in force, and nothing can be verified on it.
 */
export class Course {
  readonly #alternative: Alternative;
  readonly #config: DecisionConfig;
  #state: DecisionState;
  /** Containments of reality, by what they are. */
  #real: Recorded[];
  /** Whether a hold of ours that reality has not is frozen. */
  readonly #frozen = new Map<string, boolean>();
  #named = 0;

  constructor(alternative: Alternative, recorded: DecisionConfig, state: DecisionState) {
    this.#alternative = alternative;
    this.#config = alternative.config(recorded);
    this.#state = state;
    this.#real = [...state.containments];
  }

  get live(): readonly Kind[] {
    return this.#state.containments;
  }

  /** Beat after beat, each from the state the one before has left. */
  next(seen: Assessment, recorded: Decision): Decision {
    const decision = this.#decide(seen, this.#state);
    for (const { id, verb, target, setting } of recorded.actions) {
      this.#real = this.#real.filter((one) => one.id !== id || verb !== "release");
      if (verb === "apply") this.#real.push({ id, target, rung: setting.rung });
    }
    return decision;
  }

  /** Where beats are missing in between: from the recorded state, but for the containments. */
  at({ assessment, state }: DecisionInput): Decision {
    const base = state as DecisionState;
    const ours = this.#state.containments;
    const was_real = (one: Kind) => this.#real.some((real) => same_kind(real, one));
    const is_real = (one: Kind) => base.containments.some((real) => same_kind(real, one));
    const shared = base.containments.filter((real) => ours.some((one) => same_kind(one, real)));
    const imagined = ours.filter((one) => !is_real(one) && !was_real(one)).map((one) => this.#renamed(one));
    this.#real = [...base.containments];
    return this.#decide(assessment, { ...base, containments: [...shared, ...imagined] });
  }

  #decide(seen: Assessment, state: DecisionState): Decision {
    const containments = state.containments.map((one) => this.#observed(one, seen));
    const assessment = this.#alternative.assessment({
      ...seen,
      containments: containments.filter((one) => one !== null),
      ...(seen.releases === undefined ? {} : { releases: seen.releases.map((one) => readdressed(one, state)) }),
    });
    const { decision, state: after } = decide(assessment, state, this.#config, assessment.t_ns);
    for (const { id, setting } of decision.actions) {
      if ("frozen" in setting) this.#frozen.set(id, setting.frozen);
    }
    this.#state = after;
    return decision;
  }

  #observed(one: ContainmentState, seen: Assessment): ContainmentObservation | null {
    const real = this.#real.find((other) => same_kind(other, one));
    if (real === undefined) return this.#imagined(one, seen);
    const observation = seen.containments.find(({ id }) => id === real.id);
    return observation === undefined ? null : { ...observation, id: one.id };
  }

  #imagined({ id, rung, target }: ContainmentState, seen: Assessment): ContainmentObservation {
    const growth = seen.growth.find(({ cgroup_id }) => cgroup_id === target.cgroup_id);
    const holds = rung === "thread_hold" || rung === "freeze";
    return {
      id,
      rung,
      status: "done",
      detail: "",
      frozen: holds ? (this.#frozen.get(id) ?? true) : null,
      alive: true,
      in_force: true,
      memory_bytes: growth?.memory_bytes ?? null,
      headroom_bytes: growth?.ttf.headroom_bytes ?? null,
      slope_bytes_per_s: null,
      rest_steps_per_s: null,
      rest_steps_before_per_s: null,
      rest_window_s: null,
      asleep: null,
      verifiable: false,
      stall_full: null,
    };
  }

  /** The recorded state gives out its numbers anew: ours must not be taken for one of them. */
  #renamed(one: ContainmentState): ContainmentState {
    if (one.id.startsWith("w")) return one;
    this.#named += 1;
    const id = `w${this.#named}`;
    this.#frozen.set(id, this.#frozen.get(one.id) ?? true);
    return { ...one, id };
  }
}

/** An operator released what was in force in reality; here that is whatever is in force on the same cgroups. */
function readdressed(release: OperatorRelease, { containments }: DecisionState): OperatorRelease {
  const meant = containments.filter(({ target }) =>
    release.targets.some(({ cgroup_id }) => cgroup_id === target.cgroup_id),
  );
  return { ...release, ids: meant.map(({ id }) => id) };
}
