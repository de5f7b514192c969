import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { AuditEntry } from "../../src/model/audit.ts";
import { GAP_STEPS, TRACE_DENSE_S, TRACE_SPARSE_S } from "../../src/model/cadence.ts";
import type { Level } from "../../src/model/level.ts";
import { axis, steps, time_unit } from "../../src/report/axis.ts";
import { CHART_STYLE, DARK, LIGHT, standalone_style } from "../../src/report/chart_style.ts";
import { intervals_of } from "../../src/report/containment_track.ts";
import { type ChartView, chart } from "../../src/report/episode_chart.ts";
import { runs_of, type Sample, thinned, within } from "../../src/report/series.ts";
import { style } from "../../src/report/style.ts";
import { type Timeline, TimelineBuilder } from "../../src/report/timeline.ts";
import { timeline_svg } from "../../src/report/timeline_svg.ts";
import { timeline_text } from "../../src/report/timeline_text.ts";
import { START } from "./episode_fixture.ts";
import { action_entry, assessment, decided, outcome, record } from "./fixtures.ts";

const THRESHOLDS = { theta: [3, 5, 7, 9], source: "fixed" } as const;
const MIB = 1_048_576;

const heartbeat = (t_s: number, d_smooth = 1): AuditEntry => ({
  kind: "heartbeat",
  t_ns: t_s * 1e9,
  level: 0,
  d_smooth,
  thresholds: THRESHOLDS,
  beats: 1,
});
const trace = (t_s: number, level: Level = 1, bytes: number | null = null): AuditEntry => ({
  kind: "trace",
  t_ns: t_s * 1e9,
  level,
  d_smooth: 4 + (t_s % 1),
  velocity: 0,
  acceleration: 0,
  memory: bytes === null ? [] : [{ path: "/svc", bytes }],
});
function moves(t_s: number, previous_level: Level, level: Level): AuditEntry {
  const { input, decision } = decided({ t_ns: t_s * 1e9, growth: [] });
  const about = { t_ns: t_s * 1e9, previous_level, level, actions: [], culprit: null };
  return { kind: "transition", t_ns: t_s * 1e9, input, decision: { ...decision, ...about } };
}

function timeline(entries: readonly AuditEntry[]): Timeline {
  const builder = new TimelineBuilder();
  for (const [seq, entry] of [{ ...START, t_ns: 0.001e9 }, ...entries].entries()) builder.add(record(entry, seq));
  return builder.get();
}

/** Segments of every line of a kind, and its dots, in pixels. */
function drawn(svg: string, kind: string) {
  const lines = [...svg.matchAll(/<polyline class="(\w+)" points="([^"]*)"/g)].filter(([, one]) => one === kind);
  const points = lines.map(([, , path]) =>
    path!.split(" ").map((pair) => pair.split(",").map(Number) as [number, number]),
  );
  const dots = [...svg.matchAll(/<circle class="(\w+) sample" cx="([\d.]+)"/g)].filter(([, one]) => one === kind);
  const segments = points.flatMap((line) => line.slice(1).map((to, i) => [line[i]![0], to[0]] as const));
  return { lines: points, segments, xs: [...points.flat().map(([x]) => x), ...dots.map(([, , x]) => Number(x))] };
}

/** A record in random steps: short ones, those of the cadence, and long ones, at random levels. */
const steps_of_a_record = fc.array(
  fc.record({
    step_s: fc.oneof(
      fc.double({ min: 0.05, max: 0.45, noNaN: true }),
      fc.double({ min: 0.5, max: 15, noNaN: true }),
      fc.double({ min: 15, max: 500, noNaN: true }),
    ),
    kind: fc.constantFrom("heartbeat", "trace", "up", "down"),
    d: fc.double({ min: 0, max: 500, noNaN: true }),
  }),
  { minLength: 1, maxLength: 80 },
);

function record_of(parts: readonly { step_s: number; kind: string; d: number }[]) {
  let t_s = 1;
  let level: Level = 0;
  return parts.map(({ step_s, kind, d }) => {
    t_s += step_s;
    const before: Level = level;
    if (kind === "heartbeat") level = 0;
    else level = kind === "down" ? 0 : 1;
    if (kind === "heartbeat") return heartbeat(t_s, d);
    return kind === "trace" ? trace(t_s, level, d * MIB) : moves(t_s, before, level);
  });
}

