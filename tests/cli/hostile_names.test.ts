/** Names that another user chose, through every command that shows them. */

import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import type { AuditEntry } from "../../src/model/audit.ts";
import { narrated } from "../../src/report/narrated.ts";
import { flight_of, flight_text } from "../backtest/flight_fixture.ts";
import { HOSTILE, obeyed_in } from "../hostile_text.ts";
import { recorded_run } from "../report/episode_fixture.ts";
import { action_entry, view } from "../report/fixtures.ts";
import { Scratch } from "../telemetry/control/scratch.ts";
import { audit_of } from "./audit.ts";
import { hosa, type Ran } from "./hosa.ts";

const MAIN = join(import.meta.dir, "../../src/cli/main.ts");
/** Begins a line of its own where a line end gets through. */
const FORGED = "FORGED: all is well";
const NAMES_EVERYTHING = `${HOSTILE.join("")}\x1b[2J\x1b]0;x\x07\x1b[38;5;123m\n${FORGED}\r\n${FORGED}`;
/** Keys of records whose strings come from outside. */
const FROM_OUTSIDE = new Set(
  [
    "path",
    "comm",
    "node",
    "kernel",
    "reason",
    "inaction",
    "text",
    "output",
    "detail",
    "file",
    "hook",
    "why",
    "prior",
  ].concat([
    "written",
    "trouble",
    "rule",
    "now",
    "restores",
    "phase",
    "ledger_dir",
    "audit_path",
    "version",
    "dimension",
  ]),
);

/** A copy in which every string from outside ends with `name`. */
function renamed<T>(value: T, name: string, key = ""): T {
  if (typeof value === "string") return (FROM_OUTSIDE.has(key) ? `${value}${name}` : value) as T;
  if (Array.isArray(value)) return value.map((part) => renamed(part, name, key)) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([each, part]) => [each, renamed(part, name, each)])) as T;
}

const RECORDED = recorded_run();
const FLIGHT = flight_text(flight_of(), 0, 120);
const HELD = {
  id: "c1",
  ledger_id: "4-1",
  rung: "thread_hold",
  target: { cgroup_id: 7, path: "/payment.slice", pid: 4, tid: 5, comm: "worker" },
  file: "/payment.slice/cgroup.freeze",
  now: "1",
  restores: "0",
  quarantine: false,
  held_s: 3,
  left_s: 4,
  phase: "held",
};
const QUANTILES = { p50: 1, p95: 1, p99: 1, max: 1 };
const STATUS = {
  pid: 4,
  version: "0.1.0",
  node: "n1",
  motor: "cgroup",
  uptime_s: 9,
  warm: true,
  level: 2,
  level_name: "soft containment",
  level_since: "2026-01-02T03:04:05.000Z",
  regime: { number: 4, name: "local failure", because: "it rises", also: [] },
  d_smooth: 4,
  velocity: 1,
  theta: [3, 5, 7, 9],
  held: [HELD],
  cooldowns: [{ path: "/batch.slice", left_s: 4 }],
  missing_rungs: [{ rung: "io_max", why: "no controller" }],
  last_episode: {
    began: "2026-01-02T03:04:05.000Z",
    ended: null,
    highest: 2,
    rises: 2,
    headline: "a leak",
    actions: 1,
  },
  story: { pattern: null, named: null, unnamed: null, headline: "a leak of p" },
  inaction: "watched only",
  warmup: null,
  beat: { count: 9, period_ms: 100, cost_us: QUANTILES, delay_us: QUANTILES, interval_us: QUANTILES },
  ledger_dir: "/run/hosa",
  audit_path: "/var/log/hosa/audit.jsonl",
  connections: 1,
  watchers: 0,
};

const NARRATED = narrated(action_entry());
const STORY = NARRATED.kind === "action" ? NARRATED.story! : null!;
const NEWS = ["began", "named", "reason", "ended"] as const;
/** A beat with everything that can be told of one. */
const TOLD = view({
  story: STORY,
  inaction: "watched only",
  episode: { number: 1, news: NEWS, rises: 2, max_level: 1, lasted_s: 3, story: STORY },
});

const MORE: readonly AuditEntry[] = [
  { kind: "note", t_ns: 9e9, text: "a note" },
  { kind: "undo", t_ns: 9e9, reason: "released by an operator", outcomes: [] } as unknown as AuditEntry,
  { kind: "stop", t_ns: 9e9, reason: "SIGTERM" } as unknown as AuditEntry,
];

