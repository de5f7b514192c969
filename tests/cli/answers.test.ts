import { expect, describe as group, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { CommanderError, type Option } from "commander";
import { Hangups } from "../../src/cli/hangup.ts";
import { describe, leaves } from "../../src/cli/manual/describe.ts";
import { Output } from "../../src/cli/output.ts";
import { build_program } from "../../src/cli/program.ts";
import type { AuditEntry } from "../../src/model/audit.ts";
import { input_of } from "../../src/telemetry/hooks/words.ts";
import { render_payload } from "../../src/telemetry/webhook/payload.ts";
import { flight_of, flight_text } from "../backtest/flight_fixture.ts";
import { recorded_run } from "../report/episode_fixture.ts";
import { call } from "../telemetry/hooks/calls.ts";
import { notice } from "../telemetry/webhook/beats.ts";
import { audit_of } from "./audit.ts";
import { hosa, in_directory } from "./hosa.ts";
import { expect_document, one_document } from "./schemas.ts";

const USABLE = hosa(["doctor"]).code === 0;
if (!USABLE) console.error("SKIPPED: HOSA cannot run on this host (see `hosa doctor`)");

const LIMIT_MS = 120_000;

const OUTPUT = new Output(new AbortController());
// What commander says of a mistake is looked at in the error that it throws.
OUTPUT.say_lines = () => {};

function program() {
  const signal = new AbortController().signal;
  return build_program({ output: OUTPUT, signal, hangups: new Hangups(() => {}), version: "1.2.3" }, () => {});
}

const COMMANDS = leaves(describe(program())).map(({ path }) => path);

const BASELINE: AuditEntry = {
  kind: "baseline",
  t_ns: 99e9,
  dimensions: ["cpu_busy_fraction"],
  mean: [0.1],
  sigma: [0.01],
  thresholds: { theta: [3, 5, 7, 9], source: "learned" },
  samples: 3000,
  tail: null,
};

/** A place with an audit, a flight and a configuration. */
interface Place {
  readonly directory: string;
  readonly config: string;
  readonly audit: string;
  readonly flight: string;
}

async function in_place(body: (place: Place) => unknown): Promise<void> {
  await in_directory(async (directory) => {
    const audit = await audit_of(directory, [...recorded_run(), BASELINE]);
    const flight = join(directory, "flight-x.jsonl.gz");
    const recorded = flight_of();
    writeFileSync(flight, gzipSync(`${flight_text(recorded, 0, recorded.lines.length).join("\n")}\n`));
    const config = join(directory, "h.yaml");
    const places = `learning: {state_dir: ${directory}/state}\nmotor: {ledger_dir: ${directory}/run}\n`;
    writeFileSync(config, `${places}audit: {path: ${audit}}\n`);
    await body({ directory, config, audit, flight });
  });
}

/** How each command answers in JSON: its arguments, the schema of its one answer or of each line, and the exit code. */
interface Case {
  readonly args: (place: Place) => readonly string[];
  readonly schema: string;
  readonly code?: number;
  readonly lines?: true;
  readonly needs_host?: true;
}

const CASES: Readonly<Record<string, readonly Case[]>> = {
  run: [{ args: () => ["run", "--dry-run", "--duration", "1s"], schema: "beat", lines: true, needs_host: true }],
  observe: [{ args: () => ["observe", "--count", "3"], schema: "beat", lines: true, needs_host: true }],
  demo: [
    {
      args: ({ directory }) => ["demo", "--recorded", "--speed", "1000", "--html", `${directory}/d.html`],
      schema: "demo",
    },
    { args: ({ audit }) => ["demo", "--recorded", "--html", audit], schema: "error", code: 1 },
    { args: () => ["demo", "--dry-run"], schema: "error", code: 2 },
    { args: () => ["demo", "--speed", "0"], schema: "error", code: 2 },
  ],
  top: [{ args: () => ["top", "--duration", "2s"], schema: "beat", lines: true, needs_host: true }],
  explain: [
    { args: ({ audit }) => ["explain", "--audit", audit], schema: "explain" },
    { args: ({ audit }) => ["explain", "--last", "--audit", audit], schema: "explain" },
    { args: ({ audit }) => ["explain", "e0", "--audit", audit], schema: "explain" },
    { args: ({ audit }) => ["explain", "e3", "--audit", audit], schema: "explain" },
    { args: ({ audit }) => ["explain", "--list", "--audit", audit], schema: "episodes" },
    { args: ({ audit }) => ["explain", "--since", "1h", "--audit", audit], schema: "episodes" },
    { args: ({ audit }) => ["explain", "--list", "--since", "2026-01-02", "--audit", audit], schema: "episodes" },
    { args: ({ audit }) => ["explain", "--episode", "e3", "--audit", audit], schema: "explain" },
    { args: ({ audit }) => ["explain", "--episode", "e0", "--audit", audit], schema: "error", code: 1 },
    { args: () => ["explain", "--since", "yesterday"], schema: "error", code: 2 },
    { args: () => ["explain", "--list", "e1"], schema: "error", code: 2 },
    { args: ({ audit }) => ["explain", "--timeline", "--audit", audit], schema: "timeline" },
    { args: ({ audit }) => ["explain", "--baseline", "--audit", audit], schema: "explain" },
    { args: ({ audit }) => ["explain", "e99", "--audit", audit], schema: "error", code: 1 },
    { args: () => ["explain", "--audit", "/nonexistent/a"], schema: "error", code: 1 },
    { args: () => ["explain", "--last", "e1"], schema: "error", code: 2 },
    { args: () => ["explain", "--svg", "-"], schema: "error", code: 2 },
  ],
  report: [
    { args: ({ directory, audit }) => ["report", "--html", `${directory}/e.html`, "--audit", audit], schema: "report" },
    { args: ({ audit }) => ["report", "--html", "-", "--audit", audit], schema: "error", code: 2 },
    { args: ({ audit }) => ["report", "--html", "x.html", "--dry-run", "--audit", audit], schema: "error", code: 2 },
    { args: ({ audit }) => ["report", "e99", "--html", "/dev/null", "--audit", audit], schema: "error", code: 1 },
  ],
  replay: [
    { args: ({ flight }) => ["replay", flight], schema: "replay", lines: true },
    { args: ({ flight }) => ["replay", flight, "--set", "levels.trend_s=1"], schema: "error", code: 2 },
    { args: ({ flight }) => ["replay", flight, "--row-interval", "5m"], schema: "error", code: 2 },
    { args: () => ["replay", "/nonexistent/x.csv"], schema: "error", code: 2 },
  ],
  "what-if": [
    { args: ({ flight }) => ["what-if", flight, "--set", "act.ttf_horizon_s=6"], schema: "what_if" },
    { args: ({ audit }) => ["what-if", audit], schema: "what_if" },
    { args: ({ flight }) => ["what-if", flight, "--set", "nothing=1"], schema: "error", code: 2 },
    { args: () => ["what-if", "/nonexistent/f.gz"], schema: "error", code: 2 },
  ],
  status: [{ args: () => ["status"], schema: "status", code: 1 }],
  release: [
    { args: () => ["release"], schema: "release" },
    { args: () => ["release", "--all", "--yes"], schema: "release" },
    { args: () => ["release", "--all", "--dry-run"], schema: "release" },
    { args: () => ["release", "--quarantine", "--yes"], schema: "release" },
    { args: () => ["release", "--id", "foo", "--yes"], schema: "error", code: 1 },
    { args: () => ["release", "--target", "/foo", "--yes"], schema: "error", code: 1 },
    { args: () => ["release", "--yes"], schema: "error", code: 2 },
    { args: () => ["release", "--id", "a", "--id", "b", "--yes"], schema: "error", code: 2 },
    { args: () => ["release", "--reason", "x"], schema: "error", code: 2 },
    { args: () => ["release", "--all"], schema: "error", code: 2 },
  ],
  arm: [
    { args: () => ["arm", "--dry-run"], schema: "arm" },
    { args: () => ["arm", "--yes", "--up-to", "3"], schema: "arm" },
    { args: () => ["arm", "--yes", "--up-to", "3"], schema: "arm" },
    { args: () => ["arm"], schema: "error", code: 2 },
    { args: () => ["arm", "--up-to", "9", "--yes"], schema: "error", code: 2 },
  ],
  disarm: [
    { args: () => ["disarm", "--dry-run"], schema: "disarm" },
    { args: () => ["disarm"], schema: "disarm" },
    { args: () => ["disarm", "-c", "/dev/null"], schema: "error", code: 2 },
  ],
  pause: [
    { args: () => ["pause", "--status"], schema: "pause" },
    { args: () => ["pause", "30m", "--dry-run", "--reason", "x"], schema: "pause" },
    { args: () => ["pause", "30m", "--reason", "x"], schema: "pause" },
    { args: () => ["pause", "--status"], schema: "pause" },
    { args: () => ["status"], schema: "status", code: 1 },
    { args: () => ["arm", "--yes"], schema: "arm" },
    { args: () => ["pause"], schema: "error", code: 2 },
    { args: () => ["pause", "soon"], schema: "error", code: 2 },
    { args: () => ["pause", "25h"], schema: "error", code: 2 },
    { args: () => ["pause", "1m", "--status"], schema: "error", code: 2 },
  ],
  resume: [
    { args: () => ["resume"], schema: "resume" },
    { args: () => ["pause", "1m"], schema: "pause" },
    { args: () => ["resume", "--dry-run"], schema: "resume" },
    { args: () => ["resume"], schema: "resume" },
  ],
  doctor: [{ args: () => ["doctor"], schema: "doctor", needs_host: true }],
  "config check": [
    { args: () => ["config", "check"], schema: "config_check" },
    { args: () => ["config", "check", "-c", "/nonexistent/h.yaml"], schema: "error", code: 2 },
  ],
  "config show": [{ args: () => ["config", "show"], schema: "config" }],
  completion: [{ args: () => ["completion", "bash"], schema: "error", code: 2 }],
  man: [{ args: () => ["man"], schema: "error", code: 2 }],
};

/** The arguments with which a command would do something. */
const words_of = (command: string): readonly string[] => {
  const needed: Readonly<Record<string, readonly string[]>> = {
    report: ["--html", "/dev/null"],
    replay: ["-"],
    completion: ["bash"],
    arm: ["--yes"],
    pause: ["1m"],
  };
  return [...command.split(" "), ...(needed[command] ?? [])];
};

group("-o json", () => {
  test("every command has its cases here", () => {
    expect(Object.keys(CASES).sort()).toEqual([...COMMANDS].sort());
  });

  test.each(COMMANDS)(
    "%s: one document or lines of its schema, whatever comes of it",
    async (command) => {
      await in_place((place) => {
        for (const { args, schema, code = 0, lines, needs_host } of CASES[command] ?? []) {
          if (needs_host === true && !USABLE) continue;
          const own = args(place);
          const config = own.includes("-c") ? [] : ["-c", place.config];
          // A configuration has no part in a flight that is decided again.
          const ran = hosa([...own, ...(own[0] === "replay" ? [] : config), "-o", "json", "--log-level", "error"]);
          expect(ran.code, `${own.join(" ")}: ${ran.stderr}`).toBe(code);
          if (lines === true) {
            for (const line of ran.stdout.split("\n").filter(Boolean)) expect_document(schema, JSON.parse(line));
          } else expect_document(schema, one_document(ran.stdout));
          if (schema === "error") expect(ran.stderr).toStartWith("error: ");
        }
      });
    },
    LIMIT_MS,
  );

  test.each(COMMANDS)(
    "%s: an unknown option and a wrong configuration are answered with one error",
    async (command) => {
      await in_directory((directory) => {
        const usage = hosa([...words_of(command), "--nosuch", "-o", "json"]);
        expect(usage.code).toBe(2);
        const document = one_document(usage.stdout);
        expect_document("error", document);
        expect(document).toMatchObject({ ok: false, error: { kind: "usage", exit_code: 2 } });
        expect(usage.stderr).toContain("--nosuch");
        if (["man", "completion"].includes(command)) return;
        const config = join(directory, "h.yaml");
        writeFileSync(config, "beat:\n  periode_ms: 3\n  relax_s: -1\n");
        const wrong = hosa(["-o", "json", "-c", config, ...words_of(command)]);
        expect(wrong.code).toBe(2);
        const error = one_document(wrong.stdout);
        expect_document("error", error);
        expect(error).toMatchObject({
          ok: false,
          error: {
            kind: "configuration",
            problems: [
              {
                file: config,
                line: 2,
                column: 3,
                key: "beat.periode_ms",
                wrong: expect.stringContaining("unknown key"),
              },
              { file: config, line: 3, column: 3, key: "beat.relax_s", allowed: "expected number 0..600 s" },
            ],
          },
        });
      });
    },
    LIMIT_MS,
  );

  test.each([
    [["config"], "no command was given"],
    [[], "no command was given"],
    [["expalin"], "unknown command 'expalin'"],
    [["config", "chek"], "unknown command 'chek'"],
    [["help", "nosuch"], 'there is no command "nosuch"'],
    [["help", "explain", "nosuch"], 'there is no command "nosuch"'],
    [["observe", "--count", "0"], "--count"],
    [["report"], "--html"],
  ])("%j is answered with an error that says so", (args, text) => {
    const { code, stdout, stderr } = hosa([...args, "--output=json"]);
    expect(code).toBe(2);
    const document = one_document(stdout) as { error: { message: string; hint: string } };
    expect_document("error", document);
    expect(document.error.message).toContain(text);
    expect(document.error.hint).not.toBe("");
    expect(stderr).not.toBe("");
  });

  test("a file that is no YAML is told with its place, in words of its own", async () => {
    await in_directory((directory) => {
      const config = join(directory, "h.yaml");
      for (const [text, line, column, wrong] of [
        ["beat: {}\n---\nact: {}\n", 2, 1, "a second document begins here (---); put everything into one"],
        ["beat: [\n", 2, 1, "a bracket was not closed"],
        ['node: {name: "a}\n', 2, 1, "a character is missing"],
        ["beat:\n\tperiod_ms: 3\n", 2, 1, "a tab in the indentation"],
        ['node: {name: "\\q"}\n', 1, 15, "an unknown escape"],
      ] as const) {
        writeFileSync(config, text);
        const { code, stdout, stderr } = hosa(["config", "check", "-c", config, "-o", "json"]);
        expect(code).toBe(2);
        const { error } = one_document(stdout) as { error: { problems: readonly { wrong: string }[] } };
        expect(error.problems[0]).toMatchObject({ file: config, line, column });
        expect(error.problems[0]?.wrong).toContain(wrong);
        expect(stderr).not.toMatch(/YAML\.|parseAllDocuments|flow collection|Implicit/);
      }
    });
  });

  test("help and version are documents, too", () => {
    for (const args of [["--help"], ["explain", "-h"], ["help", "config", "check"]]) {
      const { code, stdout } = hosa([...args, "-o", "json"]);
      expect(code).toBe(0);
      expect_document("help", one_document(stdout));
    }
    expect_document("version", one_document(hosa(["-V", "-o", "json"]).stdout));
  });

  test("audit lines, webhooks and hooks follow their schemas", async () => {
    await in_place(({ audit }) => {
      const lines = readFileSync(audit, "utf8").trimEnd().split("\n");
      expect(lines.length).toBeGreaterThan(10);
      for (const line of lines) expect_document("audit", JSON.parse(line));
    });
    for (const told of [notice(), notice({ culprit: null, action: null, inaction: "the culprit is protected" })]) {
      expect_document("webhook", JSON.parse(render_payload(told, "generic")));
    }
    expect_document("hook", JSON.parse(Buffer.from(input_of(call())).toString()));
  });

  test("what no rule of a command foresees is no empty answer", async () => {
    await in_directory((directory) => {
      // A directory in the place of the ledger is what no rule of the command foresees.
      mkdirSync(join(directory, "run/ledger.jsonl"), { recursive: true });
      const config = join(directory, "h.yaml");
      writeFileSync(config, `motor: {ledger_dir: ${directory}/run}\n`);
      const { code, stdout, stderr } = hosa(["status", "-c", config, "-o", "json"]);
      expect(code).toBe(1);
      expect_document("error", one_document(stdout));
      expect(stderr).toContain("it is a directory");
    });
  });
});

/** Pairs of a command's own options that may stand together. Whoever adds an option decides for each of its pairs. */
const TOGETHER: Readonly<Record<string, readonly string[]>> = {
  run: ["daemon+duration"],
  observe: ["interval+count", "interval+duration", "count+duration"],
  top: ["interval+duration"],
  demo: ["html+recorded", "html+speed", "html+record", "recorded+speed"],
  explain: [
    ...["timeline+svg", "last+audit", "baseline+audit", "timeline+audit", "svg+audit"],
    ...["list+since", "list+audit", "since+audit", "episode+audit"],
  ],
  report: ["html+audit"],
  replay: [
    ...["rowInterval+trainRows", "rowInterval+alarmsPerDay", "rowInterval+budgetHours", "rowInterval+detector"],
    ...["trainRows+alarmsPerDay", "trainRows+budgetHours", "trainRows+detector", "trainRows+set"],
    ...["alarmsPerDay+budgetHours", "alarmsPerDay+detector", "budgetHours+detector", "detector+set"],
    ...["rowInterval+set", "alarmsPerDay+set", "budgetHours+set"],
  ],
  arm: ["upTo+yes"],
  pause: ["reason+release", "reason+keep"],
  release: [...["id", "target", "quarantine", "all"].flatMap((one) => [`${one}+yes`, `${one}+reason`]), "yes+reason"],
};

/** Values of options that take no plain number. */
const SAMPLES: Readonly<Record<string, string>> = { "--since": "1h" };

group("options", () => {
  const commands = program().commands.flatMap((one) => (one.commands.length === 0 ? [one] : one.commands));

  test.each(commands.map((one) => one.name()))("of %s: every pair is refused or allowed on purpose", async (name) => {
    const { options } = commands.find((one) => one.name() === name)!;
    const allowed = TOGETHER[name] ?? [];
    const typed = (option: Option): string[] =>
      option.required ? [option.long!, option.argChoices?.[0] ?? SAMPLES[option.long!] ?? "1"] : [option.long!];
    const needed = name === "replay" ? ["-"] : name === "report" ? ["--html", "/dev/null"] : [];
    const pairs = options.flatMap((one, i) => options.slice(i + 1).map((other) => [one, other] as const));
    for (const [one, other] of pairs) {
      const pair = `${one.attributeName()}+${other.attributeName()}`;
      for (const args of [
        [...typed(one), ...typed(other)],
        [...typed(other), ...typed(one)],
      ]) {
        const error = await refusal([name, ...args, ...needed]);
        expect(error?.code === "commander.conflictingOption", args.join(" ")).toBe(!allowed.includes(pair));
      }
    }
    const names = pairs.map(([one, other]) => `${one.attributeName()}+${other.attributeName()}`);
    expect(allowed.filter((pair) => !names.includes(pair))).toEqual([]);
  });

  async function refusal(args: readonly string[]): Promise<CommanderError | null> {
    const fresh = program();
    for (const command of fresh.commands) command.action(() => {});
    try {
      await fresh.parseAsync(args, { from: "user" });
    } catch (error) {
      if (error instanceof CommanderError) return error;
      throw error;
    }
    return null;
  }

  test(
    "-V is --version, -h is --help, help knows every command and suggests one that is near",
    () => {
      expect(hosa(["-V"])).toEqual(hosa(["--version"]));
      expect(hosa(["-h"])).toEqual(hosa(["--help"]));
      for (const command of COMMANDS) {
        const { code, stdout } = hosa(["help", ...command.split(" ")]);
        expect([code, stdout]).toEqual([0, hosa([...command.split(" "), "--help"]).stdout]);
      }
      const { code, stderr } = hosa(["help", "exlpain"]);
      expect(code).toBe(2);
      expect(stderr).toBe('error: help exlpain: there is no command "exlpain". Did you mean explain?\n');
    },
    LIMIT_MS,
  );
});
