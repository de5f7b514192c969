/** What becomes of a command whose output cannot be written, for every command there is. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { Hangups } from "../../src/cli/hangup.ts";
import { Output } from "../../src/cli/output.ts";
import { build_program } from "../../src/cli/program.ts";
import { flight_of, flight_text } from "../backtest/flight_fixture.ts";
import { recorded_run } from "../report/episode_fixture.ts";
import { audit_of } from "./audit.ts";
import { hosa, type Ran } from "./hosa.ts";

const USABLE = hosa(["doctor"]).code === 0;
if (!USABLE) console.error("SKIPPED: observe, for HOSA cannot run on this host (see `hosa doctor`)");

let folder = "";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "hosa-full-"));
  await audit_of(folder, recorded_run());
  writeFileSync(join(folder, "flight-x.jsonl"), `${flight_text(flight_of(), 0, 200).join("\n")}\n`);
  const places = `learning: {state_dir: ${folder}/state}\nmotor: {ledger_dir: ${folder}/run}\n`;
  // The audit is for reading; what runs here writes another one.
  writeFileSync(join(folder, "h.yaml"), `${places}audit: {path: ${folder}/own.jsonl}\n`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** How each command is called so that it prints; `%` is the scratch folder. A command without an entry fails the first test. */
const CALLS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  // It prints what happens, as observe does, and on a calm node nothing.
  run: [],
  observe: [
    ["--count", "1"],
    ["--count", "1", "-o", "json"],
  ],
  top: [
    ["--duration", "1s"],
    ["--duration", "1s", "-o", "json"],
  ],
  demo: [
    ["--recorded", "--speed", "1000", "--html", "%/d.html"],
    ["--recorded", "--speed", "1000", "--html", "%/d.html", "-o", "json"],
  ],
  explain: [
    ["--audit", "%/audit.jsonl"],
    ["--audit", "%/audit.jsonl", "-o", "json"],
    ["--audit", "%/audit.jsonl", "--timeline"],
    ["--audit", "%/audit.jsonl", "--timeline", "-o", "json"],
    ["--audit", "%/audit.jsonl", "--svg", "-"],
  ],
  report: [
    ["--audit", "%/audit.jsonl", "--html", "-"],
    ["--audit", "%/audit.jsonl", "--html", "%/page.html"],
    ["--audit", "%/audit.jsonl", "--html", "%/page.html", "-o", "json"],
  ],
  replay: [["%/flight-x.jsonl"], ["%/flight-x.jsonl", "-o", "json"]],
  "what-if": [["%/flight-x.jsonl"], ["%/flight-x.jsonl", "-o", "json"]],
  status: [[], ["-o", "json"]],
  release: [[]],
  arm: [["--dry-run"], ["--dry-run", "-o", "json"]],
  disarm: [["--dry-run"], ["--dry-run", "-o", "json"]],
  pause: [["--status"], ["--status", "-o", "json"], ["5m", "--dry-run"]],
  resume: [["--dry-run"], ["--dry-run", "-o", "json"]],
  doctor: [[], ["-o", "json"]],
  "config check": [[], ["-o", "json"]],
  "config show": [[], ["-o", "json"]],
  completion: [["bash"], ["zsh"], ["fish"]],
  man: [["hosa"], ["hosa.yaml"]],
};
/** They load BPF programs. */
const NEEDS_KERNEL: ReadonlySet<string> = new Set(["observe", "top"]);

/** Full names of all commands that do something themselves. */
function names_of(command: Command, before = ""): readonly string[] {
  return command.commands.flatMap((each) => {
    const name = `${before}${each.name()}`;
    return each.commands.length > 0 ? names_of(each, `${name} `) : [name];
  });
}

function program(): Command {
  const closed = new AbortController();
  const context = { output: new Output(closed), signal: closed.signal, hangups: new Hangups(() => {}), version: "0" };
  return build_program(context, () => {});
}

type Call = readonly [string, readonly string[]];

/** Calls with their words for a title. @param each as many of every command */
function calls(each: number): readonly Call[] {
  return Object.entries(CALLS)
    .filter(([name]) => USABLE || !NEEDS_KERNEL.has(name))
    .flatMap(([name, all]) => all.slice(0, each).map((args) => [...name.split(" "), ...args]))
    .map((args) => [args.join(" "), args]);
}

function helps(): readonly Call[] {
  const of_commands = names_of(program()).map((name) => [...name.split(" "), "--help"]);
  return [["--help"], ["--version"], ["help", "run"], ...of_commands].map((args) => [args.join(" "), args]);
}

function call(args: readonly string[], before: readonly string[] = []): Ran {
  const filled = args.map((arg) => arg.replaceAll("%", folder));
  const config =
    filled.includes("--help") || filled[0] === "help" || filled[0] === "what-if" ? [] : ["-c", join(folder, "h.yaml")];
  return hosa([...filled, ...config], before);
}

test("the calls are of every command of the program", () => {
  expect(Object.keys(CALLS).sort()).toEqual([...names_of(program())].filter((name) => name !== "help").sort());
});

describe("a full device is said on standard error, exit code 1", () => {
  test.each([...calls(Number.POSITIVE_INFINITY), ...helps()])("hosa %s", (_words, args) => {
    if (!args.includes("--help")) expect(call(args).stdout).not.toBe("");
    const { code, stderr } = call(args, ["sh", "-c", 'exec "$@" >/dev/full', "sh"]);
    expect(code).toBe(1);
    expect(stderr).toEndWith("hosa: cannot write to standard output: No space left on device\n");
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});

test("a device that is full for messages is exit code 1, too", () => {
  const { code } = call(["status", "-o", "json"], ["sh", "-c", 'exec "$@" 2>/dev/full', "sh"]);
  expect(code).toBe(1);
  expect(call(["explain", "--audit", "/nonexistent"], ["sh", "-c", 'exec "$@" 2>/dev/full', "sh"]).code).toBe(1);
});

describe("a reader that went away is no error and is not mentioned", () => {
  // Opened for reading and writing, then for writing; without the first one it is a pipe that has lost its reader.
  const script = 'pipe=$1; shift; rm -f "$pipe"; mkfifo "$pipe"; exec 3<>"$pipe"; exec >"$pipe"; exec 3<&-; exec "$@"';

  test.each([...calls(1), ...helps().slice(0, 3)])("hosa %s", (_words, args) => {
    const { code, stderr } = call(args, ["sh", "-c", script, "sh", join(folder, "pipe")]);
    expect(code).toBe(0);
    expect(stderr).not.toContain("cannot write");
  });
});
