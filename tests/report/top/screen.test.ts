import { describe, expect, test } from "bun:test";
import { width_of } from "../../../src/report/screen.ts";
import { style } from "../../../src/report/style.ts";
import { allotted } from "../../../src/report/top/layout.ts";
import { type TopScreen, top_screen } from "../../../src/report/top/screen.ts";
import { initial_top, type TopState, with_beat, with_event, with_key } from "../../../src/report/top/state.ts";
import { leaking, NOW_MS, quiet, status } from "./fixture.ts";

function screen(columns: number, rows: number, change: Partial<TopScreen> = {}): TopScreen {
  const paint = style(false);
  return { columns, rows, ascii: false, paint, clock: "14:03:22", now_ms: NOW_MS, paused: null, ...change };
}

function shown(state: TopState, columns: number, rows: number, change: Partial<TopScreen> = {}): string {
  return top_screen(state, screen(columns, rows, change)).join("\n");
}

const SIZES = [
  [80, 24],
  [160, 48],
  [120, 30],
  [40, 10],
] as const;

describe("the screen", () => {
  test.each(SIZES)("of a leak at %d x %d", (columns, rows) => {
    expect(`\n${shown(leaking(), columns, rows)}\n`).toMatchSnapshot();
  });

  test("of a quiet node, and of its help", () => {
    expect(`\n${shown(quiet(), 80, 24)}\n`).toMatchSnapshot();
    expect(`\n${shown({ ...quiet(), help: true }, 80, 24)}\n`).toMatchSnapshot();
  });

  test("fills every size exactly, in both character sets", () => {
    const states = [quiet(), leaking(), initial_top({ kind: "own" }, 1), { ...leaking(), help: true }];
    for (const state of states) {
      for (const ascii of [false, true]) {
        for (let columns = 20; columns <= 200; columns += 7) {
          for (let rows = 4; rows <= 60; rows += 5) {
            const lines = top_screen(state, screen(columns, rows, { ascii }));
            expect(lines).toHaveLength(rows);
            for (const line of lines) expect(width_of(line)).toBeLessThanOrEqual(columns);
          }
        }
      }
    }
  });

  test("has nothing but ASCII where the terminal takes nothing else", () => {
    for (const [columns, rows] of SIZES)
      expect(shown(leaking(), columns, rows, { ascii: true })).toMatch(/^[\n\x20-\x7e]*$/);
  });

  test("is colored only where color is wanted", () => {
    expect(shown(leaking(), 80, 24)).not.toContain("\x1b");
    expect(shown(leaking(), 80, 24, { paint: style(true) })).toContain("\x1b[35m● LEVEL 2 soft containment");
  });

  test("names level, thread, figure and share, what is held and for how long", () => {
    const text = shown(leaking(), 80, 24);
    for (const part of [
      "LEVEL 2 soft containment  for 7 s",
      "cache-filler",
      "thread 1240",
      "49.6 MiB/s",
      "98 % of cgroup",
    ])
      expect(text).toContain(part);
    expect(text).toMatch(/^c1 thread hold {2}thread 1240 "cache-filler".* 7 s +in 13 s$/m);
  });

  test("too small for tables, it still says the level, what happens, and what is held", () => {
    const text = shown(leaking(), 40, 10);
    expect(text).toContain("LEVEL 2 soft containment");
    expect(text).toContain("held: 1");
    expect(text).toContain("too small: tables need 60x16");
  });

  test("says that the agent does not answer, and since when the display stands still", () => {
    const lost = {
      ...leaking(),
      source: { kind: "lost", why: "the agent closed the connection" },
      status: null,
    } as const;
    expect(shown(lost, 80, 24)).toContain("the agent does not answer");
    expect(shown(lost, 80, 24)).toContain("the agent closed the connection");
    expect(shown(leaking(), 80, 24, { paused: "14:03:20" })).toContain("display paused at 14:03:20");
  });

  test("counts what it has no room for", () => {
    const held = Array.from({ length: 9 }, (_, i) => ({ ...status().held[0]!, id: `c${i + 1}` }));
    expect(shown({ ...leaking(), status: status({ held }) }, 80, 24)).toMatch(/^HELD hosa release lists it · \d more/m);
  });

  test("an agent from before an upgrade, which tells no changes, is shown without them", () => {
    const { changes: _, ...older } = leaking().view!;
    expect(shown({ ...leaking(), view: older as TopState["view"] }, 80, 24)).toContain("CGROUPS none changed");
  });
});

describe("what is shown", () => {
  test("a beat of another level, an action and a new reason are events; the same reason with other figures is none", () => {
    const view = leaking().view!;
    const beats = [
      { ...view, level: 0, actions: [] },
      { ...view, t_ns: view.t_ns + 1e9, level: 1, inaction: "grows 5.0 MiB/s" },
      { ...view, t_ns: view.t_ns + 2e9, level: 1, inaction: "grows 6.0 MiB/s" },
    ] as const;
    const state = beats.reduce((all, one) => with_beat(all, one, "14:00:00"), initial_top({ kind: "own" }, 1));
    expect(state.events.map(({ text }) => text)).toEqual(["level 0 → 1 vigilance", "not done: grows 5.0 MiB/s"]);
  });

  test("a gap of the watch is a gap of the curve, and an eventful beat in between adds no column", () => {
    const view = leaking().view!;
    const at = (s: number) => ({ ...view, t_ns: s * 1e9 });
    const state = [0, 1, 1.2, 2, 12].reduce((all, s) => with_beat(all, at(s), ""), initial_top({ kind: "own" }, 1));
    expect(state.history.map((point) => (point === null ? "-" : "x")).join("")).toBe("xxx---------x");
  });

  test("history and events are bounded", () => {
    let state = initial_top({ kind: "own" }, 1);
    const view = leaking().view!;
    for (let i = 0; i < 1000; i++) state = with_event(with_beat(state, { ...view, t_ns: i * 1e9 }, ""), `${i}`, "");
    expect(state.history.length).toBe(512);
    expect(state.events.length).toBe(100);
  });

  test("keys turn to the help and back, and change the order", () => {
    const state = quiet();
    expect(with_key(state, "?")?.help).toBe(true);
    expect(with_key({ ...state, help: true }, "\x1b")?.help).toBe(false);
    expect(with_key(state, "s")?.sort).toBe("name");
    expect(with_key(state, "x")).toBeNull();
    const names = shown({ ...state, sort: "name" }, 80, 40)
      .split("\n")
      .filter((line) => / (B\/s|\/s|%|bit|ms) ·/.test(line));
    expect(names).toEqual(names.toSorted());
  });

  test("rows are given to the least of each section first, then in turn", () => {
    const section = (least: number, rows: number) => ({ least, rows: Array.from({ length: rows }, () => []) });
    expect(allotted([section(2, 9), section(1, 1), section(2, 2)], 20)).toEqual([9, 1, 2]);
    expect(allotted([section(2, 9), section(1, 1), section(2, 2)], 10)).toEqual([4, 1, 2]);
    expect(allotted([section(2, 9), section(1, 1), section(2, 2)], 4)).toEqual([2, 0, null]);
    expect(allotted([section(2, 9)], 0)).toEqual([null]);
  });
});
