import { expect, test } from "bun:test";
import type { AuditEntry } from "../../src/model/audit.ts";
import { style } from "../../src/report/style.ts";
import { TimelineBuilder } from "../../src/report/timeline.ts";
import { timeline_svg } from "../../src/report/timeline_svg.ts";
import { timeline_text } from "../../src/report/timeline_text.ts";
import { action_entry, assessment, decided, outcome, record } from "./fixtures.ts";

const START: AuditEntry = {
  kind: "start",
  t_ns: 10_000_000_000,
  version: "0.1.0",
  node: "n<1>",
  kernel: "6.18",
  mode: "run",
  motor: "cgroup",
  dimensions: [],
  missing_rungs: [],
  absences: [],
};

function run(): TimelineBuilder {
  const builder = new TimelineBuilder();
  const thresholds = { theta: [3, 5, 7, 9], source: "fixed" } as const;
  const transition = decided({ d_smooth: 4 });
  const entries: AuditEntry[] = [
    { kind: "note", t_ns: 1, text: "of an earlier run" },
    START,
    { kind: "heartbeat", t_ns: 11e9, level: 0, d_smooth: 1, thresholds, beats: 10 },
    { kind: "transition", t_ns: 11.5e9, ...transition, decision: { ...transition.decision, level: 1, rule: "D̄ > θ1" } },
    action_entry(),
    {
      kind: "verification",
      t_ns: 13e9,
      verdicts: [{ id: "c1", verdict: "effective", detail: "flat" }],
      outcomes: [],
    },
    {
      kind: "undo",
      t_ns: 14e9,
      reason: "hosa ends",
      outcomes: [outcome({ verb: "release", prior: "1", written: "0" })],
    },
    {
      kind: "hook",
      t_ns: 14.5e9,
      hook: "post 1",
      command: ["/bin/true"],
      event: "released",
      action_id: "c1",
      result: { exit: 0, signal: null, timed_out: false, duration_ms: 3, output: "", trouble: "" },
    },
    { kind: "stop", t_ns: 15e9, reason: "asked to end", beats: 50 },
  ];
  for (const [seq, entry] of entries.entries()) builder.add(record(entry, seq));
  return builder;
}

test("the last run is told line by line", () => {
  expect(timeline_text(run().get(), style(false))).toBe(`n<1> 2026-01-02T03:04:05.000Z (cgroup motor)
highest D̄ 7.90; θ1 3.00, θ2 5.00, θ3 7.00, θ4 9.00
03:04:05.000    (t=0.000 s)  e1           started: run, cgroup motor
03:04:06.500    (t=1.500 s)  e3  LEVEL    level 0 → 1: D̄ > θ1
03:04:07.000    (t=2.000 s)  e4  LEVEL    level 1 → 2: D̄ 7.90 > θ2 5.00 and rising, with harm
03:04:07.000    (t=2.000 s)  e4  ACT      apply thread_hold frozen on thread 901 leaker of /svc/leaky: done /svc/leaky/hosa.901/cgroup.freeze: 0 → 1 (ledger 4-1)
03:04:08.000    (t=3.000 s)  e5  VERDICT  c1 effective: flat
03:04:09.000    (t=4.000 s)  e6  UNDO     undo thread_hold on thread 901 leaker of /svc/leaky: done /svc/leaky/hosa.901/cgroup.freeze: 1 → 0 (ledger 4-1)
03:04:09.500    (t=4.500 s)  e7           hook post 1 for c1 released: exit 0
03:04:10.000    (t=5.000 s)  e8           stopped after 50 beats: asked to end
03:04:21.000   (t=16.000 s)               without action the memory limit of /svc/leaky would be reached (projection)
`);
});

test("the picture has the bands, both curves, the thresholds and every mark, and is well formed", () => {
  const svg = timeline_svg(run().get());
  expect(svg.match(/<polyline class="(distance|memory|heading)"/g)).toHaveLength(3);
  // The notes of start, end and hook, two changes of level, the action, the verdict, the undo; each kind once more in the legend.
  expect(svg.match(/<circle class="mark /g)).toHaveLength(8 + 5);
  for (const text of [
    "θ1 3.0",
    "θ4 9.0",
    "memory of /svc/leaky",
    "seconds since the first record of the run",
    "level 2 soft containment",
    "c1: thread 901 leaker of /svc/leaky frozen (thread hold)",
    "frozen 2.0 to 4.0 s; released at 4.0 s",
  ]) {
    expect(svg).toContain(text);
  }
  expect(svg).toContain("n&lt;1&gt;");
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  const opened = [...svg.matchAll(/<([a-z]+)(?:\s[^>]*[^/])?>/g)].map((m) => m[1]).sort();
  const closed = [...svg.matchAll(/<\/([a-z]+)>/g)].map((m) => m[1]).sort();
  expect(opened).toEqual(closed);
});

test("an empty audit and a run without points still give a picture", () => {
  const svg = timeline_svg(new TimelineBuilder().get());
  expect(svg).toContain("run without a recorded start");
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
});

test("a long run needs no more memory than a short one and keeps both ends", () => {
  const builder = new TimelineBuilder();
  const { decision, input } = decided();
  for (let i = 0; i < 20_000; i++) {
    const t_ns = (i + 1) * 1e9;
    builder.add(
      record({ kind: "transition", t_ns, decision, input: { ...input, assessment: assessment({ t_ns }) } }, i),
    );
  }
  const { points, memory, marks } = builder.get();
  for (const list of [points, memory.points, marks]) expect(list.length).toBeLessThanOrEqual(4096);
  expect(points[0]!.t_s).toBe(0);
  expect(points.at(-1)!.t_s).toBe(19_999);
});
