import type { Assessment } from "../model/assessment.ts";
import type { Decision } from "../model/decision.ts";
import { level_name } from "../model/level.ts";
import type { Maybe } from "../model/sample.ts";
import type { EpisodeNews } from "../model/story.ts";
import type { BeatView, ChangesView, TaskView } from "../model/view.ts";
import { story } from "../report/story.ts";

/** One beat as people and programs see it: names instead of indices. */
export function view_of(
  a: Assessment,
  decision: Decision,
  acts: boolean,
  episode: Maybe<EpisodeNews> = null,
): BeatView {
  const x: Record<string, number> = {};
  const share: Record<string, number> = {};
  const contribution: Record<string, number> = {};
  const squared = a.d * a.d;
  a.dimension_names.forEach((name, j) => {
    const c = a.contribution[j] ?? 0;
    x[name] = a.x[j] ?? 0;
    contribution[name] = c;
    share[name] = squared > 0 ? c / squared : 0;
  });
  const who = decision.culprit;
  const { present, witness, value, bound, unit, evidence } = decision.harm;
  return {
    t_ns: a.t_ns,
    level: decision.level,
    level_name: level_name(decision.level),
    d: a.d,
    d_smooth: a.d_smooth,
    velocity: a.velocity,
    acceleration: a.acceleration,
    phi: a.phi,
    x,
    share,
    culprit:
      who === null
        ? null
        : {
            path: who.path,
            cgroup_id: who.cgroup_id,
            pid: who.pid,
            tid: who.tid,
            comm: who.comm,
            scope: who.scope,
            change: who.change,
            protected: who.protected,
            note: who.note,
          },
    harm: { present, witness, value, bound, unit, evidence },
    contribution,
    thresholds: a.thresholds,
    warm: a.warm,
    inaction: decision.inaction,
    actions: decision.actions,
    acts,
    story: story({ assessment: a, decision }),
    episode,
    changes: changes_of(a),
  };
}

/** Network and process trouble is ranked by who runs: neither is counted per cgroup. */
function changes_of(a: Assessment): ChangesView {
  const by = a.dominant_resource;
  const resource = by === "memory" || by === "io" ? by : "cpu";
  return { resource, cgroups: a.changes, tasks: tasks_of(a) };
}

const TASKS_MAX = 8;

function tasks_of({ search, changes, growth }: Assessment): readonly TaskView[] {
  if (search === null) return [];
  const { cgroup_id, resource, threads } = search;
  const path = [...changes, ...growth].find((one) => one.cgroup_id === cgroup_id)?.path ?? "";
  return threads.slice(0, TASKS_MAX).map((one) => ({
    pid: one.pid,
    tid: one.tid,
    comm: one.comm,
    path,
    rate: resource === "memory" ? one.fault_bytes_per_s : resource === "io" ? one.io_bytes_per_s : one.cpu_share,
    unit: resource === "cpu" ? "cores" : "bytes/s",
    share: one.share,
    of: "cgroup",
  }));
}
