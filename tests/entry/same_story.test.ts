/** What `hosa explain` and `hosa status` tell without the runtime is what they tell with it. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { read_audit } from "../../src/audit/index.ts";
import type { AuditEntry } from "../../src/model/audit.ts";
import type { AgentStatus } from "../../src/model/control.ts";
import type { Level } from "../../src/model/level.ts";
import { EpisodeList } from "../../src/report/episode_list.ts";
import { narrated } from "../../src/report/narrated.ts";
import { story } from "../../src/report/story.ts";
import { built_hosa } from "../built.ts";
import { audit_of } from "../cli/audit.ts";
import { expect_document, one_document } from "../cli/schemas.ts";
import { attribution, carrier } from "../report/carriers.ts";
import { recorded_run, START } from "../report/episode_fixture.ts";
import { decided, outcome } from "../report/fixtures.ts";

const LIMIT_MS = 120_000;
const TIGHT = ["prlimit", "--as=200000000"];

let hosa = "";
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hosa-same-"));
  hosa = join(folder, "hosa");
  cpSync(built_hosa(), hosa);
}, 600_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(command: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = Bun.spawn([...command], {
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}

async function in_need(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const ran = await run([...TIGHT, hosa, ...args], env);
  expect(ran.stderr).toContain("HOSA answers without its runtime, in short");
  return ran;
}

/** One entry of an audit that is made up. */
interface Step {
  readonly after_s: number;
  readonly kind:
    | "level"
    | "apply"
    | "refused"
    | "release"
    | "peak"
    | "ended"
    | "trace"
    | "gone"
    | "undo"
    | "stop"
    | "start";
  readonly level: Level;
  readonly warm: boolean;
  readonly harm: boolean;
  readonly own: boolean;
  readonly named: boolean;
}

const STEP: fc.Arbitrary<Step> = fc.record({
  after_s: fc.constantFrom(0, 0.1, 1, 4, 9.9, 10, 30),
  kind: fc.constantFrom<Step["kind"][]>(
    ...(["level", "level", "level", "apply", "refused", "release", "peak", "peak", "ended", "trace", "gone"] as const),
    ...(["undo", "stop", "start"] as const),
  ),
  level: fc.constantFrom<Level[]>(0, 0, 1, 1, 2, 3),
  warm: fc.constantFrom(true, true, true, false),
  harm: fc.constantFrom(false, false, true),
  own: fc.constantFrom(false, false, true),
  named: fc.boolean(),
});

function entries_of(steps: readonly Step[]): AuditEntry[] {
  const entries: AuditEntry[] = [];
  let t_ns = 1e9;
  let level: Level = 0;
  let began_ns = t_ns;
  let ids = 0;
  for (const step of steps) {
    t_ns += step.after_s * 1e9;
    const { kind } = step;
    const id = `c${Math.max(1, ids)}`;
    const found = step.named ? attribution({ memory: [carrier(step.own ? { own: true } : {})] }) : attribution({});
    const { input, decision: made } = decided({ t_ns, warm: step.warm, attribution: found });
    const harm = { ...made.harm, present: step.harm };
    const base = { ...made, t_ns, harm, actions: [], level: step.level, previous_level: level };
    const [action] = recorded_action(kind === "apply" || kind === "refused" ? `c${++ids}` : id, kind);
    if (kind === "level") {
      if (level === 0 && step.level > 0) began_ns = t_ns;
      entries.push({ t_ns, kind: "transition", input, decision: base });
      level = step.level;
    } else if (kind === "apply" || kind === "refused" || kind === "release") {
      const status = kind === "refused" ? "refused" : "done";
      const outcomes = [outcome({ id: action!.id, status })];
      const decision = { ...base, level, actions: [action!] };
      entries.push({ t_ns, kind: "action", input, decision, outcomes });
    } else if (kind === "peak" || kind === "ended") {
      const about = { number: 1, began_ns, rises: 1, max_level: step.level, peak_d_smooth: 8 };
      const of_it = kind === "peak" ? { input, decision: base } : { calm_ns: t_ns };
      entries.push({ t_ns, kind: "episode", version: 1, event: kind, ...about, ...of_it });
    } else if (kind === "trace") {
      entries.push({ t_ns, kind, level, d_smooth: 1, velocity: 0, acceleration: 0, memory: [] });
    } else if (kind === "gone") {
      entries.push({ t_ns, kind: "verification", verdicts: [], outcomes: [outcome({ id, status: "gone" })] });
    } else if (kind === "undo") {
      entries.push({ t_ns, kind, reason: "asked", outcomes: [outcome({ id })] });
    } else if (kind === "stop") entries.push({ t_ns, kind, reason: "asked", beats: 1 });
    else {
      entries.push({ ...START, t_ns });
      level = 0;
    }
  }
  return entries.map(narrated);
}

