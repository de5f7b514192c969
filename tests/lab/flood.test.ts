import { expect, test } from "bun:test";
import { flood_failures, flood_report } from "../../lab/flood.ts";

const kill = (mode: string, more: object = {}) =>
  JSON.stringify({
    mode,
    on: "yes",
    after_kill: mode === "isolate" ? "closed" : "open",
    answers: mode === "isolate" ? "no" : "yes",
    pins: 0,
    release_status: 0,
    pins_after: 0,
    answers_after: "yes",
    difference: "",
    ...more,
  });

const action = (t_s: number, verb: string, mode: string, admit_share: number, level = 3) => ({
  t_ns: t_s * 1e9,
  kind: "action",
  decision: {
    level,
    previous_level: level,
    rule: "far",
    actions: [{ id: "c1", verb, setting: { rung: "shield", mode, admit_share }, reason: "" }],
    verdicts: [],
  },
  outcomes: [{ rung: "shield", status: "done", detail: `${verb} ${mode}` }],
});
const level = (t_s: number, to: number, from: number) => ({
  t_ns: t_s * 1e9,
  kind: "transition",
  decision: { level: to, previous_level: from, rule: "far", actions: [], verdicts: [] },
});
const verdict = (t_s: number, said: string) => ({
  t_ns: t_s * 1e9,
  kind: "verification",
  verdicts: [{ id: "c1", verdict: said, detail: "38000 packets/s refused" }],
  outcomes: [],
});
/** Two floods, from 10 to 20 and from 40 to 50 s. */
const AUDIT = [
  level(12, 3, 1),
  action(12, "apply", "shed", 1),
  action(13, "adjust", "shed", 0.5),
  verdict(16, "effective"),
  action(26, "release", "shed", 0.5),
  level(42, 3, 1),
  action(42, "apply", "shed", 1),
  action(43, "adjust", "shed", 0.5),
  verdict(46, "no_effect"),
  level(46, 4, 3),
  action(46, "adjust", "essential", 0.5, 4),
  verdict(49, "effective"),
  action(55, "release", "essential", 0.5, 4),
];
const lines = (all: readonly object[]) => all.map((line) => `${JSON.stringify(line)}\n`).join("");

const FILES: Record<string, string> = {
  "phases.txt": [
    ...["quiet 0 1000", "udp-essential 1000 3000"],
    ...["http-one-before 8000 10000", "http-one-agent 10000 20000", "http-one-after 30000 32000"],
    ...["http-many-before 38000 40000", "http-many-agent 40000 50000", "http-many-after 60000 62000"],
  ].join("\n"),
  "service-http-one-before.txt": "9000 2000 1\n",
  "service-http-one-agent.txt": "11000 2000000 0\n12500 1000000 1\n14000 3000 1\n19000 5000 1\n",
  "health-http-one-agent.txt": "12000 2000000 0\n18000 900 1\n",
  "service-http-one-after.txt": "31000 2000 1\n",
  "service-quiet.txt": "10 2000 1\n60 4000 1\n110 3000 1\n",
  "health-quiet.txt": "10 900 1\n",
  "service-udp-essential.txt": "1010 2000000 0\n1060 1000 1\n",
  "health-udp-essential.txt": "1010 900 1\n1210 800 1\n",
  "flood-udp-essential.log": "sent 40000\n",
  "session.txt": "100 500\n1500 7000\nalive\n",
  "kills.jsonl": ["shed", "essential", "isolate"].map((mode) => kill(mode)).join("\n"),
  "released.diff": "same\n",
  "agent.diff": "same\n",
  "audit.jsonl": lines(AUDIT),
};

const report = (changed: Record<string, string> = {}) => flood_report((name) => ({ ...FILES, ...changed })[name] ?? "");

