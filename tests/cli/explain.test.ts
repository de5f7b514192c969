import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DecisionConfig } from "../../src/decision/config.ts";
import { decide } from "../../src/decision/decide.ts";
import { type DecisionState, initial_state } from "../../src/decision/state.ts";
import type { AuditEntry } from "../../src/model/audit.ts";
import { attribution, carrier } from "../report/carriers.ts";
import { assessment, decided } from "../report/fixtures.ts";
import { audit_of } from "./audit.ts";
import { hosa, in_directory } from "./hosa.ts";

const TRANSITION: AuditEntry = { kind: "transition", t_ns: 12e9, ...decided() };

test("a recorded decision is decided again and found identical", async () => {
  await in_directory(async (directory) => {
    const path = await audit_of(directory, [TRANSITION, { kind: "note", t_ns: 13e9, text: "later" }]);
    for (const args of [["--last"], ["e0"], []]) {
      const { code, stdout, stderr } = hosa(["explain", ...args, "--audit", path]);
      expect(stderr).toBe("");
      expect(code).toBe(0);
      expect(stdout).toContain("memory_growth_bytes_per_s 85 % of D²");
      expect(stdout).toContain("decision re-run: identical");
    }
    const { stdout } = hosa(["explain", "e0", "--audit", path, "-o", "json"]);
    expect(JSON.parse(stdout)).toMatchObject({ record: { id: "e0" }, replay: { identical: true, difference: "" } });
  });
});

test("a record that does not follow from its input is shown as different, and where", async () => {
  await in_directory(async (directory) => {
    const { input, decision } = decided();
    const path = await audit_of(directory, [
      { kind: "transition", t_ns: 12e9, input, decision: { ...decision, rule: "because" } },
    ]);
    const { stdout } = hosa(["explain", "--audit", path]);
    expect(stdout).toContain('DIFFERENT at decision.rule: "because" ≠');
  });
});

test("a tampered audit: exit code 1, file and line named, the rest still explained", async () => {
  await in_directory(async (directory) => {
    const path = await audit_of(directory, [{ kind: "note", t_ns: 1e9, text: "quiet" }, TRANSITION]);
    writeFileSync(path, readFileSync(path, "utf8").replace("quiet", "calm!"));
    const { code, stdout, stderr } = hosa(["explain", "--audit", path]);
    expect(code).toBe(1);
    expect(stderr).toContain(`error: ${path}:1: tampered: line hash does not match`);
    expect(stdout).toContain("decision re-run: identical");
  });
});

test("a truncated audit: exit code 1, file and line named", async () => {
  await in_directory(async (directory) => {
    const path = await audit_of(directory, [TRANSITION, TRANSITION]);
    writeFileSync(path, readFileSync(path).subarray(0, -20));
    const { code, stderr } = hosa(["explain", "--audit", path]);
    expect(code).toBe(1);
    expect(stderr).toContain(`error: ${path}:2: truncated: the last line is unfinished`);
  });
});