function recorded_action(id: string, kind: Step["kind"]) {
  const acted = recorded_run().find((entry) => entry.kind === "action");
  const [action] = acted?.kind === "action" ? acted.decision.actions : [];
  return [{ ...action!, id, verb: kind === "release" ? ("release" as const) : ("apply" as const) }];
}

/** The record that the runtime would explain, and what it would say of it. */
async function chosen_of(audit: string): Promise<{ readonly id: string; readonly headline: string } | null> {
  const list = new EpisodeList();
  for await (const item of read_audit(audit)) if (item.type === "record") list.add(item.record);
  const last = list.last();
  return last === null ? null : { id: last.chosen.key_id, headline: last.chosen.story.headline };
}

test(
  "explain: whatever an audit holds, the same episode at the same moment, in the same sentence",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(STEP, { minLength: 1, maxLength: 24 }), async (steps) => {
        const audit = await audit_of(mkdtempSync(join(folder, "audit-")), entries_of(steps));
        const chosen = await chosen_of(audit);
        const { code, stdout } = await in_need(["explain", "--audit", audit]);
        expect(code).toBe(chosen === null ? 1 : 0);
        if (chosen === null) return;
        const [headline, row] = stdout.split("\n");
        expect([headline, row!.split(" ")[0]]).toEqual([chosen.headline, chosen.id]);
      }),
      { numRuns: 100 },
    );
  },
  LIMIT_MS,
);

test("explain: both print the same first line and the same record, in JSON as well", async () => {
  for (const entries of [
    recorded_run().map(narrated),
    entries_of([
      { after_s: 1, kind: "level", level: 1, warm: true, harm: false, own: false, named: false },
      { after_s: 2, kind: "peak", level: 1, warm: true, harm: false, own: false, named: true },
      { after_s: 9, kind: "level", level: 0, warm: true, harm: false, own: false, named: false },
    ]),
  ]) {
    const audit = await audit_of(mkdtempSync(join(folder, "audit-")), entries);
    const args = ["explain", "--audit", audit];
    const [short, long] = [await in_need(args), await run([hosa, ...args])];
    expect(short.stdout.split("\n")[0]).toBe(long.stdout.split("\n")[0]!);
    expect(short.stdout.split("\n")[0]).not.toBe("");
    const [in_short, whole] = [await in_need([...args, "-o", "json"]), await run([hosa, ...args, "-o", "json"])];
    expect_document("explain", one_document(in_short.stdout));
    const { record, story: told } = JSON.parse(whole.stdout);
    expect(JSON.parse(in_short.stdout).record).toEqual(record);
    expect(record.story).toEqual(told);
  }
});

test("explain: an episode of a moment does not hide one of the part before", async () => {
  const step = { warm: true, harm: false, own: false, named: true } as const;
  const lasting = entries_of([
    { ...step, after_s: 1, kind: "level", level: 1 },
    { ...step, after_s: 60, kind: "level", level: 0 },
  ]);
  const moment = entries_of([
    { ...step, after_s: 200, kind: "level", level: 1, named: false },
    { ...step, after_s: 1, kind: "level", level: 0 },
  ]);
  const [older, newer] = [mkdtempSync(join(folder, "audit-")), mkdtempSync(join(folder, "audit-"))];
  const audit = await audit_of(newer, moment);
  const alone = await in_need(["explain", "--audit", audit]);
  expect(alone.code).toBe(0);
  cpSync(await audit_of(older, lasting), `${audit}.1`);
  const both = await in_need(["explain", "--audit", audit]);
  expect(both.stdout).toStartWith(story_of(lasting));
  expect(both.stdout).not.toBe(alone.stdout);
});

function story_of([first]: readonly AuditEntry[]): string {
  return first?.kind === "transition" ? (first.story?.headline ?? "?") : "?";
}