test("what the guest wrote becomes figures", () => {
  const { phases, session } = report();
  expect(phases[0]).toMatchObject({
    phase: "quiet",
    service: { asked: 3, served: 3, p50_ms: 3, p99_ms: 4 },
    flood_sent_per_s: 0,
  });
  expect(phases[1]).toMatchObject({
    service: { asked: 2, served: 1, p99_ms: 2000 },
    health: { served: 2 },
    session_worst_ms: 7,
    flood_sent_per_s: 20_000,
  });
  expect(session).toBe("alive");
  expect(flood_failures(report())).toEqual([]);
});

test("a flood that the agent met is told by its moments, and by what the service had of each part", () => {
  const [one, many] = report().met;
  expect(one?.moments).toEqual({ look_s: 2, shed_s: 3, essential_s: null, effective_s: 6, lifted_s: 16 });
  expect(one).toMatchObject({ flood: "http-one", highest: 3, worked: "shed" });
  expect(one?.service.before).toMatchObject({ asked: 1, served: 1 });
  expect(one?.service.unanswered).toMatchObject({ asked: 2, served: 1, p99_ms: 2000 });
  expect(one?.service.answered).toMatchObject({ asked: 2, served: 2, p99_ms: 5 });
  expect(one?.service.after).toMatchObject({ asked: 1, served: 1 });
  expect(one?.health.answered).toMatchObject({ asked: 1, served: 1 });
  expect(one?.said.slice(0, 2)).toEqual(["2.0 s level 3: far", "2.0 s shield done: apply shed"]);
  expect(many?.moments).toEqual({ look_s: 2, shed_s: 3, essential_s: 6, effective_s: 9, lifted_s: 15 });
  expect(many).toMatchObject({ highest: 4, worked: "essential" });
});

test("without forced levels and kills only what the agent did is promised", () => {
  const changed = { "kills.jsonl": "", "released.diff": "", "health-udp-essential.txt": "1010 900 1\n" };
  expect(flood_failures(report(changed), true)).toEqual([]);
  expect(flood_failures(report(changed)).length).toBeGreaterThan(0);
});

test.each([
  ["a flood that was never met", { "phases.txt": "quiet 0 1000" }, "http-one: the agent never met it"],
  [
    "a flood that nothing was seen to answer",
    { "audit.jsonl": lines(AUDIT.filter((line) => !("verdicts" in line))) },
    "http-one: nothing was seen to work, not shed",
  ],
  [
    "a level that was not reached",
    { "audit.jsonl": lines(AUDIT.filter((line) => line.kind !== "transition" && line.t_ns < 46e9)) },
    "http-many: the highest level was 3, not 4",
  ],
  [
    "a shield that stays",
    { "audit.jsonl": lines(AUDIT.filter(({ t_ns }) => t_ns !== 26e9)) },
    "http-one: the shield was not lifted",
  ],
  [
    "a healthcheck lost behind the shield",
    { "health-http-one-agent.txt": "12000 2000000 0\n18000 900 0\n" },
    "http-one: 0 of 1 healthchecks were answered behind the shield",
  ],
  [
    "a healthcheck that was not answered",
    { "health-udp-essential.txt": "1010 900 1\n1210 800 0\n" },
    "1 of 2 healthchecks",
  ],
  ["a session that was cut", { "session.txt": "100 500\ncut 700\n" }, "the session is cut"],
  ["an interface that is not as before", { "released.diff": "> xdp" }, "not as before: > xdp"],
  [
    "a kill that left the network closed",
    { "kills.jsonl": kill("shed", { after_kill: "closed" }) },
    "shed: after_kill is closed, not open",
  ],
  [
    "a quarantine that did not outlive its agent",
    { "kills.jsonl": kill("isolate", { after_kill: "open" }) },
    "isolate: after_kill is open, not closed",
  ],
  ["a pin that remained", { "kills.jsonl": kill("isolate", { pins_after: 3 }) }, "isolate: pins_after is 3, not 0"],
])("%s is a failure", (_what, changed, expected) => {
  expect(flood_failures(report(changed)).join("\n")).toContain(expected);
});
