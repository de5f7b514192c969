import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { EpisodeLog, type Logged } from "../../src/agent/episode_log.ts";
import { replay } from "../../src/agent/replay.ts";
import { decide } from "../../src/decision/decide.ts";
import { initial_state } from "../../src/decision/state.ts";
import type { Assessment } from "../../src/model/assessment.ts";
import type { AuditEntry, EpisodeEntry } from "../../src/model/audit.ts";
import type { Action } from "../../src/model/containment.ts";
import type { Decision } from "../../src/model/decision.ts";
import type { Level } from "../../src/model/level.ts";
import { EpisodeList } from "../../src/report/episode_list.ts";
import { CONFIG } from "../decision/fixtures.ts";
import { attribution, carrier } from "../report/carriers.ts";
import { recorded_run } from "../report/episode_fixture.ts";
import { assessment } from "../report/fixtures.ts";

const MIB = 1_048_576;
const GROWING = attribution({ memory: [carrier()] });
const FREED = attribution(
  {},
  { released: carrier({ comm: "python3", rate: -8192 * MIB, gained_bytes: -8192 * MIB, ended: true, tid: null }) },
);

interface Beat {
  readonly t_s: number;
  readonly level: Level;
  readonly inaction?: string;
  readonly look?: Partial<Assessment>;
  /** Something is contained; the beat after lets it go. */
  readonly acts?: boolean;
}

/** A log that is shown beats; what it recorded and told, in order. */
class Run {
  readonly log = new EpisodeLog();
  readonly entries: AuditEntry[] = [];
  /** All that stands in the audit of it: the beat's own records, then those of the log. */
  readonly audit: AuditEntry[] = [];
  #level: Level = 0;
  readonly told: { readonly t_s: number; readonly news: Logged["news"]; readonly view: ReturnType<Logged["view"]> }[] =
    [];

  beat({ t_s, level, inaction = level === 0 ? "" : "watched only: nothing runs out", look = {}, acts }: Beat): this {
    const t_ns = t_s * 1e9;
    const seen = assessment({ t_ns, growth: [], d: 8, ...look });
    const state = initial_state(0);
    const made = decide(seen, state, CONFIG, t_ns).decision;
    const actions = acts === true ? [ACTION, { ...ACTION, verb: "release" as const }] : [];
    const previous_level = this.#level;
    const decision: Decision = { ...made, level, previous_level, inaction, actions, culprit: null };
    this.#level = level;
    if (acts === true || level !== previous_level) {
      const about = { t_ns, input: { assessment: seen, state, config: CONFIG }, decision };
      this.audit.push(acts === true ? { kind: "action", ...about, outcomes: [] } : { kind: "transition", ...about });
    }
    const logged = this.log.note({ assessment: seen, decision, state, config: CONFIG });
    for (const entry of logged?.entries ?? []) this.entries.push(JSON.parse(JSON.stringify(entry)));
    this.audit.push(...(logged?.entries ?? []));
    if (logged !== null && logged.news.length > 0) this.told.push({ t_s, news: logged.news, view: logged.view() });
    return this;
  }

  /** A beat every tenth of a second. */
  stretch(from_s: number, to_s: number, beat: Omit<Beat, "t_s">): this {
    for (let k = Math.round(from_s * 10); k < Math.round(to_s * 10); k++) this.beat({ ...beat, t_s: k / 10 });
    return this;
  }

  of(event: EpisodeEntry["event"]): readonly (AuditEntry & EpisodeEntry)[] {
    return this.entries.filter((entry) => entry.kind === "episode").filter((entry) => entry.event === event);
  }
}

const [ACTION] = recorded_run()
  .filter((entry) => entry.kind === "action")
  .flatMap(({ decision }) => decision.actions.slice(0, 1)) as [Action];

const leaking = { d_smooth: 12, attribution: GROWING } as const;