/** Rows that say what happens, why nothing is done, and what the last episode was. */
const TOLD = /^(?:now|not done|episode) .*\n(?: {11}.*\n)?/gm;

test("status: what happens, why nothing is done and the last episode, in the same words", async () => {
  const { input, decision } = decided({ attribution: attribution({ memory: [carrier({ comm: "p\x1b[31m\u202e" })] }) });
  const told = story({ assessment: input.assessment, decision: { ...decision, level: 1, actions: [] } });
  const episode = {
    began: "2026-01-02T03:00:00.000Z",
    ended: null,
    highest: 1 as Level,
    rises: 1,
    headline: told.headline,
    pattern: told.pattern,
    named: told.named,
    rule: "D̄ > θ1",
    path: "/",
    actions: 0,
  };
  const of = (change: Partial<AgentStatus>): AgentStatus => ({
    ...STATUS,
    story: told,
    last_episode: episode,
    ...change,
  });
  for (const [status, held] of [
    [of({ inaction: "" }), 0],
    [of({ inaction: 'watched only: "a\\b"' }), 0],
    [of({ level: 0, inaction: "" }), 0],
    [of({ level: 2, inaction: "" }), 0],
    [of({ last_episode: { ...episode, ended: "2026-01-02T03:01:00.000Z", rises: 16, actions: 3 } }), 0],
    [of({ last_episode: null, held: HELD, level: 2 }), 1],
    [of({ last_episode: { ...episode, actions: 1 }, motor: "cgroup" }), 0],
  ] as const) {
    await with_agent(status, async (config) => {
      for (const env of [{}, { LC_ALL: "C" }]) {
        const [short, long] = [
          await in_need(["status", "-c", config], env),
          await run([hosa, "status", "-c", config], env),
        ];
        expect([short.code, long.code], long.stderr).toEqual([0, 0]);
        const rows = [...long.stdout.matchAll(TOLD)].map(([row]) => row);
        expect([...short.stdout.matchAll(TOLD)].map(([row]) => row)).toEqual(rows);
        expect(rows.join("").includes("not done")).toBe(held === 0 && !(status.level > 1 && status.motor === "cgroup"));
      }
      const json = await in_need(["status", "-c", config, "-o", "json"]);
      expect_document("status", one_document(json.stdout));
    });
  }
});

/** Something that answers on the control socket as an agent does. */
async function with_agent(status: AgentStatus, body: (config: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(folder, "agent-"));
  mkdirSync(join(directory, "run"));
  const config = join(directory, "h.yaml");
  const socket = join(directory, "s.sock");
  writeFileSync(
    config,
    `control: {socket: ${socket}}\nmotor: {ledger_dir: ${directory}/run}\nlearning: {state_dir: ${directory}/state}\n`,
  );
  using _server = Bun.listen({
    unix: socket,
    socket: {
      data(client) {
        client.write(`${JSON.stringify({ ok: true, status })}\n`);
      },
    },
  });
  await body(config);
}

const STATUS: AgentStatus = {
  pid: 1,
  version: "0.1.0",
  node: "n1",
  motor: "recording",
  uptime_s: 90,
  warm: true,
  level: 1,
  level_name: "vigilance",
  level_since: "2026-01-02T03:04:05.000Z",
  regime: null,
  d_smooth: 9,
  velocity: 0,
  theta: [3, 5, 7, 9],
  thresholds: { theta: [3, 5, 7, 9], source: "fixed" },
  warmup: null,
  story: null,
  inaction: "",
  held: [],
  cooldowns: [],
  missing_rungs: [],
  last_episode: null,
  beat: {
    count: 1,
    period_ms: 10,
    cost_us: { p50: 0, p99: 0 },
    delay_us: { p50: 0, p99: 0 },
    interval_us: { p50: 0, p99: 0 },
  },
  ledger_dir: "/run/hosa",
  audit_path: "/a",
  watchers: 0,
  connections: 1,
};

const HELD: AgentStatus["held"] = [
  {
    id: "c1",
    ledger_id: "4-1",
    rung: "cpu_max",
    target: { cgroup_id: 7, path: "/app", pid: null, tid: null, comm: null },
    file: "/cg/app/cpu.max",
    now: "50000 100000",
    restores: "max 100000",
    quarantine: false,
    held_s: 3,
    left_s: null,
    phase: "hold",
  },
];
