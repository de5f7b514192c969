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

const FILES: Record<string, string> = {
  "phases.txt": "quiet 0 1000\nudp-essential 1000 3000\n",
  "service-quiet.txt": "10 2000 1\n60 4000 1\n110 3000 1\n",
  "health-quiet.txt": "10 900 1\n",
  "service-udp-essential.txt": "1010 2000000 0\n1060 1000 1\n",
  "health-udp-essential.txt": "1010 900 1\n1210 800 1\n",
  "flood-udp-essential.log": "sent 40000\n",
  "session.txt": "100 500\n1500 7000\nalive\n",
  "kills.jsonl": ["shed", "essential", "isolate"].map((mode) => kill(mode)).join("\n"),
  "released.diff": "same\n",
  "agent.diff": "same\n",
  "audit.jsonl": `${JSON.stringify({ t_ns: 2e9, kind: "transition", decision: { level: 3, previous_level: 1, rule: "far" } })}\n`,
};

const report = (changed: Record<string, string> = {}) => flood_report((name) => ({ ...FILES, ...changed })[name] ?? "");

test("what the guest wrote becomes figures", () => {
  const { phases, session, decided } = report();
  expect(phases[0]).toMatchObject({
    phase: "quiet",
    service_served: 3,
    service_p50_ms: 3,
    service_p99_ms: 4,
    flood_sent_per_s: 0,
  });
  expect(phases[1]).toMatchObject({
    service_asked: 2,
    service_served: 1,
    service_p99_ms: 2000,
    health_served: 2,
    session_worst_ms: 7,
    flood_sent_per_s: 20_000,
  });
  expect(session).toBe("alive");
  expect(decided).toEqual(["2.0 s level 3: far"]);
  expect(flood_failures(report())).toEqual([]);
});

test.each([
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
