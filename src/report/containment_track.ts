import type { Action, Outcome, Target } from "../model/containment.ts";
import type { Maybe } from "../model/sample.ts";

const MOST_CONTAINMENTS = 12;
const MOST_SWITCHES = 256;

/** From its application to its release; a hold is on while its thread is frozen. */
export interface EpisodeContainment {
  readonly id: string;
  readonly rung: string;
  readonly path: string;
  readonly scope: "thread" | "process" | "cgroup";
  /** The thread or process held, and its name; null where the whole cgroup is. */
  readonly task: Maybe<number>;
  readonly comm: Maybe<string>;
  readonly from_s: number;
  /** Null when it was not released within the record. */
  readonly to_s: Maybe<number>;
  /** When it was switched on or off. */
  readonly switches: readonly { readonly t_s: number; readonly on: boolean }[];
}

type Open = Omit<EpisodeContainment, "to_s" | "switches"> & {
  to_s: number | null;
  readonly switches: { t_s: number; on: boolean }[];
};

/** Settings a hold is off with: everything else an action may ask for limits its target. */
export function limits(action: Action): boolean {
  if (action.verb === "release") return false;
  return !("frozen" in action.setting) || action.setting.frozen;
}

/** Follows containments from the records of a run; bounded, and what is beyond the bound is counted. */
export class ContainmentTracks {
  readonly #tracks = new Map<string, Open>();
  /** Containments beyond the bound. */
  readonly omitted = new Set<string>();

  get all(): readonly EpisodeContainment[] {
    return [...this.#tracks.values()];
  }

  /** What was asked of the motor, and what became of it. */
  acted(action: Action, outcome: Outcome | null, t_s: number): void {
    this.#switch(action, t_s);
    if (action.verb === "release" || outcome?.status === "refused") this.end(action.id, t_s);
  }

  /** It is over: released, undone, judged or gone. */
  end(id: string, t_s: number): void {
    const known = this.#tracks.get(id);
    if (known !== undefined) known.to_s ??= t_s;
  }

  #switch(action: Action, t_s: number): void {
    const { id, setting, target } = action;
    const on = limits(action);
    let known = this.#tracks.get(id);
    if (known === undefined) {
      if (this.#tracks.size >= MOST_CONTAINMENTS) {
        this.omitted.add(id);
        return;
      }
      const task = target.tid ?? target.pid;
      const scope = target.tid !== null ? "thread" : target.pid !== null ? "process" : "cgroup";
      const about = { rung: setting.rung, path: target.path, scope, task, comm: target.comm } as const;
      known = { id, ...about, from_s: t_s, to_s: null, switches: [] };
      this.#tracks.set(id, known);
    }
    const last = known.switches.at(-1);
    if (last?.on !== on && known.switches.length < MOST_SWITCHES) known.switches.push({ t_s, on });
  }
}

/** When it limited its target, and when it let it run although it was in force; until `end_s` where it was not released. */
export function intervals_of(
  one: EpisodeContainment,
  end_s: number,
): readonly { from_s: number; to_s: number; on: boolean }[] {
  const until_s = one.to_s ?? Math.max(end_s, one.from_s);
  return one.switches
    .map(({ t_s, on }, i) => ({ from_s: t_s, to_s: Math.min(until_s, one.switches[i + 1]?.t_s ?? until_s), on }))
    .filter(({ from_s, to_s, on }) => to_s > from_s || (on && to_s === from_s));
}

/** What is contained: the thread or process with its name, in its cgroup, or the whole cgroup. */
export function target_text({ path, pid, tid, comm }: Pick<Target, "path" | "pid" | "tid" | "comm">): string {
  const name = comm === null ? "" : ` ${comm}`;
  if (tid !== null) return `thread ${tid}${name} of ${path}`;
  return pid === null ? path : `process ${pid}${name} of ${path}`;
}
