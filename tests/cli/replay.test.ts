import { describe, expect, test } from "bun:test";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { FlightRecorder } from "../../src/audit/index.ts";
import { CONFIG } from "../decision/fixtures.ts";
import { SCENARIOS, seeded, simulate } from "../simulation/service.ts";
import { hosa, in_directory, is_root } from "./hosa.ts";

const ROOT = join(import.meta.dir, "../..");
const PEAK = join(import.meta.dir, "peak.ts");

/** 600 train and 600 test rows of two bound dimensions; rows 300..319 of the test break the bond. */
function csv(): string {
  const random = seeded(7);
  const lines = ["split,label,load,answers"];
  for (let row = 0; row < 1200; row++) {
    const event = row >= 900 && row < 920;
    const load = random() + random();
    const answers = 2 * load + 0.01 * random() + (event ? 1.5 : 0);
    lines.push(`${row < 600 ? "train" : "test"},${event ? 1 : 0},${load.toFixed(4)},${answers.toFixed(4)}`);
  }
  return `${lines.join("\n")}\n`;
}

async function with_csv(body: (file: string, directory: string) => unknown): Promise<void> {
  await in_directory(async (directory) => {
    const file = join(directory, "node.csv");
    writeFileSync(file, csv());
    await body(file, directory);
  });
}

const json_lines = (stdout: string) =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

/** Not root, no groups, and the directory readable for it. */
const NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

describe("a CSV", () => {
  test("as JSON: one object per test row, then one summary", async () => {
    await with_csv((file) => {
      const { code, stdout, stderr } = hosa(["replay", file, "-o", "json", "--row-interval", "1m"]);
      expect(stderr).toBe("");
      expect(code).toBe(0);
      const objects = json_lines(stdout);
      const { summary } = objects.pop();
      expect(objects.map((one) => one.row)).toEqual(Array.from({ length: 600 }, (_, row) => 600 + row));
      expect(Object.keys(objects[0])).toEqual(["row", "score", "level", "share"]);
      expect(Object.keys(objects[0].share)).toEqual(["load", "answers"]);
      expect(objects[300].level).toBe(1);
      expect(summary).toMatchObject({ file, events: 1, event_recall: 1, delay_median: 0, row_interval_s: 60 });
      for (const key of [
        "auc_pr",
        "auc_roc",
        "alarm_hours_per_day",
        "false_alarm_runs_per_day",
        "event_recall_at_budget",
      ]) {
        expect(summary[key]).toBeNumber();
      }
    });
  });

  test("as text: an aligned summary, without colour or bar where there is no terminal", async () => {
    await with_csv((file) => {
      const { code, stdout, stderr } = hosa(["replay", file]);
      expect(code).toBe(0);
      expect(stderr).toBe("");
      expect(stdout).toStartWith(`${file}\n  train rows                 600\n  test rows                  600\n`);
      expect(stdout).toContain("\n  row interval               5 min (default: the file has no times)\n");
      expect(stdout).toContain("\n  AUC-PR                     ");
      expect(stdout).not.toContain("\x1b");
    });
  });

  test("plain, gzipped, in two gzip members, from standard input: the same", async () => {
    await with_csv((file, directory) => {
      const text = readFileSync(file, "utf8");
      const packed = join(directory, "packed");
      writeFileSync(packed, gzipSync(text));
      const members = join(directory, "members.csv.gz");
      const half = text.indexOf("\n", text.length / 2) + 1;
      writeFileSync(members, Buffer.concat([gzipSync(text.slice(0, half)), gzipSync(text.slice(half))]));
      const windows = join(directory, "windows.csv");
      writeFileSync(windows, `\uFEFF${text.replaceAll("\n", "\r\n").trimEnd()}`);
      const rows = (name: string, before: readonly string[] = []) =>
        hosa(["replay", name, "-o", "json"], before).stdout.replace(/"file":"[^"]*"/, "");
      const plain = rows(file);
      expect(plain.split("\n")).toHaveLength(602);
      expect(rows(packed)).toBe(plain);
      expect(rows(members)).toBe(plain);
      expect(rows(windows)).toBe(plain);
      expect(rows("-", ["bash", "-c", `cat '${packed}' | "$0" "$@"`])).toBe(plain);
      expect(rows("-", ["bash", "-c", `"$0" "$@" < '${file}'`])).toBe(plain);
    });
  });

  test("needs no root", async () => {
    if (!is_root()) return;
    await with_csv((file, directory) => {
      chmodSync(directory, 0o755);
      const { code, stdout } = hosa(["replay", file], NOBODY);
      expect(stdout).toContain("AUC-ROC");
      expect(code).toBe(0);
    });
  });

  test("a reader that goes away is no error", async () => {
    await with_csv((file) => {
      const script = `"$0" "$@" | head -n 1; echo "\${PIPESTATUS[0]}"`;
      const { stdout, stderr } = hosa(["replay", file, "-o", "json"], ["bash", "-c", script]);
      expect(stdout).toEndWith("\n0\n");
      expect(stderr).toBe("");
    });
  });

  test("damaged, missing, a directory: exit code 2 and what was expected", async () => {
    await with_csv((file, directory) => {
      const bad = (name: string, content: string | Uint8Array) => {
        writeFileSync(join(directory, name), content);
        return hosa(["replay", join(directory, name)]);
      };
      const cut = gzipSync(readFileSync(file)).subarray(0, 3000);
      for (const [ran, message] of [
        [bad("cut.gz", cut), "cut.gz: damaged gzip"],
        [
          bad("word.csv", csv().replace(/\n(train,0,[^,]*),[^\n]*/, "\n$1,much")),
          'word.csv:2: column 4 (answers): found "much"',
        ],
        [bad("empty.csv", ""), "empty.csv: nothing to judge: it is empty"],
        [bad("endless.csv", `split,label,${"a".repeat(1_200_000)}`), "endless.csv:1: longer than 1048576 characters"],
        [bad("binary.csv", Uint8Array.of(0, 1, 2, 10, 3)), "binary.csv:1: column 1"],
        [hosa(["replay", join(directory, "none.csv")]), "none.csv cannot be read: no such file or directory (ENOENT)"],
        [hosa(["replay", directory]), "cannot be read: it is a directory"],
      ] as const) {
        expect(ran.stderr).toContain(message);
        expect(ran.stderr).not.toMatch(/^\s+at /m);
        expect(ran.stdout).toBe("");
        expect(ran.code).toBe(2);
      }
    });
  });
});