test.each([
  ["an unknown id", ["e99"], 'no record "e99"'],
  ["no baseline yet", ["--baseline"], "no baseline"],
])("%s: exit code 1, one line with the way out", async (_name, args, expected) => {
  await in_directory(async (directory) => {
    const path = await audit_of(directory, [TRANSITION]);
    const { code, stderr } = hosa(["explain", ...args, "--audit", path]);
    expect(code).toBe(1);
    expect(stderr).toContain(expected);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});

test("no audit: exit code 1, one line with the way out", () => {
  const { code, stderr } = hosa(["explain", "--audit", "/nonexistent/audit.jsonl"]);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^error: audit file \/nonexistent\/audit.jsonl cannot be read: no such file or directory \(ENOENT\)\. Give the file with --audit.*\n$/,
  );
});

test("the whole run as text and as a picture", async () => {
  await in_directory(async (directory) => {
    const quiet: AuditEntry = {
      kind: "heartbeat",
      t_ns: 11e9,
      level: 0,
      d_smooth: 1,
      thresholds: assessment().thresholds,
      beats: 10,
    };
    const path = await audit_of(directory, [quiet, TRANSITION]);
    const svg = join(directory, "run.svg");
    const { code, stdout } = hosa(["explain", "--timeline", "--svg", svg, "--audit", path]);
    expect(code).toBe(0);
    expect(stdout).toContain("highest D̄ 7.90");
    expect(readFileSync(svg, "utf8")).toStartWith("<svg ");
    // It may be made again; what is not ours stays as it is.
    expect(hosa(["explain", "--svg", svg, "--audit", path]).code).toBe(0);
    const notes = join(directory, "notes.txt");
    writeFileSync(notes, "mine");
    const kept = hosa(["explain", "--svg", notes, "--audit", path]);
    expect([kept.code, readFileSync(notes, "utf8")]).toEqual([1, "mine"]);
    expect(kept.stderr).toContain("is there already and is no picture of hosa");
    expect(hosa(["explain", "--svg", "-", "--audit", path]).stdout).toStartWith("<svg ");
    expect(hosa(["explain", "e1", "--timeline", "--audit", path]).code).toBe(2);
    const refused = hosa(["explain", "--svg", join(directory, "absent", "run.svg"), "--audit", path]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("cannot write");
  });
});

/** A change of level at a time, and the peak of the episode that came of it. */
function rise(t_s: number, d_smooth: number): AuditEntry[] {
  const made = decided({ t_ns: t_s * 1e9, d_smooth, growth: [] });
  const up: AuditEntry = { kind: "transition", t_ns: t_s * 1e9, ...made };
  const seen = { t_ns: (t_s + 2) * 1e9, growth: [], d_smooth: d_smooth + 1 };
  const high = decided({ ...seen, attribution: attribution({ memory: [carrier()] }) });
  const episode = { kind: "episode", version: 1, number: 1, began_ns: t_s * 1e9, rises: 1, max_level: 1 } as const;
  const peak: AuditEntry = { ...episode, t_ns: (t_s + 5) * 1e9, event: "peak", peak_d_smooth: d_smooth + 1, ...high };
  return [up, peak];
}

function fall(t_s: number): AuditEntry {
  const calm = assessment({ t_ns: t_s * 1e9, d_smooth: 1, growth: [] });
  const input = { ...decided().input, assessment: calm, state: { ...initial_state(0), level: 1, calm_since_ns: 0 } };
  const { decision } = decide(calm, input.state as DecisionState, input.config as DecisionConfig, calm.t_ns);
  return { kind: "transition", t_ns: t_s * 1e9, input, decision };
}

const EPISODES: readonly AuditEntry[] = [...rise(12, 4), fall(35), ...rise(60, 9), fall(66)];
/** And one of a moment at its end. */
const AND_A_LOOK: readonly AuditEntry[] = [...EPISODES, ...rise(100, 30), fall(101.3)];
const SENTENCE =
  'Thread 1240 "filler" of python3 (process 1234) in /user.slice/leak.scope takes 412.0 MiB/s of memory, 98 % of what the node takes.';

test("the last episode is explained at its peak, not at the return to calm: first what happened, then what to do, then the numbers", async () => {
  await in_directory(async (directory) => {
    const path = await audit_of(directory, EPISODES);
    for (const args of [[], ["--last"], ["--episode", "e5"]]) {
      const { code, stdout } = hosa(["explain", ...args, "--audit", path]);
      expect(code).toBe(0);
      const [first, second, third] = stdout.split("\n");
      expect(first).toBe(SENTENCE);
      expect(second).toStartWith("HOSA did nothing: watched only");
      expect(third).toStartWith("  Look at process 1234 (python3): `ps ");
      expect(stdout).toMatch(
        /\ne4 {2}2026-01-02 .* UTC .* peak {2}level 0 homeostasis → 1 vigilance\n {2}Episode {4}e3 – e5/,
      );
      expect(stdout).toContain("decision re-run: identical");
    }
    const json = JSON.parse(hosa(["explain", "-o", "json", "--audit", path]).stdout);
    expect(json).toMatchObject({
      record: { id: "e4" },
      story: { headline: SENTENCE, named: { pid: 1234, tid: 1240 } },
      episode: { id: "e3", max_level: 1 },
    });
    expect(hosa(["explain", "--episode", "e2", "--audit", path]).stdout).toContain("\ne1 ");
  });
});

test("a look of a moment does not hide the episode before it, and is told of", async () => {
  await in_directory(async (directory) => {
    const path = await audit_of(directory, AND_A_LOOK);
    const { stdout } = hosa(["explain", "--audit", path]);
    expect(stdout).toContain("  Episode    e3 – e5: ");
    expect(stdout).toContain("1 later episode of a moment or of HOSA's own commands: `hosa explain --list`");
    expect(hosa(["explain", "--list", "--audit", path]).stdout).toContain("\ne6  ");
    expect(hosa(["explain", "e6", "--audit", path]).stdout).toContain("\ne6  ");
  });
});

test("the episodes are listed; a report without an id takes the most severe and says how another is chosen", async () => {
  await in_directory(async (directory) => {
    const path = await audit_of(directory, EPISODES);
    const { stdout } = hosa(["explain", "--list", "--audit", path]);
    expect(
      stdout
        .split("\n")
        .slice(0, 3)
        .map((line) => line.slice(0, 39)),
    ).toEqual([
      "id  began (UTC)           lasted  level",
      "e0  2026-01-02 03:04:05     23 s  1    ",
      "e3  2026-01-02 03:04:05    6.0 s  1    ",
    ]);
    expect(stdout).toContain(`resource leak: ${SENTENCE}`);
    const json = JSON.parse(hosa(["explain", "--list", "-o", "json", "--audit", path]).stdout);
    expect(json.episodes.map(({ id }: { id: string }) => id)).toEqual(["e0", "e3"]);
    expect(hosa(["explain", "--since", "2026-02-01", "--audit", path]).stdout).toStartWith("no episode");
    expect(hosa(["explain", "--since", "2026-01-01T00:00:00Z", "--audit", path]).stdout).toContain("e3");
    expect(hosa(["explain", "--since", "yesterday", "--audit", path]).code).toBe(2);
    const report = hosa(["report", "--html", join(directory, "e.html"), "--audit", path]);
    expect(report.stdout).toContain("episode e0 – e2, highest level 1");
    expect(report.stdout).toContain("e0 is the most severe of 2 episodes in 24 h; `hosa explain --list` lists them");
    expect(readFileSync(join(directory, "e.html"), "utf8")).toContain(`<h1>${SENTENCE.replaceAll('"', "&quot;")}</h1>`);
  });
});

test.each([
  ["e1", "--last"],
  ["--last", "--list"],
  ["--baseline", "--timeline"],
  ["--episode", "e1", "--since", "2h"],
] as const)("%s %s: one question at a time", (...args) => {
  const { code, stderr } = hosa(["explain", ...(args as readonly string[]), "--audit", "/nonexistent"]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error: .*(exclude each other|cannot be used with option)/);
});
