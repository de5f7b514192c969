import type { Attributed, Attribution, Carrier } from "../../src/model/attribution.ts";

const MIB = 1_048_576;

export function carrier(change: Partial<Carrier> = {}): Carrier {
  return {
    kind: "process",
    comm: "python3",
    pid: 1234,
    tid: 1240,
    thread_comm: "filler",
    thread_share: 0.99,
    count: 1,
    cgroup_id: 9,
    path: "/user.slice/leak.scope",
    rate: 412 * MIB,
    share: 0.98,
    share_of_cgroup: 1,
    age_s: 63,
    ...change,
  };
}

/** What was found, by resource; of the others nothing. */
export function attribution(
  found: Partial<Record<Attributed, readonly Carrier[]>>,
  change: Partial<Attribution> = {},
): Attribution {
  const of = (resource: Attributed) => ({ node_rate: 0, carriers: found[resource] ?? [] });
  return {
    t_ns: 12e9,
    window_s: 1,
    since_s: 5,
    cores: 2,
    threads: 100,
    complete: true,
    memory: of("memory"),
    cpu: of("cpu"),
    io: of("io"),
    forks: of("forks"),
    network: of("network"),
    ...change,
  };
}