describe("no picture draws what was not recorded", () => {
  test("no line spans a gap, and the drawn points are the samples in the window, all of them and no other", () => {
    fc.assert(
      fc.property(
        steps_of_a_record,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (parts, a, b) => {
          const run = timeline(record_of(parts));
          const end_s = run.points.at(-1)!.t_s;
          const window = { from_s: Math.min(a, b) * end_s, to_s: Math.max(a, b) * end_s };
          const svg = picture(run, window);
          const scale = window.to_s > window.from_s ? 812 / (window.to_s - window.from_s) : 0;
          for (const [kind, samples] of [
            ["distance", run.points],
            ["memory", run.memory.points],
          ] as const) {
            const inside = samples.filter(({ t_s }) => t_s >= window.from_s && t_s <= window.to_s);
            const { segments, xs } = drawn(svg, kind);
            expect(xs).toHaveLength(inside.length);
            const expected = inside.map(({ t_s }) => (scale === 0 ? 76 + 406 : 76 + (t_s - window.from_s) * scale));
            for (const [i, x] of xs.toSorted((one, other) => one - other).entries())
              expect(Math.abs(x - expected[i]!)).toBeLessThan(0.11);
            for (const [from, to] of segments)
              expect(to - from).toBeLessThanOrEqual(GAP_STEPS * TRACE_SPARSE_S * scale + 0.21);
          }
        },
      ),
    );
  });

  test("from a heartbeat no line leads on for longer than a dense step", () => {
    fc.assert(
      fc.property(steps_of_a_record, (parts) => {
        const entries = record_of(parts);
        const { points } = timeline(entries);
        for (let i = 1; i < points.length; i++) {
          const step_s = points[i]!.t_s - points[i - 1]!.t_s;
          if (entries[i - 1]!.kind === "heartbeat" && step_s > GAP_STEPS * TRACE_DENSE_S + 1e-6)
            expect(points[i]!.joined).toBe(false);
          if (step_s <= GAP_STEPS * TRACE_DENSE_S - 1e-6) expect(points[i]!.joined).toBe(true);
        }
      }),
    );
  });

  test("40 s without a sample are a break and a grey band that says so", () => {
    const before = Array.from({ length: 20 }, (_, i) => trace(2 + 0.2 * i));
    const after = Array.from({ length: 20 }, (_, i) => trace(45.8 + 0.2 * i));
    const run = timeline([heartbeat(1.5), moves(1.8, 0, 1), ...before, ...after]);
    const svg = timeline_svg(run);
    expect(timeline_text(run, style(false))).toMatch(/\n\S+ +\(t=5\.\d+ s\) .* not sampled 40\.0 s\n/);
    expect(drawn(svg, "distance").lines).toHaveLength(2);
    expect(svg).toContain("not sampled 40 s");
    expect(svg).toContain(">not sampled</text>");
    // The level of that time is not known either.
    expect(svg.match(/<rect class="level-1" /g)).toHaveLength(2);
  });

  test("a quiet node is a dot per heartbeat, without a grey band, until one is missing", () => {
    const beats = [0, 30, 60, 90].map((t_s) => heartbeat(t_s + 1));
    const quiet = timeline(beats);
    expect(quiet.gaps).toEqual([]);
    expect(drawn(timeline_svg(quiet), "distance")).toMatchObject({ lines: [] });
    expect(drawn(timeline_svg(quiet), "distance").xs).toHaveLength(4);
    expect(timeline([...beats, heartbeat(171)]).gaps).toHaveLength(1);
    const slow = [0, 300, 600, 900].map((t_s): AuditEntry => ({ ...heartbeat(t_s + 1), period_s: 300 }) as AuditEntry);
    expect(timeline(slow).gaps.length).toBeLessThanOrEqual(1);
  });

  test("the end of the dense traces is no gap", () => {
    const dense = Array.from({ length: 48 }, (_, i) => trace(2.2 + 0.2 * i));
    const run = timeline([moves(2, 0, 1), ...dense, trace(16.7), trace(21.7), trace(26.8)]);
    expect(run.gaps).toEqual([]);
    expect(run.points.slice(1).every(({ joined }) => joined)).toBe(true);
  });

  test("the memory of a cgroup breaks where the record does not name it", () => {
    const entries = [2, 2.2, 2.4, 2.6, 2.8, 3, 3.2].map((t_s) =>
      trace(t_s, 2, t_s >= 2.4 && t_s < 3 ? null : 100 * MIB),
    );
    const run = timeline([moves(1.9, 0, 2), ...entries]);
    expect(runs_of(run.memory.points).map((points) => points.length)).toEqual([2, 2]);
  });
});

