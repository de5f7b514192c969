import { describe, expect, test } from "bun:test";
import type { Assessment } from "../../src/model/assessment.ts";
import type { Carrier } from "../../src/model/attribution.ts";
import type { Decision } from "../../src/model/decision.ts";
import { advice } from "../../src/report/advice.ts";
import { story } from "../../src/report/story.ts";
import { attribution, carrier } from "./carriers.ts";
import { action_entry, assessment, decided } from "./fixtures.ts";

const MIB = 1_048_576;

/** A deviation of D = 10 at level 1 in which each named dimension has a value and a part of D²; its normal is 0. */
function deviating(
  parts: Readonly<Record<string, readonly [value: number, part: number]>>,
  change: Partial<Assessment> = {},
) {
  const names = Object.keys(parts);
  return assessment({
    dimension_names: names,
    x: names.map((name) => parts[name]![0]),
    mean: names.map(() => 0),
    contribution: names.map((name) => 100 * parts[name]![1]),
    dominant: [0],
    d: 10,
    d_smooth: 10,
    phi: 1,
    growth: [],
    ...change,
  });
}

const AT_LEVEL_1: Decision = {
  ...decided().decision,
  level: 1,
  previous_level: 1,
  culprit: null,
  actions: [],
  harm: { ...decided().decision.harm, present: false },
};

const told = (seen: Assessment, decision: Decision = AT_LEVEL_1) => story({ assessment: seen, decision });
const GROWING = { memory_growth_bytes_per_s: [412 * MIB, 0.9], cpu_busy_fraction: [0.1, 0.05] } as const;
const BUSY = { cpu_busy_fraction: [1, 0.9], pressure_cpu_fraction: [0.4, 0.05] } as const;