/** Fails where a character is obeyed, or a line was forged. */
function expect_harmless(args: readonly string[], { stdout, stderr }: Ran): void {
  for (const text of [stdout, stderr]) {
    expect(obeyed_in(text.replace(/[\n\t]/g, "")), args.join(" ")).toEqual([]);
    expect(text.split("\n").filter((line) => line.startsWith(FORGED))).toEqual([]);
  }
}

async function with_files(name: string, body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "hosa-names-"));
  try {
    await audit_of(folder, renamed([...RECORDED.map(narrated), ...MORE], name));
    writeFileSync(
      join(folder, "flight-x.jsonl"),
      FLIGHT.map((line) => JSON.stringify(renamed(JSON.parse(line), name))).join("\n"),
    );
    const column = name.replaceAll(/[\n\r,]/g, "");
    const rows = Array.from({ length: 200 }, (_, i) => `${i < 120 ? "train" : "test"},0,${i % 7},${i % 5}`);
    writeFileSync(join(folder, "rows.csv"), `split,label,a${column},b${column}\n${rows.join("\n")}\n`);
    writeFileSync(join(folder, "bad.csv"), `split,label,a,b\ntrain${column},0,1,1\n`);
    writeFileSync(join(folder, "h.yaml"), `${JSON.stringify(`k${name.toWellFormed()}`)}: 1\nnode: {name: 3}\n`);
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A name a file can have. */
function file_name(name: string): string {
  return name.toWellFormed().replaceAll(/[/\0]/g, "").slice(0, 60);
}

function calls(folder: string, name: string): readonly (readonly string[])[] {
  const audit = ["--audit", join(folder, "audit.jsonl")];
  const absent = join(folder, file_name(name));
  const argument = name.toWellFormed().replaceAll("\0", "");
  return [
    ["explain", ...audit],
    ["explain", ...audit, "-o", "json"],
    ...["e0", `e${RECORDED.length}`, `e${RECORDED.length + 1}`, `e${RECORDED.length + 2}`].map((id) => [
      "explain",
      id,
      ...audit,
    ]),
    ["explain", argument, ...audit],
    ["explain", "--timeline", ...audit],
    ["explain", "--svg", "-", ...audit],
    ["report", "--html", "-", ...audit],
    ["report", "--html", join(folder, `page${file_name(name)}`), ...audit],
    ["explain", "--audit", absent],
    ["what-if", join(folder, "audit.jsonl")],
    ["what-if", join(folder, "flight-x.jsonl"), "-o", "json"],
    ["what-if", "--set", `a.b${argument}=1`, join(folder, "flight-x.jsonl")],
    ["replay", join(folder, "flight-x.jsonl")],
    ["replay", join(folder, "rows.csv")],
    ["replay", join(folder, "bad.csv")],
    ["replay", absent],
    ["config", "check", "-c", join(folder, "h.yaml")],
    ["config", "show", "-c", absent],
    ["release", "--id", argument, "--yes", "-c", "/dev/null"],
    ["release", "--all", "--yes", "--reason", argument, "-c", "/dev/null"],
    [argument],
    ["status", `--${argument}`],
    ["explain", "--list", ...audit],
    ["explain", "--list", ...audit, "-o", "json"],
    ["explain", "--episode", "e3", ...audit],
    ["explain", "--episode", argument, ...audit],
    ["explain", "--since", argument, ...audit],
  ];
}

describe("no name reaches a terminal as what it is", () => {
  test("one with everything in it, by every command that reads files", async () => {
    await with_files(NAMES_EVERYTHING, async (folder) => {
      for (const args of calls(folder, NAMES_EVERYTHING)) expect_harmless(args, hosa(args));
      const { stdout } = hosa(["explain", "e0", "--audit", join(folder, "audit.jsonl"), "-o", "json"]);
      expect(JSON.parse(stdout).record.node).toBe(`n1${NAMES_EVERYTHING}`);
      const text = hosa(["explain", "e0", "--audit", join(folder, "audit.jsonl")]).stdout;
      expect(text).toContain("\\u001b[38;5;123m\\u000aFORGED");
    });
  });

  test("made-up ones, by some of them", async () => {
    const name = fc.string({ unit: fc.constantFrom(...HOSTILE, "\0", "a", "/", "%", '"', "<"), maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(name, async (each) => {
        await with_files(each, async (folder) => {
          const all = calls(folder, each);
          for (const args of [0, 8, 9, 12, 15, 18, 25, 27].map((i) => all[i] ?? [])) expect_harmless(args, hosa(args));
        });
      }),
      { numRuns: 4 },
    );
  }, 120_000);

  test("what a running agent says of them", async () => {
    using agent = new Scratch({
      answer: ({ op }, _by, reply) => {
        if (op === "status") reply({ status: renamed(STATUS, NAMES_EVERYTHING) });
        else if (op === "release") {
          const outcome = {
            id: "c1",
            verb: "release",
            rung: "thread_hold",
            target: HELD.target,
            t_ns: 1,
            status: "done",
          };
          const more = { file: HELD.file, prior: "0", written: "1", ledger_id: "4-1", detail: "undone" };
          const answer = {
            selected: [HELD],
            outcomes: [{ ...outcome, ...more }],
            quarantine: false,
            known: ["c1"],
            cooldown_s: 600,
          };
          reply(renamed(answer, NAMES_EVERYTHING));
        } else reply({ pid: 4 });
      },
    });
    const config = join(agent.directory, "h.yaml");
    writeFileSync(config, `control: {socket: ${agent.path}}\n`);
    const ask = async (args: readonly string[]): Promise<Ran> => {
      const command = [process.execPath, MAIN, ...args, "-c", config];
      const child = Bun.spawn(command, { env: { PATH: "", NO_COLOR: "1" }, stdout: "pipe", stderr: "pipe" });
      const ended = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
      const [stdout, stderr, code] = await agent.turns_during(ended);
      return { code, stdout, stderr };
    };
    for (const args of [
      ["status"],
      ["status", "-o", "json"],
      ["release"],
      ["release", "--all", "--dry-run"],
      ["release", "--all", "--yes"],
      ["release", "--id", "c1", "--yes", "-o", "json"],
    ]) {
      const ran = await ask(args);
      expect_harmless(args, ran);
      expect({ args, ...ran }).toMatchObject({ args, stdout: expect.stringContaining("\\u202e") });
    }
  });

  test("what an agent shows of its beats", async () => {
    const agent = new Scratch();
    const config = join(agent.directory, "h.yaml");
    writeFileSync(config, `control: {socket: ${agent.path}}\n`);
    for (const output of ["text", "json"]) {
      const command = [process.execPath, MAIN, "observe", "--count", "1", "-o", output, "-c", config];
      const child = Bun.spawn(command, { env: { PATH: "", NO_COLOR: "1" }, stdout: "pipe", stderr: "pipe" });
      const said = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
      let settled = false;
      const ended = said.finally(() => {
        settled = true;
      });
      let t_ns = 0;
      while (!settled) {
        t_ns += 1e9;
        agent.turn([{ t_ns, eventful: true, view: () => ({ ...renamed(TOLD, NAMES_EVERYTHING), t_ns }) }], 0.001);
        await new Promise((resolve) => setImmediate(resolve));
      }
      const [stdout, stderr, code] = await ended;
      expect(code).toBe(0);
      expect_harmless(["observe", output], { code, stdout, stderr });
      expect(stdout).toContain("\\u202e");
    }
    agent[Symbol.dispose]();
  });
});

test.skipIf(Bun.which("script") === null)("on a terminal only colours of our own are left", async () => {
  await with_files(NAMES_EVERYTHING, async (folder) => {
    for (const args of [["explain"], ["explain", "--timeline"]]) {
      const words = [process.execPath, MAIN, ...args, "--audit", join(folder, "audit.jsonl")];
      const { stdout } = Bun.spawnSync(["script", "-qec", words.join(" "), "/dev/null"], {
        env: { PATH: process.env["PATH"] ?? "", TERM: "xterm" },
        stdin: "ignore",
      });
      const text = stdout.toString();
      const plain = Bun.stripANSI(text);
      expect(plain).not.toBe(text);
      expect(text).not.toContain("\x1b[38;5;123m");
      expect(text).not.toContain("\x1b[2J");
      expect(obeyed_in(plain.replace(/[\r\n\t]/g, ""))).toEqual([]);
      expect(text.split(/\r?\n/).filter((line) => line.startsWith(FORGED))).toEqual([]);
    }
  });
});