describe("an export of a monitoring tool", () => {
  /** One row a minute from 2026-01-01 on; rows 400..409 break the bond of the two columns. */
  function exported(): string {
    const random = seeded(7);
    const rows = Array.from({ length: 600 }, (_, row) => {
      const load = random() + random();
      const answers = 2 * load + 0.01 * random() + (row >= 400 && row < 410 ? 1.5 : 0);
      const time = new Date(Date.UTC(2026, 0, 1, 0, row)).toISOString().slice(0, 19).replace("T", " ");
      return `${time};${load.toFixed(4)};${answers.toFixed(4)};web1`.replaceAll(".", ",");
    });
    return `"Time";"load";"answers";"host"\r\n${rows.join("\r\n")}\r\n`;
  }

  test("gives its episodes, as text and as JSON", async () => {
    await in_directory((directory) => {
      const file = join(directory, "grafana.csv");
      writeFileSync(file, exported());
      const { code, stdout, stderr } = hosa(["replay", file]);
      expect(stderr).toBe("");
      expect(code).toBe(0);
      expect(stdout).toContain('\n  left out              1: host (no number: "web1")\n');
      expect(stdout).toMatch(/\n {2}2026-01-01T06:40:00Z {2}2026-01-01T06:5\d:00Z {2}1\d min .* answers \d+ %/);
      const [episode, { summary }] = json_lines(hosa(["replay", file, "-o", "json"]).stdout);
      expect(episode).toMatchObject({ first_row: 400, start: "2026-01-01T06:40:00Z" });
      expect(episode.dominant[0].dimension).toBe("answers");
      expect(summary).toMatchObject({ train_rows: 200, test_rows: 400, row_interval_s: 60, time_column: "Time" });
      const fewer = json_lines(hosa(["replay", file, "-o", "json", "--train-rows", "25%"]).stdout).at(-1);
      expect(fewer.summary).toMatchObject({ train_rows: 150, test_rows: 450 });
      const seed = hosa(["replay", file, "--detector", "seed", "--train-rows", "300"]).stdout;
      for (const name of ["hosa", "seed (2 of 3)", "z-score 3σ", "IQR fence", "isolation forest", "episodes per day"]) {
        expect(seed).toContain(name);
      }
    });
  });

  test("in UTF-16, as spreadsheets write it, is the same", async () => {
    await in_directory((directory) => {
      const [plain, wide] = [join(directory, "a.csv"), join(directory, "b.csv")];
      writeFileSync(plain, exported());
      writeFileSync(wide, `\uFEFF${exported()}`, "utf16le");
      const shown = (file: string) => hosa(["replay", file, "-o", "json"]).stdout.replace(/"file":"[^"]*"/, "");
      expect(shown(plain)).toContain('"summary"');
      expect(shown(wide)).toBe(shown(plain));
    });
  });
});

