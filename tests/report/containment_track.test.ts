import { expect, test } from "bun:test";
import type { Action, Outcome } from "../../src/model/containment.ts";
import { contained_text } from "../../src/report/chart_lanes.ts";
import { ContainmentTracks } from "../../src/report/containment_track.ts";
import { never_acts } from "../../src/report/dial.ts";

const TARGET = { cgroup_id: 7, path: "/app", pid: 1, tid: 2, comm: "leak" } as const;
const hold = (id: string): Action => ({
  ...{ id, verb: "apply", target: TARGET, reason: "it grows" },
  setting: { rung: "thread_hold", frozen: true },
});
const outcome = (id: string, status: Outcome["status"]): Outcome => ({
  ...{ id, verb: "apply", rung: "thread_hold", target: TARGET, t_ns: 1, status, file: null, prior: null },
  ...{ written: null, ledger_id: null, detail: "" },
});

test("of a run that was armed while it ran, each containment says whether it was done", () => {
  const tracks = new ContainmentTracks();
  tracks.acted(hold("c1"), outcome("c1", "would_do"), 1);
  tracks.end("c1", 2);
  tracks.acted(hold("c2"), outcome("c2", "done"), 3);
  expect(tracks.all.map((one) => contained_text(one, false))).toEqual([
    "c1: thread 2 leak of /app would be frozen (thread hold)",
    "c2: thread 2 leak of /app frozen (thread hold)",
  ]);
});

test("only a dry run, or a run from before the dial, is one in which nothing can have been done", () => {
  const dial = { autonomy: "detection", max_level: 4, acts: false, tells: true, dry_run: false } as const;
  expect(never_acts({ motor: "recording" })).toBe(true);
  expect(never_acts({ motor: "recording", dial: { ...dial, dry_run: true } })).toBe(true);
  expect(never_acts({ motor: "recording", dial })).toBe(false);
  expect(never_acts({ motor: "cgroup" })).toBe(false);
});
