/** One name, one quantity: every figure of a text is in the JSON of the same command, rounded. */

import { describe, expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FlightRecorder } from "../../src/audit/index.ts";
import { CONFIG } from "../decision/fixtures.ts";
import { recorded_run } from "../report/episode_fixture.ts";
import { SCENARIOS, seeded, simulate } from "../simulation/service.ts";
import { audit_of } from "./audit.ts";
import { not_in, numbers_of } from "./figures.ts";
import { hosa, in_directory } from "./hosa.ts";

function rows(labelled: boolean): string {
  const random = seeded(17);
  const lines = [labelled ? "split,label,load,answers" : "time,load,answers,host"];
  for (let row = 0; row < 900; row++) {
    const event = row >= 700 && row < 713;
    const load = random() + random();
    const answers = 2 * load + 0.05 * random() + (event ? 1.5 : row % 191 === 0 ? 0.4 : 0);
    const cells = `${load.toFixed(4)},${answers.toFixed(4)}`;
    const time = 1_767_225_600 + 60 * row + (row > 450 ? 1800 : 0);
    lines.push(labelled ? `${row < 400 ? "train" : "test"},${event ? 1 : 0},${cells}` : `${time},${cells},web1`);
  }
  return `${lines.join("\n")}\n`;
}

const last_object = (stdout: string) => JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
const objects = (stdout: string) =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

/** "false-alarm hours per day" → false_alarm_hours_per_day */
const key_of = (label: string): string => label.toLowerCase().replaceAll(/[ -]/g, "_");

describe("replay: the label of a figure is the name of its key", () => {
  test.each([true, false])("labelled: %p", async (labelled) => {
    await in_directory((directory) => {
      const file = join(directory, "rows.csv");
      writeFileSync(file, rows(labelled));
      const text = hosa(["replay", file]).stdout.split("\n").slice(1);
      const { summary } = last_object(hosa(["replay", file, "-o", "json"]).stdout);
      const figures = text.flatMap((line) => {
        const [, label = "", value = ""] = /^ {2}(\S+(?: \S+)*) {2,}(\S.*)$/.exec(line) ?? [];
        return label === "" || /^\d|^start|^first row/.test(label) ? [] : [{ label, value }];
      });
      expect(figures.length).toBeGreaterThan(10);
      for (const { label, value } of figures) {
        const key = key_of(label);
        expect(Object.keys(summary).some((one) => one === key || one === `${key}_s`)).toBe(true);
        const [number] = numbers_of(value);
        const held = summary[key] ?? summary[`${key}_s`];
        if (typeof held !== "number" || number === undefined) continue;
        expect([label, not_in(value, { [key]: held, ...about(key, summary) })]).toEqual([label, []]);
      }
    });
  });

  /** A line may tell more than its own key. */
  const about = (key: string, summary: Record<string, unknown>): object =>
    Object.fromEntries(
      Object.entries(summary)
        .filter(([one]) => (key === "gaps" ? /gap|missed/.test(one) : one.startsWith(key)))
        .concat(key === "gaps" ? [["bound", 2.5]] : []),
    );

  test("the table beside the baseline: column by column", async () => {
    await in_directory((directory) => {
      const file = join(directory, "rows.csv");
      writeFileSync(file, rows(true));
      const text = hosa(["replay", file, "--detector", "seed"]).stdout;
      const { summary, seed, seed_parts } = last_object(
        hosa(["replay", file, "--detector", "seed", "-o", "json"]).stdout,
      );
      const table = text
        .slice(text.indexOf("\n\n") + 2)
        .trimEnd()
        .split("\n");
      const all = [summary, seed, ...seed_parts];
      expect(table).toHaveLength(12);
      for (const line of table.slice(1)) {
        const [label = "", ...cells] = line.trim().split(/ {2,}/);
        expect(cells).toHaveLength(all.length);
        for (const [k, cell] of cells.entries()) {
          const held = Object.fromEntries(Object.entries(all[k]).filter(([one]) => one.startsWith(key_of(label))));
          expect([label, k, not_in(cell, held)]).toEqual([label, k, []]);
        }
      }
    });
  });
});

