import { expect, test } from "bun:test";
import { Beat } from "../../src/agent/beat.ts";
import { ContainmentWatch } from "../../src/agent/containment_watch.ts";
import { OwnStall } from "../../src/agent/own_stall.ts";
import { replay } from "../../src/agent/replay.ts";
import { FlightRing, type SpentBeat } from "../../src/audit/index.ts";
import { Cortex } from "../../src/cortex/cortex.ts";
import { RecordingMotor } from "../../src/motor/recording.ts";
import { items_of, open_writer, with_directory } from "../audit/scratch.ts";
import { CONFIG, search } from "../decision/fixtures.ts";
import { DIMENSIONS, NO_WATCH, node, WARMUP_S } from "./node.ts";
import { spoil } from "./spoil.ts";

interface Flown {
  /** Every beat as it was when it was handed out. */
  readonly said: string[];
  /** Beats whose values had been handed out before. */
  readonly again: number;
  /** Kept beats that are not any more what they were. */
  readonly changed: number;
  readonly audit: string[];
}

/** A quiet node that begins to leak; the audit's disk refuses until the end. @param ring absent: every beat makes its own values */
async function fly(directory: string, ring: FlightRing | null): Promise<Flown> {
  const audit = open_writer(directory, { max_bytes: 1e9 });
  const samples = node(3);
  const limits = {
    max_targets_per_minute: 6,
    cooldown_s: 5,
    expiry_s: 30,
    mount: null,
    protect: [],
  };
  const options = {
    warmup_s: WARMUP_S,
    half_life_s: 3600,
    lambda: 1e-3,
    thresholds: "learned",
    opinions: null,
  } as const;
  const refill = (desk: SpentBeat) => {
    ring!.refill(desk);
    spoil(desk.assessment);
    spoil(desk.decision);
    spoil(desk.state as object | null);
  };
  const beat = new Beat({
    sense: () => samples.next().value ?? null,
    search_threads: () => search(),
    cortex: new Cortex(DIMENSIONS, {
      ...options,
      budgets: { vigilance_per_s: 1 / 3600, intervention_per_s: 1 / 2.6e6 },
    }),
    config: CONFIG,
    motor: new RecordingMotor({ ...limits, enabled_rungs: ["thread_hold", "memory_governor"] }),
    watch: new ContainmentWatch(NO_WATCH, false),
    own_stall: new OwnStall({ stall_some_us: () => 0, leave: () => {} }),
    record: (entry) => audit.append(entry),
    ...(ring === null ? {} : { refill }),
  });
  const said: string[] = [];
  const handed_out = new Set<object>();
  const kept = new Map<object, string>();
  let again = 0;
  for (let before = beat.state, result = beat.step(); result !== null; before = beat.state, result = beat.step()) {
    const { assessment, decision } = result;
    const words = JSON.stringify([assessment, decision, beat.state]);
    said.push(words);
    if (handed_out.has(assessment)) again += 1;
    handed_out.add(assessment);
    if (result.kept) kept.set(result, JSON.stringify([assessment, decision]));
    if (before !== null) ring?.push(assessment, before, decision, result.kept);
  }
  await audit.close();
  const changed = [...kept].filter(([result, words]) => {
    const { assessment, decision } = result as { assessment: unknown; decision: unknown };
    return JSON.stringify([assessment, decision]) !== words;
  });
  const items = await items_of(audit.path);
  const lines = items.map((item) => {
    if (item.type === "problem") throw new Error(item.problem);
    const { record } = item;
    if (record.kind === "action" || record.kind === "transition") expect(replay(record).difference).toBe("");
    return JSON.stringify(record);
  });
  return { said, again, changed: changed.length, audit: lines };
}

test("a beat written over the values of another says what one with values of its own says, and nothing kept changes", async () => {
  const own = await with_directory((directory) => fly(directory, null));
  expect(own.again).toBe(0);
  expect(own.audit.length).toBeGreaterThan(2);
  // As short as can be: what is not kept is written over two beats later.
  for (const most_ns of [0, 1e9]) {
    const over = await with_directory((directory) => fly(directory, new FlightRing(most_ns, 1e6)));
    expect(over.again).toBeGreaterThan(300);
    expect(over.said).toEqual(own.said);
    expect(over.changed).toBe(0);
    expect(over.audit).toEqual(own.audit);
  }
});
