import { expect, test } from "bun:test";
import type { AgentStatus } from "../../src/model/control.ts";
import { status_text } from "../../src/report/status.ts";
import { style } from "../../src/report/style.ts";

const NONE = { p50: 0, p99: 0 };
const SENTENCE = "dd (process 7) in the root cgroup writes 900.0 MiB/s, 99 % of what the node reads and writes.";

function text(change: Partial<AgentStatus> = {}): string {
  const status: AgentStatus = {
    pid: 1,
    version: "0.1.0",
    node: "n1",
    motor: "recording",
    uptime_s: 90,
    warm: true,
    level: 1,
    level_name: "vigilance",
    level_since: "2026-01-02T03:04:05.000Z",
    regime: { number: 1, name: "plateau shift", because: "steady", also: [] },
    d_smooth: 9,
    velocity: 0,
    theta: [7.36, 8.62, 9.49, 10.43],
    thresholds: {
      theta: [7.36, 8.62, 9.49, 10.43],
      source: "learned",
      basis: ["fitted", "floor", "floor", "floor"],
    },
    warmup: null,
    story: {
      pattern: { name: "disk writer", because: "" },
      named: null,
      unnamed: null,
      headline: SENTENCE,
    },
    inaction: "watched only: nothing runs out",
    held: [],
    cooldowns: [],
    missing_rungs: [{ rung: "io_max", why: "the io controller is not on cgroup v2" }],
    last_episode: null,
    beat: { count: 900, period_ms: 10, cost_us: NONE, delay_us: NONE, interval_us: NONE },
    ledger_dir: "/run/hosa",
    audit_path: "/var/log/hosa/audit.jsonl",
    connections: 1,
    watchers: 0,
    ...change,
  };
  return status_text(status, style(false));
}

test("what happens now, why nothing is done, what is missing, and which thresholds are only the floor", () => {
  const said = text();
  expect(said).toContain(`now        ${SENTENCE}\n`);
  expect(said).toContain("not done   watched only: nothing runs out\n");
  expect(said).toContain("missing    io_max: the io controller is not on cgroup v2\n");
  expect(said).toContain(
    "thresholds θ1 7.36: fitted to this node; θ2 8.62, θ3 9.49, θ4 10.43: the chi-square floor, not fitted\n",
  );
  expect(said).toContain("regime     +1 plateau shift (steady)\n");
});

test("how far the warm-up is", () => {
  const said = text({ warm: false, warmup: { learned_s: 195, total_s: 300 }, inaction: "" });
  expect(said).toContain("warm-up    65 % learned, at least 1.8 min left; nothing above level 1 before that\n");
});

test("at level 0 there is no regime, and nothing is out of the ordinary", () => {
  const said = text({ level: 0, level_name: "homeostasis", inaction: "" });
  expect(said).not.toContain("regime");
  expect(said).toContain("not done   nothing is out of the ordinary\n");
});

test("the episode, in the same sentence as everywhere", () => {
  const last_episode = {
    began: "2026-01-02T03:00:00.000Z",
    ended: null,
    highest: 1,
    rises: 16,
    headline: SENTENCE,
    pattern: null,
    named: null,
    rule: "D̄ > θ1",
    path: "/",
    actions: 0,
  } as const;
  expect(text({ last_episode })).toContain(`episode    2026-01-02T03:00:00.000Z – now: level 1, 16 rises, no actions
           ${SENTENCE}
`);
});

test("an agent from before an upgrade tells less, and that is no failure", () => {
  const {
    story: _,
    warmup: __,
    thresholds: ___,
    audit: ____,
    ...older
  } = JSON.parse(JSON.stringify({ level: 0, warm: true }));
  const said = text({
    ...older,
    story: undefined,
    warmup: undefined,
    thresholds: undefined,
    audit: undefined,
  } as never);
  expect(said).toContain("θ1 7.36, θ2 8.62");
  expect(said).not.toContain("undefined");
});
