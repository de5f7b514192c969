import { expect, test } from "bun:test";
import { ladder_report } from "../../lab/ladder.ts";

const NODE = { path: "/", comm: null };
const THREAD = { path: "/payment.slice", comm: "leak" };

const decision = (t_s: number, level: number, previous_level: number, more: object = {}) => ({
  t_ns: t_s * 1e9,
  kind: "transition",
  decision: { level, previous_level, rule: `rule of ${level}`, actions: [], verdicts: [], inaction: "", ...more },
});
const applied = (t_s: number, level: number, previous_level: number, id: string, rung: string) => ({
  ...decision(t_s, level, previous_level, { actions: [{ id, verb: "apply", target: THREAD, setting: { rung } }] }),
  kind: "action",
  outcomes: [{ id, verb: "apply", rung, target: THREAD, status: "done", detail: "written" }],
});
const verdict = (t_s: number, id: string, said: string) => ({
  t_ns: t_s * 1e9,
  kind: "verification",
  verdicts: [{ id, verdict: said, detail: "something else grows" }],
  outcomes: [],
});
const step = (t_s: number, name: string, subject: string, status = "done") => ({
  t_ns: t_s * 1e9,
  kind: "quarantine_step",
  outcome: { step: name, subject, status, detail: "" },
});

/** The fault begins at 10 s. */
const AUDIT = [
  { t_ns: 1e9, kind: "start" },
  decision(10.1, 1, 0),
  applied(10.4, 2, 1, "c1", "memory_governor"),
  decision(12, 3, 2),
  applied(14.2, 3, 3, "c2", "shield"),
  verdict(21, "c2", "no_effect"),
  decision(22, 4, 3),
  verdict(24, "c1", "no_effect"),
  decision(24.1, 5, 4),
  step(24.2, "evidence", "disk"),
  step(24.3, "isolate", "uplink"),
  step(24.4, "links_down", "eth0"),
  step(24.5, "freeze", "/payment.slice"),
  {
    t_ns: 40e9,
    kind: "undo",
    reason: "the operator ended the quarantine",
    outcomes: [{ id: "q1", verb: "release", rung: "shield", target: NODE, status: "done", detail: "as before" }],
  },
];
const FOUND = {
  onset_ms: 10_000,
  open: { neighbour: true, operator: true, outward: true },
  closed: { neighbour: false, operator: true, outward: false },
  links: { eth0: false, uplink: true },
  release_code: 0,
  difference: [],
  left: "nothing to release",
  reopened: { neighbour: true, operator: true, outward: true },
  explain_codes: [0, 0, 0, 0, 0],
  timeline_code: 0,
  svg_code: 0,
  replay_codes: [0, 0],
};
const text = (audit: readonly object[]) => audit.map((line) => `${JSON.stringify(line)}\n`).join("");
const FILES: Record<string, string> = {
  "explain.txt": "decision re-run: identical\n".repeat(5),
  "ladder.svg": "<svg></svg>",
};

function report(audit: readonly object[] = AUDIT, found: object = {}, files: Record<string, string> = {}) {
  const all = { ...FILES, "audit.jsonl": text(audit), "found.json": JSON.stringify({ ...FOUND, ...found }), ...files };
  return ladder_report((name) => (all as Record<string, string>)[name] ?? "");
}

test("a climb with a reason, an action and a verdict for each level is told step by step", () => {
  const { levels, steps, failures } = report();
  expect(failures).toEqual([]);
  expect(levels.map(({ level }) => level)).toEqual([1, 2, 3, 4, 5]);
  expect(levels[2]?.at_s).toBeCloseTo(2);
  expect(steps.map(({ kind, subject, status }) => `${kind} ${subject} ${status}`.trim())).toEqual([
    "level 0 → 1",
    "level 1 → 2",
    "action apply memory_governor /payment.slice (leak) done",
    "level 2 → 3",
    "action apply shield /payment.slice (leak) done",
    "verdict c2 no_effect",
    "level 3 → 4",
    "verdict c1 no_effect",
    "level 4 → 5",
    "quarantine evidence disk done",
    "quarantine isolate uplink done",
    "quarantine links_down eth0 done",
    "quarantine freeze /payment.slice done",
    "undo release shield / done",
  ]);
  expect(steps[5]).toMatchObject({ at_s: 11, level: 3 });
  expect(steps.at(-1)?.detail).toBe("the operator ended the quarantine: as before");
});

const without = (index: number) => AUDIT.filter((_, i) => i !== index);

const skipped = JSON.parse(JSON.stringify(AUDIT).replaceAll('level":3', 'level":2'));
const early = AUDIT.map((line, i) => (i === 1 ? { ...line, t_ns: 9e9 } : line));
const unruled = JSON.parse(JSON.stringify(AUDIT).replace('"rule":"rule of 4"', '"rule":""'));

test.each([
  ["a level without a rule", unruled, "level 4 has no rule"],
  ["a level that changed in silence", without(6), "level 3 became 4 without a record"],
  ["a level that was left out", skipped, "level 2 became 4"],
  ["a level before the fault", early, "level 1 was in force before the fault began"],
  ["a containment that was never judged", without(7), "c1 was never judged before level 5"],
  ["a last resort that came too early", without(7), "level 5 was entered with 1 containments seen to fail"],
  ["a level that answers no failure", without(5), "level 4 answers nothing that was seen to fail"],
  ["a climb that ended below", AUDIT.slice(0, 8), "the highest level was 4, not 5"],
  ["a step that failed", [...AUDIT, step(25, "freeze", "/batch.slice", "failed")], "freeze /batch.slice is failed"],
  ["a step that is missing", without(11), "the steps of the quarantine"],
])("%s is a failure", (_what, audit, expected) => {
  expect(report(audit).failures.join("\n")).toContain(expected);
});

test.each([
  [
    "an operator shut out",
    { closed: { neighbour: false, operator: false, outward: false } },
    "the network in quarantine",
  ],
  ["a quarantine that lets everybody in", { closed: FOUND.open }, "the network in quarantine"],
  ["a link of the way in taken down", { links: { eth0: false, uplink: false } }, "links up in quarantine"],
  ["a file that is not as before", { difference: ["memory.high 5"] }, "what is not as it was"],
  ["a release that failed", { release_code: 1 }, "status of the release"],
  ["something that stays held", { left: "1 held" }, "what a second release says"],
  ["a network that stays closed", { reopened: FOUND.closed }, "the network after the release"],
  ["an explanation that fails", { explain_codes: [0, 0, 0, 0, 1] }, "status of `hosa explain`"],
  ["a drawing that fails", { svg_code: 1 }, "status of the timelines"],
  ["a flight that differs", { replay_codes: [0, 1] }, "a flight is not replayed to the same decisions"],
  ["a run without a flight", { replay_codes: [] }, "no flight was recorded"],
  ["a guest that gave up", { broken: "no node" }, "the guest gave up: no node"],
])("%s is a failure", (_what, found, expected) => {
  expect(report(AUDIT, found).failures.join("\n")).toContain(expected);
});

test("a decision that is not re-run to the same, and a missing drawing, are failures", () => {
  const { failures } = report(AUDIT, {}, { "explain.txt": "DIFFERENT", "ladder.svg": "" });
  expect(failures).toEqual(["0 of 5 levels are re-run to the same decision", "there is no drawing of the run"]);
});
