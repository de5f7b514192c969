import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { flight_of, flight_text } from "../backtest/flight_fixture.ts";
import { recorded_run } from "../report/episode_fixture.ts";
import { audit_of } from "./audit.ts";
import { hosa, in_directory } from "./hosa.ts";

const LEAK = flight_of();

function write_flight(directory: string, name: string, from = 0, to = LEAK.lines.length): string {
  const path = join(directory, name);
  writeFileSync(path, gzipSync(`${flight_text(LEAK, from, to).join("\n")}\n`));
  return path;
}

test("without files: all flights beside the configured audit, in the order of time", async () => {
  await in_directory((directory) => {
    const half = LEAK.lines.length / 2;
    write_flight(directory, "flight-2026-01-02T030400.000Z-end.jsonl.gz", half);
    write_flight(directory, "flight-2026-01-02T030400.000Z.jsonl.gz", 0, half);
    const config = join(directory, "hosa.yaml");
    writeFileSync(config, `audit:\n  path: ${join(directory, "audit.jsonl")}\nlevels:\n  hold_s: [2, 5, 10, 20]\n`);
    const { code, stdout, stderr } = hosa(["what-if", "-c", config, "-o", "json"]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const summary = JSON.parse(stdout);
    expect(summary).toMatchObject({ flights: 2, audits: 0, decisions: LEAK.lines.length });
    expect(summary.deeds).toMatchObject([{ path: "/payment.slice", rung: "thread_hold", recorded: { times: 1 } }]);
  });
});

test("one flight with another key: the change, the difference, the table, and what cannot be told", async () => {
  await in_directory((directory) => {
    const file = write_flight(directory, "flight-x.jsonl.gz");
    const { code, stdout } = hosa(["what-if", file, "--set", "act.ttf_horizon_s=6"]);
    expect(code).toBe(0);
    expect(stdout).toContain("act.ttf_horizon_s  60 → 6\n1 flight, 1200 decisions over ");
    expect(stdout).toMatch(
      /\n {2}first at 2026-\S+Z \(.*flight-x\.jsonl\.gz\)\n {4}recorded {2}level 2.*\n {4}what if {3}level 1\n/,
    );
    expect(stdout).toMatch(/\/payment\.slice .*thread_hold +recorded +1 .*\n +what if +–\n/);
    expect(stdout.match(/The effect of a containment cannot be replayed: .*\./g)).toHaveLength(1);
  });
});

test("an audit is told from a flight by what it holds; a broken chain is exit code 1", async () => {
  await in_directory(async (directory) => {
    const audit = await audit_of(directory, recorded_run());
    const { code, stdout } = hosa(["what-if", audit]);
    expect(code).toBe(0);
    expect(stdout).toContain("1 audit, ");
    expect(stdout).toContain("decided the same throughout");
    writeFileSync(audit, (await Bun.file(audit).text()).replace('"kernel":"6.12.0"', '"kernel":"6.12.1"'));
    const broken = hosa(["what-if", audit]);
    expect(broken.code).toBe(1);
    expect(broken.stderr).toContain(`${audit}:1: tampered`);
  });
});

test("what cannot be tried or read is said in one line with the way out", async () => {
  await in_directory((directory) => {
    const file = write_flight(directory, "flight-x.jsonl.gz");
    mkdirSync(join(directory, "empty"));
    const config = join(directory, "hosa.yaml");
    writeFileSync(config, `audit:\n  path: ${join(directory, "empty", "audit.jsonl")}\n`);
    const cases: readonly (readonly [readonly string[], number, string])[] = [
      [[file, "--set", "thresholds.vigilance_per_hour=3"], 2, "has no part in how a recorded beat is decided"],
      [[file, "--set", "act.ttf_horizn_s=3"], 2, 'did you mean "act.ttf_horizon_s"?'],
      [[join(directory, "absent.gz")], 2, "cannot be read: no such file or directory (ENOENT)"],
      [[config], 2, "not JSON"],
      [["-c", config], 1, `no flights in ${join(directory, "empty")}`],
    ];
    for (const [args, code, text] of cases) {
      const ran = hosa(["what-if", ...args]);
      expect(ran.code).toBe(code);
      expect(ran.stderr).toContain(text);
      expect(ran.stderr.trimEnd().split("\n")).toHaveLength(1);
      expect(ran.stdout).toBe("");
    }
  });
});