describe("an episode", () => {
  test("is told when it begins, when it is known who, and when it is over; its record has its peak and its end", () => {
    const run = new Run()
      .stretch(0, 1, { level: 0 })
      .stretch(1, 1.3, { level: 1, look: { d_smooth: 9 } })
      .stretch(1.3, 4, { level: 1, look: leaking })
      .stretch(4, 16, { level: 0 });
    expect(run.told.map(({ t_s, news }) => [t_s, ...news])).toEqual([
      [1, "began"],
      [1.3, "named"],
      [14, "ended"],
    ]);
    expect(run.told[1]!.view.story.headline).toStartWith('Thread 1240 "filler" of python3 (process 1234)');
    expect(run.told[2]!.view).toMatchObject({ rises: 1, lasted_s: 3, max_level: 1 });
    const [peak] = run.of("peak");
    expect(peak).toMatchObject({ number: 1, began_ns: 1e9, rises: 1, max_level: 1 });
    expect(peak!.input!.assessment.attribution!.memory.carriers[0]!.pid).toBe(1234);
    expect(run.of("ended")).toMatchObject([{ calm_ns: 4e9, omitted: { peaks: 0, reasons: 0 }, peak_d_smooth: 12 }]);
  });

  test("goes on when the level rises again within ten seconds: sixteen rises are one episode", () => {
    const run = new Run();
    for (let k = 0; k < 16; k++) {
      run.stretch(11 * k, 11 * k + 3, { level: 1, look: leaking }).stretch(11 * k + 3, 11 * k + 11, { level: 0 });
    }
    run.stretch(176, 190, { level: 0 });
    expect(run.told.filter(({ news }) => news.includes("began"))).toHaveLength(1);
    expect(run.of("ended")).toMatchObject([{ rises: 16, began_ns: 0, calm_ns: 168e9 }]);
    expect(run.told.at(-1)!.view).toMatchObject({ rises: 16, lasted_s: 168 });
  });

  test("is about what lasted, not about a blip with a larger distance, nor about the memory that was given back at its end", () => {
    const blip = {
      d_smooth: 40,
      attribution: attribution({ io: [carrier({ comm: "loader", pid: 7, tid: 7 })] }),
    } as const;
    const io = {
      dimension_names: ["block_throughput_mib_per_s"],
      x: [90],
      mean: [0],
      contribution: [64],
      dominant: [0],
    } as const;
    const freed = { x: [0.1, -8192 * MIB], d_smooth: 60, phi: -1, attribution: FREED } as const;
    const run = new Run()
      .stretch(0, 0.4, { level: 1, look: { ...blip, ...io } })
      .stretch(0.4, 19.8, { level: 1, look: leaking })
      // It ends: for a moment the reading is still that of the growth, and another dimension leads.
      .stretch(19.8, 20, { level: 1, look: { ...freed, attribution: GROWING, dominant: [0, 1] } })
      .stretch(20, 21, { level: 1, look: freed })
      .stretch(21, 33, { level: 0 });
    expect(run.told.at(-1)).toMatchObject({ news: ["ended"], view: { story: { named: { pid: 1234 } } } });
    const last = run.of("peak").at(-1)!;
    expect(last.input!.assessment.attribution!.memory.carriers[0]!.comm).toBe("python3");
    expect(last.input!.assessment.d_smooth).toBe(12);
  });

  test("a look of a moment, or one about HOSA's own commands, does not take the place of the one before it", () => {
    const own = attribution({ cpu: [carrier({ comm: "hosa", own: true })] });
    const busy = {
      dimension_names: ["cpu_busy_fraction"],
      x: [0.9],
      mean: [0],
      contribution: [64],
      dominant: [0],
    } as const;
    const run = new Run().stretch(0, 5, { level: 1, look: leaking }).stretch(5, 20, { level: 0 });
    run.stretch(20, 21, { level: 1, look: { d_smooth: 60, attribution: GROWING } }).stretch(21, 40, { level: 0 });
    run.stretch(40, 48, { level: 1, look: { ...busy, d_smooth: 60, attribution: own } });
    expect(run.log.latest()).toMatchObject({ began_ns: 0, calm_ns: 5e9, story: { named: { pid: 1234 } } });
    run.stretch(48, 50, { level: 2, look: leaking });
    expect(run.log.latest()).toMatchObject({ began_ns: 40e9, calm_ns: null });
  });

  test("is not about what hovers at θ1 for minutes after it", () => {
    const hovering = attribution({ memory: [carrier({ comm: "agent", pid: 9, tid: 9 })] });
    const run = new Run()
      .stretch(0, 8, { level: 1, look: leaking })
      .stretch(8, 500, { level: 1, look: { d: 3.1, d_smooth: 3.1, attribution: hovering } })
      .stretch(500, 512, { level: 0 });
    expect(run.log.latest()).toMatchObject({ story: { named: { pid: 1234 } } });
  });

  test("a higher level, and harm, come before what lasted", () => {
    const run = new Run()
      .stretch(0, 20, { level: 1, look: { d_smooth: 12, attribution: attribution({ cpu: [carrier({ pid: 5 })] }) } })
      .stretch(20, 21, { level: 2, look: leaking })
      .stretch(21, 33, { level: 0 });
    expect(run.log.latest()).toMatchObject({ highest: 2, story: { named: { pid: 1234, resource: "memory" } } });
  });

  test("why nothing is done is told whenever it changes, not when only its numbers do, nor what stands for a moment", () => {
    const run = new Run()
      .stretch(0, 2, { level: 1, inaction: "grows 5.0 MiB/s", look: leaking })
      .stretch(2, 4, { level: 1, inaction: "grows 900.1 KiB/s", look: leaking })
      .stretch(4, 4.2, { level: 1, inaction: "its threads are being searched", look: leaking })
      .stretch(4.2, 6, { level: 1, inaction: "/ is not limited", look: leaking });
    expect(run.told.filter(({ news }) => news.includes("reason")).map(({ t_s }) => t_s)).toEqual([4.5]);
    expect(run.of("reason")).toMatchObject([{ decision: { inaction: "/ is not limited" } }]);
  });

  test("is bounded: so many reasons and peaks have a record, and what has none is counted", () => {
    const run = new Run();
    for (let k = 0; k < 40; k++) {
      const look = { d_smooth: 10 + k, attribution: attribution({ memory: [carrier({ pid: k, comm: `p${k}` })] }) };
      run.stretch(2 * k, 2 * k + 2, { level: 1, inaction: `reason ${"abcdefgh"[k % 8]} ${"xyz"[k % 3]}`, look });
    }
    run.stretch(80, 92, { level: 0 });
    expect(run.of("reason")).toHaveLength(8);
    expect(run.of("peak").length).toBeLessThanOrEqual(6);
    const { omitted } = run.of("ended")[0]!;
    expect(omitted!.reasons).toBe(31);
  });

  test("before the self is learned there is none", () => {
    const run = new Run().stretch(0, 5, { level: 1, look: { ...leaking, warm: false } });
    expect([run.told, run.entries, run.log.latest()]).toEqual([[], [], null]);
  });

  test("what is open when the agent ends is written as it stands", () => {
    const run = new Run()
      .stretch(0, 5, { level: 1, look: leaking })
      .stretch(5, 6, { level: 1, look: { ...leaking, d_smooth: 14 } });
    const written = run.log.close(6e9);
    expect(written.map((entry) => entry.kind === "episode" && entry.event)).toEqual(["peak", "ended"]);
    expect(written.at(-1)).toMatchObject({ calm_ns: null, peak_d_smooth: 14 });
    expect(run.log.close(7e9)).toEqual([]);
  });

  test("what is recorded of a moment can be decided again", () => {
    const log = new EpisodeLog();
    const state = initial_state(0);
    const entries: AuditEntry[] = [];
    for (let k = 0; k < 30; k++) {
      const seen = assessment({ t_ns: k * 1e8, growth: [], d_smooth: 5, attribution: GROWING });
      const { decision } = decide(seen, state, CONFIG, seen.t_ns);
      expect(decision.level).toBe(1);
      entries.push(...(log.note({ assessment: seen, decision, state, config: CONFIG })?.entries ?? []));
    }
    const [peak] = JSON.parse(JSON.stringify(entries)) as EpisodeEntry[];
    expect(replay({ input: peak!.input!, decision: peak!.decision! })).toEqual({ identical: true, difference: "" });
  });
});