test("the labelled figures of the baseline stand beside ours, in one table and in JSON", async () => {
  await with_csv((file) => {
    const table = hosa(["replay", file, "--detector", "seed"]).stdout;
    expect(table).toMatch(
      /\n +hosa +seed \(2 of 3\) +z-score 3σ +IQR fence +isolation forest\n {2}AUC-PR( +\d\.\d{4}){5}\n/,
    );
    const { summary, seed, seed_parts } = json_lines(
      hosa(["replay", file, "--detector", "seed", "-o", "json"]).stdout,
    ).at(-1);
    expect(summary.detector).toBe("hosa");
    expect(seed.detector).toBe("seed");
    expect(seed_parts).toHaveLength(3);
    expect(seed.auc_pr).toBeLessThan(summary.auc_pr);
  });
});

describe("--set", () => {
  test("changes the configuration for this replay, over the file given with -c", async () => {
    await with_csv((file, directory) => {
      const config = join(directory, "h.yaml");
      writeFileSync(config, "thresholds:\n  mode: fixed\n  fixed: [1, 2, 3, 4]\n");
      const threshold = (...args: readonly string[]) =>
        json_lines(hosa(["replay", file, "-o", "json", ...args]).stdout).at(-1).summary.threshold;
      expect(threshold("-c", config)).toBe(1);
      expect(threshold("-c", config, "--set", "thresholds.fixed=[5, 6, 7, 8]")).toBe(5);
      expect(threshold("--set", "thresholds.mode=fixed", "--set", "thresholds.fixed=[2, 6, 7, 8]")).toBe(2);
    });
  });

  test.each([
    ["levels.trend=1", '--set levels.trend: unknown key, did you mean "levels.trend_s"?'],
    ["trend_s=1", "--set trend_s: unknown key"],
    ["levels.trend_s=soon", '--set levels.trend_s: "soon" is not accepted (expected number 0.05..60 s)'],
    ["levels.trend_s", '--set "levels.trend_s": expected one line, key=value'],
    ["beat.vigilant_period_ms=500", "beat.vigilant_period_ms: 500 ms is longer than beat.period_ms"],
    ["levels.trend_s=[", "not YAML"],
  ])("%s: exit code 2", (setting, message) => {
    const { code, stderr } = hosa(["replay", "-", "--set", setting]);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  test("every problem is named", () => {
    const { stderr } = hosa(["replay", "-", "--set", "a.b=1", "--set", "levels.trend_s=-1"]);
    expect(stderr).toContain("error: --set a.b: unknown key");
    expect(stderr).toContain("error: --set levels.trend_s: -1 is not accepted");
  });
});

test.each([
  [["--row-interval", "soon"], "5m"],
  [["--alarms-per-day", "0"], "above 0"],
  [["--budget-hours", "-1"], "above 0"],
  [["--train-rows", "120%"], "below 100"],
  [["--train-rows", "0"], "below 100"],
  [["--detector", "lof"], "hosa, seed"],
])("%j: exit code 2, and what is accepted", (args, way_out) => {
  const { code, stderr } = hosa(["replay", "-", ...args]);
  expect(code).toBe(2);
  expect(stderr).toContain(way_out);
});

describe("a flight", () => {
  async function with_flight(body: (file: string) => unknown): Promise<void> {
    await in_directory(async (directory) => {
      const flight = new FlightRecorder({
        directory,
        minutes: 1,
        keep: 4,
        origin: { node: "n1", kernel: "6.12.0", hosa_version: "0.1.0", config: CONFIG },
        wall_time: () => "2026-01-02T03:04:05.000Z",
        on_trouble: (text) => {
          throw new Error(text);
        },
      });
      simulate(SCENARIOS.reload(400, 3), CONFIG, 1, (a, state, decision) => flight.note(a, state, decision));
      await flight.close();
      await body(join(directory, "flight-2026-01-02T030405.000Z.jsonl.gz"));
    });
  }

  test("is decided again, identically", async () => {
    await with_flight((file) => {
      const { code, stdout, stderr } = hosa(["replay", file]);
      expect(stderr).toBe("");
      expect(stdout).toContain("\n  node           n1, Linux 6.12.0\n");
      expect(stdout).toContain("\n  decided again  identical\n");
      expect(code).toBe(0);
      const objects = json_lines(hosa(["replay", file, "-o", "json"]).stdout);
      const { summary } = objects.pop();
      expect(summary).toMatchObject({ identical: true, differing_beats: 0, beats: objects.length });
      expect(Object.keys(objects[0])).toEqual(["row", "score", "level", "share", "t_ns", "identical", "difference"]);
    });
  });

  test("tampered: exit code 1, and the place", async () => {
    await with_flight((file) => {
      const text = Bun.gunzipSync(readFileSync(file));
      const lines = new TextDecoder().decode(text).split("\n");
      const line = JSON.parse(lines[4]!);
      lines[4] = JSON.stringify({ ...line, decision: { ...line.decision, level: 5 } });
      writeFileSync(file, lines.join("\n"));
      const { code, stdout } = hosa(["replay", file]);
      expect(code).toBe(1);
      expect(stdout).toContain("decided again  1 of them differs\n");
      expect(stdout).toContain("first at       beat 3 (line 5): decision.level: 5 ≠ ");
    });
  });
});

/** Runs a command on a terminal of its own; null where that cannot be had. */
function on_terminal(args: readonly string[], env: Readonly<Record<string, string>>): string | null {
  if (Bun.which("script") === null) {
    console.error("SKIPPED: no script(1) here to make a terminal");
    return null;
  }
  const command = [process.execPath, "src/cli/main.ts", ...args].map((arg) => `'${arg}'`).join(" ");
  const all = { PATH: process.env["PATH"] ?? "", TERM: "xterm", ...env };
  const ran = Bun.spawnSync(["script", "-qec", command, "/dev/null"], { cwd: ROOT, env: all, timeout: 60_000 });
  return ran.stdout.toString();
}

test("on a terminal: a bar that is taken away at the end; NO_COLOR takes the colour, a dumb terminal the bar", async () => {
  await with_csv((file) => {
    const plain = on_terminal(["replay", file], { NO_COLOR: "1" });
    if (plain === null) return;
    expect(plain.replaceAll("\x1b[K", "<erased>")).toMatch(/\r<erased>[█░]{30} +\d+ % {2}\d+ rows\r<erased>/);
    expect(plain).not.toContain("\x1b[32m");
    expect(on_terminal(["replay", file], {})).toContain("\x1b[32m█");
    expect(on_terminal(["replay", file], { TERM: "dumb" })).not.toContain("█");
  });
});

test("a million rows in bounded memory, all of them printed", () => {
  const generator = `BEGIN { srand(1); print "split,label,a,b,c"
    for (row = 0; row < 1000000; row++)
      printf "%s,%d,%.3f,%.3f,%.3f\\n", (row < 20000 ? "train" : "test"), (row % 10000 > 9980), rand(), rand(), rand() }`;
  const script = `awk '${generator}' | "$0" "$@" | awk 'END { print NR, length(last) } { last = $0 }'`;
  const { stdout, stderr } = Bun.spawnSync(
    [
      "bash",
      "-c",
      script,
      process.execPath,
      "--preload",
      PEAK,
      "src/cli/main.ts",
      "replay",
      "-",
      "-o",
      "json",
      "--set",
      "opinions.enabled=false",
    ],
    { cwd: ROOT, timeout: 100_000 },
  );
  expect(stdout.toString()).toStartWith("980001 ");
  // The scores of a million rows are 10 MB, their output would be 150 MB, the runtime alone takes some 80 MB.
  const peak_bytes = Number(/^peak (\d+)$/m.exec(stderr.toString())?.[1]);
  expect(peak_bytes).toBeGreaterThan(20e6);
  expect(peak_bytes).toBeLessThan(250e6);
}, 110_000);
