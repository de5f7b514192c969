import type { Carrier, TaskWindow } from "../model/attribution.ts";
import { group_key, type Part } from "./process.ts";

/** Carriers kept of each resource. */
const MOST_CARRIERS = 3;
/** A process that carries less than this part of what all of its name in its cgroup do is not the one. */
const LEADS_ITS_NAME = 0.6;
/** A thread that carries less than this part of its process's change does not stand out (SPEC §6). */
const LEADS_ITS_PROCESS = 0.7;
/** A carrier of less than this part of the node's is not worth a place. */
const SMALLEST_SHARE = 0.01;

interface Group {
  readonly parts: Part[];
  rate: number;
  change: number;
  amount: number;
}

/**
 * Carriers by their change, largest first, as shares of what the node does; of what is found itself, where that is more.
 * @param node_amount of the whole node, as the amounts of the parts
 */
export function ranked(parts: readonly Part[], node_amount: number, window: TaskWindow): readonly Carrier[] {
  const groups = new Map<string, Group>();
  const by_cgroup = new Map<number, number>();
  let found = 0;
  for (const part of parts) {
    const amount = part.amount ?? part.rate;
    if (!(amount > 0)) continue;
    found += amount;
    if (part.cgroup_id !== null) by_cgroup.set(part.cgroup_id, (by_cgroup.get(part.cgroup_id) ?? 0) + amount);
    add(groups, part, amount);
  }
  const whole = Math.max(node_amount, found);
  return [...groups.values()]
    .filter(({ amount }) => amount >= SMALLEST_SHARE * whole)
    .toSorted((a, b) => b.change - a.change || b.amount - a.amount)
    .slice(0, MOST_CARRIERS)
    .map((group) => carrier(group, whole, by_cgroup, window));
}

function add(groups: Map<string, Group>, part: Part, amount: number): void {
  const key = group_key(part);
  const group = groups.get(key);
  if (group === undefined) {
    groups.set(key, { parts: [part], rate: part.rate, change: part.change, amount });
    return;
  }
  group.parts.push(part);
  group.rate += part.rate;
  group.change += part.change;
  group.amount += amount;
}

function carrier(
  { parts, rate, change, amount }: Group,
  whole: number,
  by_cgroup: ReadonlyMap<number, number>,
  window: TaskWindow,
): Carrier {
  const [first, ...others] = parts.toSorted((a, b) => b.change - a.change || b.rate - a.rate) as [Part, ...Part[]];
  const alone = others.length === 0 || first.change >= LEADS_ITS_NAME * change;
  const own = alone ? (first.amount ?? first.rate) : amount;
  // Of several, the first that was begun stands for all, so that the name does not change with whoever happens to do most.
  const oldest = alone ? first : parts.reduce((one, other) => ((other.pid ?? 0) < (one.pid ?? 0) ? other : one));
  const share = (of: number | undefined) => (of === undefined || of <= 0 ? null : Math.min(1, own / of));
  return described(oldest, window, {
    kind: first.is_kernel ? "kernel" : alone ? "process" : "processes",
    count: alone ? 1 : parts.length,
    rate: alone ? first.rate : rate,
    share: share(whole) ?? 0,
    share_of_cgroup: first.cgroup_id === null ? null : share(by_cgroup.get(first.cgroup_id)),
  });
}

/** The names and places of a part, to its leading thread. */
export function described(
  part: Part,
  window: TaskWindow,
  figures: Pick<Carrier, "kind" | "count" | "rate" | "share" | "share_of_cgroup">,
): Carrier {
  const path = part.cgroup_id === null ? "" : (window.path_of(part.cgroup_id) ?? "");
  const guarded = path === "" ? null : window.protected_because(path);
  return {
    kind: figures.kind,
    comm: part.comm,
    pid: part.pid,
    ...leading_thread(part),
    count: figures.count,
    cgroup_id: part.cgroup_id,
    path,
    rate: figures.rate,
    share: figures.share,
    share_of_cgroup: figures.share_of_cgroup,
    age_s: part.age_s,
    ...part.extra,
    ...(guarded === null ? {} : { protected: guarded }),
    ...(part.comm === window.own_comm ? { own: true as const } : {}),
  };
}

function leading_thread({ threads }: Part): Pick<Carrier, "tid" | "thread_comm" | "thread_share"> {
  const sum = threads.reduce((total, { change }) => total + change, 0);
  const [first] = threads.toSorted((a, b) => b.change - a.change);
  if (first === undefined || !(sum > 0)) return { tid: null, thread_comm: null, thread_share: null };
  const thread_share = first.change / sum;
  if (thread_share < LEADS_ITS_PROCESS) return { tid: null, thread_comm: null, thread_share };
  return { tid: first.tid, thread_comm: first.comm, thread_share };
}
