import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { parse_config } from "../../src/config/index.ts";
import { width_of } from "../../src/report/screen.ts";
import { flight_of, flight_text } from "../backtest/flight_fixture.ts";
import { recorded_run } from "../report/episode_fixture.ts";
import { audit_of } from "./audit.ts";
import { has_terminals, hosa, hosa_on_terminal, in_directory } from "./hosa.ts";

const USABLE = hosa(["doctor"]).code === 0;
if (!USABLE) console.error("SKIPPED: HOSA cannot run on this host (see `hosa doctor`)");
const HAS_TERMINALS = has_terminals();
const LIMIT_MS = 240_000;

/** Commands whose answer is text for people, in a place where all of them have something to say. */
async function in_place(body: (commands: readonly (readonly string[])[], directory: string) => unknown): Promise<void> {
  await in_directory(async (directory) => {
    const audit = await audit_of(directory, recorded_run());
    const flight = join(directory, "flight-x.jsonl.gz");
    const recorded = flight_of();
    writeFileSync(flight, gzipSync(`${flight_text(recorded, 0, recorded.lines.length).join("\n")}\n`));
    const config = join(directory, "h.yaml");
    const places = `motor: {ledger_dir: ${directory}/run}\naudit: {path: ${audit}}\n`;
    writeFileSync(config, `learning: {state_dir: ${directory}/state, warmup_s: 1}\n${places}`);
    const commands = [
      ["--help"],
      ["help", "explain"],
      ["explain", "-c", config],
      ["explain", "e0", "-c", config],
      ["explain", "--timeline", "-c", config],
      ["explain", "e99", "-c", config],
      ["what-if", flight, "--set", "act.ttf_horizon_s=6"],
      ["what-if", audit],
      ["replay", flight],
      ["status", "-c", config],
      ["release", "-c", config],
      ["release", "--id", "nothing", "--yes", "-c", config],
      ["doctor", "-c", config],
      ["config", "check", "-c", "/nonexistent/h.yaml"],
      ["expalin"],
    ];
    await body(commands, directory);
  });
}

describe("without UTF-8", () => {
  test(
    "every text is ASCII on both streams, and has the same numbers",
    async () => {
      await in_place((commands) => {
        for (const args of [...commands, ["config", "show", "-c", "/dev/null"]]) {
          const ascii = hosa(args, [], { LC_ALL: "C" });
          expect(/[^\n\x20-\x7e]/.exec(ascii.stdout + ascii.stderr)?.[0], args.join(" ")).toBeUndefined();
        }
        const explain = commands.find(([name]) => name === "explain")!;
        expect(hosa(explain, [], { LC_ALL: "C" }).stdout).toContain("Dbar ");
        expect(hosa(explain).stdout).toContain("D̄ ");
      });
    },
    LIMIT_MS,
  );

  test("JSON is UTF-8 in every locale", async () => {
    await in_place((commands) => {
      const args = [...commands.find((one) => one.includes("--timeline"))!, "-o", "json"];
      const { stdout } = hosa(args, [], { LC_ALL: "C" });
      expect(stdout).toBe(hosa(args).stdout);
      expect(stdout).toContain("→");
    });
  });

  test.skipIf(!USABLE)("observe: ASCII, and the acceleration is a number with a sign for awk", async () => {
    await in_place((commands) => {
      const config = commands.find(([name]) => name === "status")!.at(-1)!;
      const args = ["observe", "--count", "4", "--interval", "200ms", "-c", config];
      const { code, stdout, stderr } = hosa(args, [], { LC_ALL: "C" });
      expect(code).toBe(0);
      expect(/[^\n\x20-\x7e]/.exec(stdout + stderr)?.[0]).toBeUndefined();
      const lines = stdout.split("\n").filter((line) => /^ +[\d.]+ s /.test(line));
      expect(lines.length).toBeGreaterThanOrEqual(4);
      for (const line of lines) expect(line.trim().split(/ +/)[6]).toMatch(/^[+-]\d/);
    });
  });
});

/** Lines longer than the terminal, but for a word that has a line of its own. */
function too_long(text: string, columns: number): readonly string[] {
  return text.split("\n").filter((line) => width_of(line) > columns && line.trim().split(/ +/).length > 1);
}

/** Back to the beginning of the line, and clear it. */
const DRAW = "\r\x1b[K";

/** Without the lines of progress that were drawn and taken away again. */
function undrawn(text: string): string {
  const [first = "", ...parts] = text.split(DRAW);
  // What was drawn is followed by the next drawing; what is written after taking it away ends with a new line.
  return first + parts.filter((part, i) => part.includes("\n") || i === parts.length - 1).join("");
}

const words = (text: string): readonly string[] => text.split(/\s+/).filter(Boolean);