describe("what is told of a beat at level 1", () => {
  test("a leak: the thread, its process, its cgroup, how much, of how much", () => {
    const seen = deviating(GROWING, { growth: assessment().growth, attribution: attribution({ memory: [carrier()] }) });
    const { pattern, named, headline } = told(seen);
    expect(pattern?.name).toBe("resource leak");
    expect(named).toMatchObject({ comm: "python3", pid: 1234, tid: 1240, resource: "memory", unit: "bytes/s" });
    expect(headline).toBe(
      'Thread 1240 "filler" of python3 (process 1234) in /user.slice/leak.scope takes 412.0 MiB/s of memory, 98 % of what the node takes.',
    );
  });

  test("a leak on a node whose memory moves so much that no growth is beyond its tail", () => {
    const noisy = { major_faults_per_s: [900, 0.5], memory_growth_bytes_per_s: [412 * MIB, 0.2] } as const;
    const node_ttf = { ...assessment().node_ttf, ttf_s: 30, slope_bytes_per_s: 420 * MIB };
    const found = attribution({ memory: [carrier()] });
    expect(told(deviating(noisy, { node_ttf, attribution: found })).pattern?.name).toBe("resource leak");
    const spread = attribution({ memory: [carrier({ share: 0.3 })] });
    expect(told(deviating(noisy, { node_ttf, attribution: spread })).pattern?.name).toBe("memory pressure");
    const slow = { ...node_ttf, ttf_s: 9000 };
    expect(told(deviating(noisy, { node_ttf: slow, attribution: found })).pattern?.name).toBe("memory pressure");
  });

  test("a growth without a known end, and one that rests", () => {
    const one = carrier({ tid: 1234, thread_comm: "python3", path: "/", gained_bytes: 900 * MIB });
    const far = { ...assessment().node_ttf, ttf_s: null };
    expect(told(deviating(GROWING, { node_ttf: far, attribution: attribution({ memory: [one] }) }))).toMatchObject({
      pattern: { name: "memory growth" },
      headline: "python3 (process 1234) in the root cgroup takes 412.0 MiB/s of memory, 98 % of what the node takes.",
    });
    const rests = attribution({ memory: [{ ...one, rate: 0 }] });
    const kept = deviating(
      { memory_used_fraction: [0.4, 0.8], memory_growth_bytes_per_s: [0, 0] },
      { attribution: rests },
    );
    expect(told(kept).headline).toBe(
      "python3 (process 1234) in the root cgroup took 900.0 MiB of memory and keeps it.",
    );
  });

  test("memory that is given back is no leak, and who gave it is named, not who still takes", () => {
    const falls = { memory_growth_bytes_per_s: [-900 * MIB, 0.95] } as const;
    const gone = carrier({ rate: -900 * MIB, gained_bytes: -8192 * MIB, ended: true, tid: null, thread_comm: null });
    const seen = deviating(falls, {
      phi: -1,
      attribution: attribution({ memory: [carrier({ comm: "bystander" })] }, { released: gone }),
    });
    // The slope of its growth looks back on it for some seconds.
    expect(told({ ...seen, growth: assessment().growth }).pattern?.name).toBe("memory being freed");
    expect(told(seen)).toMatchObject({
      pattern: { name: "memory being freed" },
      named: { comm: "python3", ended: true },
      headline: "python3 (process 1234) in /user.slice/leak.scope has ended and gave back 8.0 GiB of memory.",
    });
    expect(advice(told(seen), false)).toEqual(["Nothing needs to be done: memory was given back."]);
  });

  test("a fork storm comes before the processors it keeps busy, and names who forks", () => {
    const seen = deviating(
      { ...BUSY, forks_execs_per_s: [5200, 0.02] },
      {
        attribution: attribution({
          cpu: [carrier({ comm: "stress-ng-fork", count: 9, kind: "processes", rate: 1.9 })],
          forks: [carrier({ comm: "stress-ng-fork", count: 4, kind: "processes", tid: null, rate: 5180, share: 1 })],
        }),
      },
    );
    const { pattern, headline } = told(seen);
    expect(pattern?.name).toBe("fork storm");
    expect(headline).toBe(
      "4 processes named stress-ng-fork (first 1234) in /user.slice/leak.scope start 5180 processes/s, 100 % of what the node starts.",
    );
  });

  test("a build that forks as often, by processes that each fork a little, is no storm", () => {
    const found = {
      cpu: [carrier({ comm: "cc1", kind: "processes", count: 8, rate: 1.8 })],
      forks: [carrier({ comm: "gcc", kind: "processes", count: 90, rate: 260, tid: null })],
    } as const;
    const building = { ...BUSY, forks_execs_per_s: [600, 0.03] } as const;
    expect(told(deviating(building, { attribution: attribution(found) })).pattern?.name).toBe("CPU-bound");
  });

  test("some forks beside a burner are no storm", () => {
    const spin = carrier({ comm: "sh", tid: 1234, thread_comm: "sh", rate: 1 });
    const seen = deviating({ ...BUSY, forks_execs_per_s: [60, 0.05] }, { attribution: attribution({ cpu: [spin] }) });
    expect(told(seen)).toMatchObject({
      pattern: { name: "spinning thread" },
      headline: "sh (process 1234) in /user.slice/leak.scope uses 1.0 core, 98 % of what the node uses.",
    });
  });

  test("a disk writer is told from a reader, and from a disk that many use", () => {
    const disk = { block_throughput_mib_per_s: [900, 0.5], pressure_io_fraction: [0.5, 0.2] } as const;
    const at = (one: Partial<Carrier>) =>
      told(deviating(disk, { attribution: attribution({ io: [carrier({ comm: "dd", tid: 1234, ...one })] }) }));
    expect(at({ written_share: 1 })).toMatchObject({
      pattern: { name: "disk writer" },
      headline:
        "dd (process 1234) in /user.slice/leak.scope writes 412.0 MiB/s, 98 % of what the node reads and writes.",
    });
    expect(at({ written_share: 0.1 }).pattern?.name).toBe("disk reader");
    expect(at({ written_share: 1, share: 0.2 })).toMatchObject({
      pattern: { name: "I/O-bound" },
      named: { comm: "dd" },
    });
  });

  test("a reading from before the beat names nothing that the beat is not about", () => {
    const small = carrier({ comm: "hosa", rate: 20 * 1024, share: 0.9 });
    const disk = { block_throughput_mib_per_s: [900, 0.9] } as const;
    const one = told(deviating(disk, { attribution: attribution({ io: [small] }) }));
    expect(one).toMatchObject({ named: null, unnamed: "not_read_yet" });
    const gone = carrier({ comm: "npm", rate: -9 * MIB, gained_bytes: -9 * MIB });
    const falls = { memory_growth_bytes_per_s: [-2700 * MIB, 0.95] } as const;
    const freed = told(deviating(falls, { attribution: attribution({}, { released: gone }) }));
    expect(freed).toMatchObject({ pattern: { name: "memory being freed" }, named: null });
  });

  test("the kernel is named where it is the kernel", () => {
    const slab = carrier({ kind: "kernel", comm: "slab", pid: null, tid: null, cgroup_id: null, path: "" });
    const seen = deviating(GROWING, { attribution: attribution({ memory: [slab] }) });
    expect(told(seen).headline).toBe(
      "The kernel (slab caches) takes 412.0 MiB/s of memory, 98 % of what the node takes.",
    );
    expect(advice(told(seen), false)[0]).toContain("slabtop");
  });

  test("what is protected is named all the same, with the reason", () => {
    const guarded = carrier({ path: "/system.slice/ssh.service", protected: "it is protected by default (…)" });
    const one = told(deviating(GROWING, { attribution: attribution({ memory: [guarded] }) }));
    expect(one.named).toMatchObject({ path: "/system.slice/ssh.service", protected: "it is protected by default (…)" });
    expect(advice(one, false)[1]).toStartWith("HOSA never contains it (it is protected by default");
  });

  test("a command that is copied holds no command of the process that chose its own name", () => {
    const comm = "a;id`'$(id)";
    const storm = { ...told(deviating(GROWING)), pattern: null, unnamed: null } as const;
    const named = {
      ...carrier({ kind: "processes", comm }),
      resource: "forks",
      unit: "processes/s",
      protected: null,
    } as const;
    const [line] = advice({ ...storm, named }, false);
    const command = /-C (.*?)`, and at/.exec(line!)![1]!;
    expect(Bun.spawnSync(["sh", "-c", `printf %s ${command}`]).stdout.toString()).toBe(comm);
  });

  test("nothing is named that does not stand out, nor where nothing counts it; what happens is told", () => {
    const crowd = attribution({ cpu: [carrier({ share: 0.05 })] });
    expect(told(deviating(BUSY, { attribution: crowd }))).toMatchObject({ named: null, unnamed: "nothing_stands_out" });
    const rest = attribution({});
    const packets = { net_rx_packets_per_s: [90_000, 0.9] } as const;
    const uncounted = { ...rest, network: { ...rest.network, unknown: "not_counted" as const } };
    const one = told(deviating(packets, { attribution: uncounted }));
    expect(one).toMatchObject({ named: null, unnamed: "not_counted" });
    expect(one.headline).toBe(
      "The node left its normal state: net_rx_packets_per_s 90000 /s; this host does not count it per process.",
    );
  });

  test("the first beat of a rise, and a record of an older version, name nothing and say why", () => {
    const first = told(deviating(BUSY), { ...AT_LEVEL_1, previous_level: 0 });
    expect(first).toMatchObject({ named: null, unnamed: "not_read_yet" });
    expect(told(deviating(BUSY))).toMatchObject({ named: null, unnamed: "not_recorded" });
  });

  test("level 0 is told as what it is", () => {
    const calm = told(deviating(BUSY, { d: 1, d_smooth: 1 }), { ...AT_LEVEL_1, level: 0 });
    expect(calm).toMatchObject({
      pattern: { name: "normal" },
      named: null,
      headline: "The node is in its normal state.",
    });
  });
});

test("a node that is not learned yet is not called normal", () => {
  const young = deviating(BUSY, { d: 1, d_smooth: 1, warm: false });
  const { headline } = story({ assessment: young, decision: { ...AT_LEVEL_1, level: 0 } });
  expect(headline).toBe("HOSA still learns what is normal here; so far nothing stands out.");
});

describe("where something is done", () => {
  test("who is named lies in the cgroup that it is done to", () => {
    const { decision, input } = action_entry();
    const seen = {
      ...input.assessment,
      attribution: attribution({
        memory: [
          carrier({ comm: "bystander", path: "/other", cgroup_id: 5 }),
          carrier({ comm: "service", path: "/svc/leaky", cgroup_id: 77, pid: 900, tid: 901 }),
        ],
      }),
    };
    expect(told(seen, decision).named).toMatchObject({ comm: "service", pid: 900, tid: 901 });
  });

  test("before the processes are read a cgroup has the figure it was ranked by, whatever the pattern is about", () => {
    const { decision } = action_entry();
    const storm = { ...BUSY, forks_execs_per_s: [5200, 0.5] } as const;
    const culprit = { ...decision.culprit!, scope: "cgroup", pid: null, tid: null, comm: null, rate: 1.7 } as const;
    const one = told(deviating(storm, { dominant_resource: "process" }), { ...AT_LEVEL_1, culprit });
    expect(one).toMatchObject({ pattern: { name: "fork storm" }, headline: "/svc/leaky uses 1.7 cores." });
  });

  test("an older record is told from its culprit", () => {
    const { decision, input } = action_entry();
    expect(told(input.assessment, decision)).toMatchObject({
      named: { pid: 900, tid: 901, thread_comm: "leaker", path: "/svc/leaky", share: null },
      headline: 'Thread 901 "leaker" of process 900 in /svc/leaky takes 50.0 MiB/s of memory.',
    });
  });
});

test("every sentence is plain: one sentence, no more than 30 words, no symbol before the words", () => {
  const seen = [
    deviating(GROWING, { attribution: attribution({ memory: [carrier()] }) }),
    deviating(BUSY, { attribution: attribution({ cpu: [carrier({ rate: 1, tid: 1234 })] }) }),
    deviating({ context_switches_per_s: [12, 0.9], cpu_busy_fraction: [0.01, 0.1] }, { phi: -2 }),
    deviating(BUSY),
  ];
  for (const one of seen) {
    const { headline } = told(one);
    expect(headline).toMatch(/^[A-Za-z0-9].*\.$/);
    expect(headline.split(" ").length).toBeLessThanOrEqual(30);
    expect(headline).not.toMatch(/[θφ²]|D̄|NaN|undefined/);
  }
});
