import type { ResourceAttribution, StarterFigures, TaskWindow } from "../model/attribution.ts";
import type { Maybe } from "../model/sample.ts";
import { type Part, window_s } from "./process.ts";
import { ranked } from "./rank.ts";

/** Processes begun per second, by the process that begins them: the forker is named, not the forked. */
export function attribute_forks(window: TaskWindow): ResourceAttribution {
  return by_starter(
    window,
    ({ forks }) => forks,
    ({ forks }) => forks,
  );
}

/** Outbound connections begun per second. Packets are not counted per process. */
export function attribute_network(window: TaskWindow): ResourceAttribution {
  return by_starter(
    window,
    ({ connects }) => connects,
    ({ connects }) => connects,
  );
}

type Counter<T> = (figures: T) => number;

function by_starter(
  window: TaskWindow,
  counter: Counter<StarterFigures>,
  of_node: Counter<NonNullable<TaskWindow["after"]["totals"]>>,
): ResourceAttribution {
  const over_s = window_s(window);
  const { before, after } = window;
  const rate_of = (from: number, to: number) => Math.max(0, to - from) / over_s;
  const counted = before.totals !== null && after.totals !== null;
  const node_rate = counted ? rate_of(of_node(before.totals), of_node(after.totals)) : 0;
  if (before.starters === null || after.starters === null) {
    return { node_rate, carriers: [], unknown: after.starters === null ? "no_counter" : "not_counted" };
  }
  const parts: Part[] = [];
  for (const now of after.starters.values()) {
    const earlier = before.starters.get(now.pid);
    const from = earlier?.start_ns === now.start_ns ? counter(earlier) : 0;
    const rate = rate_of(from, counter(now));
    if (rate > 0) parts.push(part_of(now, rate, window));
  }
  return { node_rate, carriers: ranked(parts, node_rate, window) };
}

/** Under its present name and cgroup where it still lives. */
function part_of(starter: StarterFigures, rate: number, { after }: TaskWindow): Part {
  const task = after.threads.get(starter.pid);
  const alive: Maybe<typeof task> = task?.start_ns === starter.start_ns ? task : null;
  return {
    pid: starter.pid,
    comm: alive?.comm ?? starter.comm,
    cgroup_id: alive?.cgroup_id ?? starter.cgroup_id,
    age_s: alive?.age_s ?? null,
    is_kernel: false,
    rate,
    change: rate,
    threads: [],
    ...(alive === null ? { extra: { ended: true as const } } : {}),
  };
}