describe("every number of the text is in the JSON", () => {
  test("replay: the episodes of an export", async () => {
    await in_directory((directory) => {
      const file = join(directory, "rows.csv");
      writeFileSync(file, rows(false));
      const text = hosa(["replay", file]).stdout.replace(file, "");
      const json = objects(hosa(["replay", file, "-o", "json"]).stdout);
      expect(json.length).toBeGreaterThan(1);
      // 2.5 row intervals are the bound of a gap, and the left-out columns are counted.
      expect(not_in(text, json, [2.5])).toEqual([]);
    });
  });

  test("replay and what-if of a flight", async () => {
    await in_directory(async (directory) => {
      const origin = { node: "n1", kernel: "6.12.0", hosa_version: "0.1.0", config: CONFIG };
      const flight = new FlightRecorder({
        directory,
        minutes: 1,
        keep: 4,
        origin,
        wall_time: () => "2026-01-02T03:04:05.000Z",
        on_trouble: (text) => {
          throw new Error(text);
        },
      });
      simulate(SCENARIOS.reload(400, 3), CONFIG, 1, (a, state, decision) => flight.note(a, state, decision));
      await flight.close();
      const file = join(directory, readdirSync(directory)[0]!);
      const replayed = hosa(["replay", file]).stdout.replaceAll(file, "");
      expect(not_in(replayed, last_object(hosa(["replay", file, "-o", "json"]).stdout))).toEqual([]);
      const what_if = ["what-if", file, "--set", "act.ttf_horizon_s=30"];
      const told = hosa(what_if).stdout.replaceAll(file, "");
      expect(told).toContain("act.ttf_horizon_s");
      expect(not_in(told, JSON.parse(hosa([...what_if, "-o", "json"]).stdout))).toEqual([]);
    });
  });

  test("explain of a decision, explain --timeline, report", async () => {
    await in_directory(async (directory) => {
      const audit = await audit_of(directory, recorded_run());
      const decision = hosa(["explain", "--audit", audit]).stdout.replaceAll(audit, "");
      const json = JSON.parse(hosa(["explain", "--audit", audit, "-o", "json"]).stdout);
      const { contribution, d } = json.record.input.assessment;
      // Shares of D² are told of contributions, and times since the start of the run of what was recorded.
      const shares = contribution.map((one: number) => one / (d * d));
      const recorded = [json.record, ...json.verdicts, ...json.hooks];
      const times = recorded.map(({ t_ns }: { t_ns: number }) => (t_ns - json.run_began_ns) / 1e9);
      expect(not_in(decision, json, [...shares, ...times])).toEqual([]);
      const timeline = hosa(["explain", "--timeline", "--audit", audit]).stdout;
      expect(
        not_in(timeline, JSON.parse(hosa(["explain", "--timeline", "--audit", audit, "-o", "json"]).stdout)),
      ).toEqual([]);
      const page = ["report", "--html", join(directory, "page.html"), "--audit", audit];
      const said = hosa(page).stdout;
      expect(not_in(said, JSON.parse(hosa([...page, "-o", "json"]).stdout))).toEqual([]);
    });
  });
});

test("the check finds a figure that is not there, and one that is rounded wrongly", () => {
  expect(not_in("false alarms 3.40 h/day", { false_alarm_hours_per_day: 2.27 })).toHaveLength(1);
  expect(not_in("recall 0.86", { recall: 0.8549 })).toHaveLength(1);
  expect(not_in("recall 0.86, 41.0 min, 12 %, 3.5 GiB", { a: 0.857, b: 2460, c: 0.121, d: 3.5 * 1024 ** 3 })).toEqual(
    [],
  );
});