describe("thinned", () => {
  const series = fc.array(fc.record({ joined: fc.boolean(), value: fc.integer({ min: 0, max: 1000 }) }), {
    maxLength: 3000,
  });

  test("keeps both ends, the highest and the lowest, every gap, and makes none", () => {
    fc.assert(
      fc.property(series, fc.integer({ min: 4, max: 400 }), (parts, most) => {
        const all = parts.map((one, t_s) => ({ ...one, t_s }));
        const kept = thinned(all, ({ value }) => value, most);
        if (all.length <= most) {
          expect(kept).toEqual(all);
          return;
        }
        expect(kept.length).toBeLessThanOrEqual(most + 2);
        expect([kept[0]!.t_s, kept.at(-1)!.t_s]).toEqual([0, all.length - 1]);
        const values = all.map(({ value }) => value);
        expect(Math.max(...kept.map(({ value }) => value))).toBe(Math.max(...values));
        expect(Math.min(...kept.map(({ value }) => value))).toBe(Math.min(...values));
        for (let i = 1; i < kept.length; i++) {
          const between = all.slice(kept[i - 1]!.t_s + 1, kept[i]!.t_s + 1);
          expect(kept[i]!.joined).toBe(between.every(({ joined }) => joined));
        }
      }),
      { numRuns: 50 },
    );
  });
});

test("a window has the samples within it, and its first one begins a line", () => {
  const samples: Sample[] = [0, 1, 2, 3].map((t_s) => ({ t_s, joined: t_s > 0 }));
  expect(within(samples, { from_s: 1, to_s: 2 })).toEqual([
    { t_s: 1, joined: false },
    { t_s: 2, joined: true },
  ]);
  expect(within(samples, { from_s: 1.2, to_s: 1.8 })).toEqual([]);
});

describe("axes", () => {
  test("no range is made up: one value stands in the middle, with one tick", () => {
    expect(axis(5, 5, 100, 200, 8)).toMatchObject({ ticks: [5] });
    expect(axis(5, 5, 100, 200, 8).to(5)).toBe(200);
    expect(steps(0, 4)).toEqual([0]);
    expect(steps(Number.NaN, 4)).toEqual([0]);
  });

  test("ticks are round, few, and within the axis", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
        (low, span) => {
          const { ticks, to } = axis(low, low + span, 0, 100, 8);
          expect(ticks.length).toBeGreaterThanOrEqual(1);
          expect(ticks.length).toBeLessThanOrEqual(9);
          for (const tick of ticks) {
            expect(to(tick)).toBeGreaterThanOrEqual(-1e-3);
            expect(to(tick)).toBeLessThanOrEqual(100.001);
          }
        },
      ),
    );
  });

  test("the numbers beside the distance have room, however far it went", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 7, noNaN: true }), (power) => {
        const svg = timeline_svg(timeline([heartbeat(1, 10 ** power)]));
        const ticks = [...svg.matchAll(/<text x="66\.0" y="([\d.]+)" text-anchor="end" class="tick">\d/g)].map(
          ([, y]) => Number(y),
        );
        expect(ticks.length).toBeGreaterThan(1);
        for (let i = 1; i < ticks.length; i++) expect(ticks[i - 1]! - ticks[i]!).toBeGreaterThanOrEqual(13.9);
      }),
    );
  });

  test("a long span is told in minutes or hours", () => {
    expect([time_unit(60), time_unit(3600), time_unit(86_400)].map(({ name }) => name)).toEqual([
      "seconds",
      "minutes",
      "hours",
    ]);
    expect(timeline_svg(timeline([1, 7200, 14_400].map((t_s) => heartbeat(t_s))))).toContain(
      "hours since the first record",
    );
  });
});

describe("nothing empty", () => {
  test("without memory, containments or events there is no panel, no lane, no legend of them", () => {
    const svg = timeline_svg({ ...timeline([heartbeat(1)]), marks: [] });
    const shown = svg.slice(svg.indexOf("</style>"));
    for (const text of ["memory", "events", "projection", "frozen", "not sampled", "verdict"]) {
      expect(shown).not.toContain(text);
    }
    expect(drawn(svg, "distance")).toMatchObject({ lines: [] });
    expect(drawn(svg, "distance").xs).toHaveLength(1);
  });

  test("what is left out is counted", () => {
    const run = timeline([heartbeat(1)]);
    const marks = Array.from({ length: 300 }, (_, i) => ({
      t_s: i / 300,
      id: `e${i}`,
      kind: "note" as const,
      text: "",
    }));
    const containments = Array.from({ length: 8 }, (_, i) => ({
      id: `c${i}`,
      rung: "cpu_max",
      path: `/s${i}`,
      scope: "cgroup" as const,
      task: null,
      comm: null,
      only_recorded: false,
      from_s: 0,
      to_s: null,
      switches: [{ t_s: 0, on: true }],
    }));
    const svg = timeline_svg({ ...run, marks, omitted_marks: 5, containments, omitted_containments: 3 });
    expect(svg).toContain("5 more containments are not drawn");
    expect(svg).toContain("65 more events are not drawn");
  });
});

