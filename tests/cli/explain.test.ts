import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AuditEntry } from "../../src/model/audit.ts";
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
