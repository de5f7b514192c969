import type { Rung, Target } from "../model/containment.ts";
import type { Level } from "../model/level.ts";
import type { Deed } from "../model/what_if.ts";
import { iso, type Moment } from "./moment.ts";

/** Targets kept apart; a storm of names must not need more memory. */
const MOST_TARGETS = 256;

/** A containment as it is told apart: there is at most one of its kind on a target. */
export interface Kind {
  readonly rung: Rung;
  readonly target: Target;
}

export function same_kind(a: Kind, b: Kind): boolean {
  return a.rung === b.rung && a.target.cgroup_id === b.target.cgroup_id && a.target.tid === b.target.tid;
}

interface Counted {
  readonly path: string;
  readonly comm: string | null;
  readonly rung: Rung;
  times: number;
  first: Moment;
  last: Moment;
  longest_s: number;
  open: boolean;
}

/** What one side decided: time at each level, and how often each rung was taken on each target. */
export class Tally {
  readonly level_s: number[] = [0, 0, 0, 0, 0, 0];
  omitted = 0;
  readonly #counted = new Map<string, Counted>();
  #live: { readonly kind: Kind; readonly since_ns: number }[] = [];

  stay(level: Level, seconds: number): void {
    this.level_s[level]! += seconds;
  }

  /** @param counts false where it was applied before these records began, or another file has already told it */
  begin(kind: Kind, at: Moment, counts: boolean): void {
    if (!this.#live.some((one) => same_kind(one.kind, kind))) this.#live.push({ kind, since_ns: at.t_ns });
    const counted = this.#of(kind, at);
    if (counted === null || !counts) return;
    if (counted.times === 0) counted.first = at;
    counted.times += 1;
    counted.last = at;
  }

  /** Whatever is not among these is over. */
  keep(live: readonly Kind[], t_ns: number): void {
    this.#end((kind) => !live.some((one) => same_kind(one, kind)), t_ns, false);
  }

  /** The records end here: what lasts, lasted at least until now. */
  close(t_ns: number): void {
    this.#end(() => true, t_ns, true);
  }

  deeds(): readonly (Pick<Counted, "path" | "comm" | "rung"> & { readonly key: string; readonly deed: Deed })[] {
    return [...this.#counted].map(([key, { path, comm, rung, first, last, times, longest_s, open }]) => {
      const deed = { times, first: iso(first), last: iso(last), longest_s, open };
      return { key, path, comm, rung, deed };
    });
  }

  #end(over: (kind: Kind) => boolean, t_ns: number, open: boolean): void {
    for (const { kind, since_ns } of this.#live.filter((one) => over(one.kind))) {
      const counted = this.#counted.get(key_of(kind));
      const lasted_s = (t_ns - since_ns) / 1e9;
      if (counted === undefined || lasted_s < counted.longest_s) continue;
      counted.longest_s = lasted_s;
      counted.open = open;
    }
    this.#live = this.#live.filter((one) => !over(one.kind));
  }

  #of(kind: Kind, at: Moment): Counted | null {
    const key = key_of(kind);
    const known = this.#counted.get(key);
    if (known !== undefined) return known;
    if (this.#counted.size >= MOST_TARGETS) {
      this.omitted += 1;
      return null;
    }
    const { path, comm } = kind.target;
    const longest = { longest_s: 0, open: false };
    const begun = { path, comm, rung: kind.rung, times: 0, first: at, last: at, ...longest };
    this.#counted.set(key, begun);
    return begun;
  }
}

/** Numbers of cgroups and threads change from run to run, their names do not. */
function key_of({ rung, target: { path, comm } }: Kind): string {
  return JSON.stringify([path, comm, rung]);
}