test("whatever the levels: rises, length and bounds are those of a count made afterwards", () => {
  const course = fc.array(
    fc.record({ level: fc.constantFrom<Level>(0, 0, 1, 1, 2), seconds: fc.integer({ min: 1, max: 14 }) }),
    {
      maxLength: 40,
    },
  );
  fc.assert(
    fc.property(course, (stretches) => {
      const run = new Run();
      let t_s = 1;
      for (const { level, seconds } of stretches)
        for (let k = 0; k < seconds; k++) run.beat({ t_s: t_s++, level, look: leaking });
      for (let k = 0; k < 12; k++) run.beat({ t_s: t_s++, level: 0 });
      const levels = [0, ...stretches.flatMap(({ level, seconds }) => new Array<number>(seconds).fill(level))];
      expect(run.of("ended").map(({ rises, max_level }) => [rises, max_level])).toEqual(counted(levels));
      for (const ended of run.of("ended")) {
        const own = run.entries.filter((entry) => entry.kind === "episode" && entry.number === ended.number);
        expect(own.length).toBeLessThanOrEqual(6 + 8 + 1);
      }
    }),
    { numRuns: 200 },
  );
});

/** Rises and highest level of each episode, from the levels of all seconds. */
function counted(levels: readonly number[]): number[][] {
  const found: number[][] = [];
  let calm_s = Number.POSITIVE_INFINITY;
  for (const [k, level] of levels.entries()) {
    if (level === 0) {
      calm_s += 1;
      continue;
    }
    const rose = levels[k - 1] === 0;
    if (rose && calm_s > 10) found.push([0, 0]);
    const last = found.at(-1)!;
    if (rose) last[0]! += 1;
    last[1] = Math.max(last[1]!, level);
    calm_s = 0;
  }
  return found;
}