describe.skipIf(!HAS_TERMINALS)("on a terminal", () => {
  test(
    "of 40, 80, 120 or 160 columns nothing is wrapped within words, and nothing is lost",
    async () => {
      await in_place((commands) => {
        for (const args of commands) {
          const piped = hosa(args);
          for (const columns of [40, 80, 120, 160]) {
            const shown = undrawn(hosa_on_terminal(columns, args).stdout);
            expect(too_long(shown, columns), `${args.join(" ")} on ${columns}`).toEqual([]);
            // Help is laid out anew for each width; everything else has the same words.
            if (args.includes("--help") || args[0] === "help") continue;
            expect(words(shown), args.join(" ")).toEqual(words(piped.stdout + piped.stderr));
          }
        }
      });
    },
    LIMIT_MS,
  );

  test("a terminal that does not tell its size has as many columns as COLUMNS says, else 80", async () => {
    const longest = (text: string): number => Math.max(...text.split("\n").map(width_of));
    const narrow = longest(hosa_on_terminal(0, ["help", "observe"], { COLUMNS: "50" }).stdout);
    expect(narrow).toBeLessThanOrEqual(60);
    expect(longest(hosa_on_terminal(0, ["help", "run"]).stdout)).toBeGreaterThan(60);
  });

  test.skipIf(!USABLE).each([40, 80, 120, 160])("observe fits %i columns", async (columns) => {
    await in_place((commands) => {
      const config = commands.find(([name]) => name === "status")!.at(-1)!;
      const args = ["observe", "--count", "3", "--interval", "200ms", "-c", config, "--log-level", "error"];
      const { code, stdout } = hosa_on_terminal(columns, args);
      expect(code).toBe(0);
      expect(stdout).toContain("carried by");
      for (const line of stdout.split("\n")) expect(width_of(line)).toBeLessThanOrEqual(columns);
    });
  });

  test.skipIf(!USABLE)("observe takes up another width while it runs, under a header of its own", async () => {
    await in_place((commands, directory) => {
      const config = commands.find(([name]) => name === "status")!.at(-1)!;
      const log = join(directory, "log");
      const inner = join(directory, "inner.sh");
      const resize = `until grep -q carried ${log}; do sleep 0.05; done; stty cols 120 </dev/tty`;
      writeFileSync(inner, `stty cols 60 rows 24\n(${resize}) &\nexec "$@"\n`);
      const script = `script -qefc "sh ${inner} $*" ${log} </dev/null`;
      const args = ["observe", "--count", "14", "--interval", "200ms", "-c", config, "--log-level", "error"];
      const { stdout } = hosa(args, ["sh", "-c", script, "sh"]);
      expect(stdout.match(/carried by/g)?.length).toBe(2);
      const [narrow = "", wide = ""] = stdout.split(/(?=^.*carried by.*$)/m).slice(-2);
      expect(narrow).not.toContain("1/s²");
      expect(wide).toContain("1/s²");
    });
  });
});

describe.skipIf(!USABLE)("the warm-up", () => {
  function settings(directory: string, warmup_s: number): string {
    const file = join(directory, "h.yaml");
    const places = `motor: {ledger_dir: ${directory}/run}\naudit: {path: ${directory}/audit.jsonl}\n`;
    writeFileSync(file, `learning: {state_dir: ${directory}/state, warmup_s: ${warmup_s}}\n${places}`);
    return file;
  }

  test("in a log: a line at the start with what to try, one half-way, one at the end, and a closing line", async () => {
    await in_directory((directory) => {
      const { stderr } = hosa(["run", "--dry-run", "--duration", "5s", "-c", settings(directory, 3)]);
      const lines = stderr.trimEnd().split("\n");
      const about = lines.filter((line) => /learning this node|this node is known/.test(line));
      expect(about[0]).toMatch(/^info: learning this node for 3 s .*`hosa doctor` and `hosa observe`$/);
      expect(about[1]).toMatch(/^info: learning this node: \d+ %, at least \d s left$/);
      expect(about[2]).toMatch(/^info: this node is known: \d+ samples/);
      expect(about).toHaveLength(3);
      expect(lines.at(-1)).toMatch(
        /^info: ended after \d+ beats: 5 s; (level 0 throughout, no episodes|highest level)/,
      );
    });
  });

  test("a closing line says that the node is not known yet", async () => {
    await in_directory((directory) => {
      const { stderr } = hosa(["observe", "--duration", "1s", "-c", settings(directory, 300)]);
      expect(stderr).toMatch(/ended after \d+ beats: 1 s; this node was still being learned\n$/);
    });
  });

  test.skipIf(!HAS_TERMINALS)(
    "on a terminal: one line with the time left, drawn over itself, gone at the end",
    async () => {
      await in_directory((directory) => {
        const { stdout } = hosa_on_terminal(80, [
          "run",
          "--dry-run",
          "--duration",
          "3s",
          "-c",
          settings(directory, 300),
        ]);
        const parts = stdout.split(DRAW);
        const drawn = parts.filter((part) => part.includes("learning this node, at least "));
        expect(drawn.length).toBeGreaterThanOrEqual(2);
        expect(drawn[0]).toContain("try hosa doctor");
        for (const line of drawn) expect(width_of(line)).toBeLessThan(80);
        expect(parts.at(-1)).toMatch(/^info: ended after \d+ beats: 3 s; this node was still being learned\n$/);
      });
    },
  );
});

test("config show keeps its values in every locale", async () => {
  await in_directory((directory) => {
    const file = join(directory, "h.yaml");
    writeFileSync(file, 'protect: ["/café.slice/日本", "/👍"]\n');
    const shown = (LC_ALL: string): string => hosa(["config", "show", "-c", file], [], { LC_ALL }).stdout;
    expect(/[^\n\x20-\x7e]/.exec(shown("C"))).toBeNull();
    expect(parse_config(shown("C"), "shown")).toEqual(parse_config(shown("C.UTF-8"), "shown"));
    expect(parse_config(shown("C"), "shown").protect).toEqual(["/café.slice/日本", "/👍"]);
  });
});