test("a containment found without effect is in force until it is released", () => {
  const acted: AuditEntry = action_entry();
  const verdict = { id: "c1", verdict: "no_effect", detail: "" } as const;
  const undo: AuditEntry = { kind: "undo", t_ns: 15e9, reason: "", outcomes: [outcome({ verb: "release" })] };
  const seen: AuditEntry = { kind: "verification", t_ns: 13e9, verdicts: [verdict], outcomes: [] };
  const [open] = timeline([acted, seen]).containments;
  expect(open).toMatchObject({ id: "c1", to_s: null });
  const [closed] = timeline([acted, seen, undo]).containments;
  expect(closed!.to_s).toBeCloseTo(15, 2);
  const released = { ...open!, to_s: 15, switches: [...open!.switches, { t_s: 15, on: false }] };
  expect(intervals_of(released, 20).map(({ on }) => on)).toEqual([true]);
});

describe("where it was heading", () => {
  const leak = (slope_mib: number, headroom_mib: number): Timeline => {
    const grows = assessment().growth[0]!;
    const projection = {
      t_s: 2,
      path: "/svc",
      memory_bytes: 300 * MIB,
      slope_bytes_per_s: slope_mib * MIB,
      headroom_bytes: headroom_mib * MIB,
      ttf_s: headroom_mib / slope_mib,
      reached_s: 2 + headroom_mib / slope_mib,
      of_node: grows.ttf.resource === "node_memory",
    };
    const traces = Array.from({ length: 100 }, (_, i) => trace(1.9 + 0.2 * i, 2, (280 + 2 * i) * MIB));
    return { ...timeline([moves(1.8, 0, 2), ...traces]), projection };
  };

  test("a dotted line to the limit, with the time it would have been reached", () => {
    const svg = timeline_svg(leak(50, 700));
    expect(svg).toContain("without action: memory limit reached at 16.0 s (projection)");
    expect(svg).toContain('class="exhausted"');
    expect(svg).toContain('class="limit"');
  });

  test("beyond the picture it says so, and no end is drawn", () => {
    const svg = timeline_svg(leak(5, 700));
    expect(svg).toContain("memory limit reached at 142.0 s (projection, beyond this picture)");
    expect(svg).not.toContain('class="exhausted"');
  });

  test("a limit far above what was measured does not flatten it: it is told in words", () => {
    const svg = timeline_svg(leak(50, 64 * 1024));
    expect(svg).toContain("the memory limit, 64.3 GiB, lies above this scale");
    expect(svg).not.toContain('class="limit"');
    const [[, highest]] = drawn(svg, "memory").lines[0]!.toSorted((a, b) => a[1] - b[1]) as [[number, number]];
    expect(highest).toBeLessThan(340);
  });
});

describe("colors", () => {
  const luminance = (hex: string): number => {
    const [r, g, b] = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255);
    const linear = (v: number): number => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(r!) + 0.7152 * linear(g!) + 0.0722 * linear(b!);
  };
  const contrast = (one: string, other: string): number => {
    const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (high! + 0.05) / (low! + 0.05);
  };

  test.each([
    ["light", LIGHT],
    ["dark", DARK],
  ] as const)("%s: text 4.5 : 1, lines and marks 3 : 1", (_name, palette) => {
    for (const ground of ["card", "gap"]) {
      expect(contrast(palette["soft"]!, palette[ground]!)).toBeGreaterThanOrEqual(ground === "card" ? 4.5 : 3);
    }
    expect(contrast(palette["ink"]!, palette["card"]!)).toBeGreaterThanOrEqual(4.5);
    for (const line of ["blue", "pink", "red", "green", "violet", "orange"]) {
      expect(contrast(palette[line]!, palette["card"]!)).toBeGreaterThanOrEqual(3);
    }
    for (const level of ["l0", "l1", "l2", "l3", "l4", "l5"]) {
      expect(contrast(palette["on"]!, palette[level]!)).toBeGreaterThanOrEqual(4.5);
    }
  });

  test("a picture alone has a ground, its colors put in, and those for dark", () => {
    expect(standalone_style()).not.toContain("var(");
    expect(standalone_style()).toContain("prefers-color-scheme:dark");
    expect(CHART_STYLE).toContain("svg .ground");
    expect(timeline_svg(timeline([heartbeat(1)]))).toContain('<rect class="ground"');
  });
});

function picture(run: Timeline, window: { readonly from_s: number; readonly to_s: number }): string {
  const view: ChartView = {
    timeline: run,
    zero_s: 0,
    zero_name: "",
    projection: null,
    only_recorded: false,
    heading: null,
    description: "",
  };
  return chart(view, window, "p", "p").svg.text;
}