const LOOKS: Readonly<Record<string, Partial<Assessment>>> = {
  leak: leaking,
  other: { d_smooth: 20, attribution: attribution({ memory: [carrier({ comm: "other", pid: 7, tid: 7 })] }) },
  own: { d_smooth: 15, attribution: attribution({ memory: [carrier({ comm: "hosa", pid: 8, tid: 8, own: true })] }) },
  nothing: { d_smooth: 9 },
};

const PART = fc.record({
  level: fc.constantFrom<Level[]>(0, 0, 1, 1, 1, 2),
  seconds: fc.constantFrom(0.1, 0.5, 1, 4, 11),
  look: fc.constantFrom(...Object.keys(LOOKS)),
  acts: fc.constantFrom(false, false, false, true),
});

test("status, which asks the log, and explain, which reads the records, tell the same sentence of the last episode", () => {
  fc.assert(
    fc.property(fc.array(PART, { minLength: 1, maxLength: 12 }), (parts) => {
      const run = new Run();
      let t_s = 1;
      for (const { level, seconds, look, acts } of parts) {
        if (acts && level >= 2) run.beat({ t_s, level, acts, look: LOOKS[look]! });
        run.stretch(t_s + 0.1, t_s + seconds + 0.1, { level, look: LOOKS[look]! });
        t_s += seconds + 0.1;
      }
      run.stretch(t_s, t_s + 11, { level: 0 });
      const list = new EpisodeList();
      for (const [seq, entry] of run.audit.entries()) {
        const wall_time = new Date(Date.UTC(2026) + entry.t_ns / 1e6).toISOString();
        list.add({ ...entry, seq, id: `e${seq}`, wall_time, prev: "", hash: "" });
      }
      expect(run.log.latest()?.story.headline).toBe(list.last()?.chosen.story.headline);
    }),
    { numRuns: 300 },
  );
});

test("commands of HOSA that come one after the other are one thing, and by the way", () => {
  const own = (pid: number) => attribution({ cpu: [carrier({ comm: "hosa", pid, tid: pid, own: true, rate: 1 })] });
  const kernel = attribution({
    cpu: [carrier({ kind: "kernel", comm: "interrupts", pid: null, tid: null, rate: 0.4 })],
  });
  const busy = { dimension_names: ["cpu_busy_fraction"], x: [0.5], mean: [0.1], contribution: [60], dominant: [0] };
  const of = (found: Partial<Assessment>) => ({ level: 1 as Level, look: { ...busy, d_smooth: 12, ...found } });
  const run = new Run().stretch(1, 4, of(leaking)).stretch(4, 20, { level: 0 });
  for (const [i, pid] of [11, 12, 13].entries()) run.stretch(20 + i, 21 + i, of({ attribution: own(pid) }));
  run.stretch(23, 25, of({ attribution: kernel })).stretch(25, 40, { level: 0 });
  expect(run.told.at(-1)!.view.story.named?.comm).toBe("hosa");
  expect(run.log.latest()?.story.named?.comm).not.toBe("hosa");
});
