import { expect, describe as group, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Hangups } from "../../src/cli/hangup.ts";
import { completion, SHELLS } from "../../src/cli/manual/completion.ts";
import { type CommandDoc, describe, leaves } from "../../src/cli/manual/describe.ts";
import { command_page, config_page } from "../../src/cli/manual/pages.ts";
import { Output } from "../../src/cli/output.ts";
import { build_program } from "../../src/cli/program.ts";
import { KEY_DOCS } from "../../src/config/index.ts";
import { hosa, in_directory } from "./hosa.ts";

const context = {
  output: new Output(new AbortController()),
  signal: new AbortController().signal,
  hangups: new Hangups(() => {}),
  version: "1.2.3",
};
const program = describe(build_program(context, () => {}));

/** A page as a terminal shows it, without its line breaks; groff must have nothing to complain about. */
function shown(page: string): string {
  const groff = Bun.spawnSync(["groff", "-man", "-Tutf8", "-K", "utf8", "-ww", "-P-cbou", "-rLL=900n"], {
    stdin: Buffer.from(page),
    stderr: "pipe",
  });
  expect(groff.stderr.toString()).toBe("");
  return groff.stdout.toString().replace(/\s+/g, " ");
}
const flat = (text: string): string => text.replace(/\s+/g, " ");
const HAS_GROFF = Bun.which("groff") !== null;
if (!HAS_GROFF) console.error("SKIPPED: groff is not installed, the manual pages are not rendered");

group("manual pages", () => {
  test.skipIf(!HAS_GROFF)("hosa(8) has every command, argument, option, exit code and file of --help", () => {
    const page = shown(command_page(program, "1.2.3"));
    const everything = [program, ...leaves(program)];
    expect(leaves(program).length).toBeGreaterThan(9);
    for (const command of everything) {
      for (const { flags } of command.options) expect(page).toContain(flat(flags));
      for (const { description } of command.options)
        expect(page.toLowerCase()).toContain(flat(description).toLowerCase());
      for (const { lines } of command.blocks)
        for (const line of lines) expect(page.toLowerCase()).toContain(last_column(line));
      expect(page).toContain(`hosa ${command.path}`.trim());
    }
    expect(page).toContain("3 Privilege or kernel feature missing");
    expect(page).toContain("SIGHUP");
  });

  test.skipIf(!HAS_GROFF)("hosa.yaml(5) has every key with what the schema says of it", () => {
    const page = shown(config_page("1.2.3"));
    for (const { path, docs, accepts, live } of KEY_DOCS) {
      const from = page.indexOf(` ${path} `);
      expect(from, path).toBeGreaterThan(0);
      const about = page.slice(from, from + 900);
      expect(about).toContain(flat(docs));
      expect(about).toContain(flat(accepts));
      expect(about).toContain(live ? "Taken up by a reload." : "Needs a restart.");
    }
  });

  test("the binary prints the same pages", () => {
    const version = hosa(["--version"]).stdout.trim();
    expect(hosa(["man"]).stdout).toBe(command_page(program, version));
    expect(hosa(["man", "hosa.yaml"]).stdout).toBe(config_page(version));
    expect(hosa(["man", "hosa.conf"]).code).toBe(2);
  });
});

/** What a row of two columns says; the whole line where it has one. */
function last_column(line: string): string {
  return flat(line.split(/ {2,}/).at(-1)!).toLowerCase();
}

/** Words a shell offers for the last of `words`, sorted. */
type Ask = (script: string, words: readonly string[]) => readonly string[];

function answers(command: readonly string[], words: readonly string[] = []): readonly string[] {
  const { stdout, stderr } = Bun.spawnSync([...command, ...words], { stderr: "pipe" });
  expect(stderr.toString()).toBe("");
  return stdout.toString().split("\n").filter(Boolean).sort();
}

const BASH = `compopt() { :; }; source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _hosa; printf '%s\\n' "\${COMPREPLY[@]}"`;
const ZSH = `compdef() { :; }; compadd() { shift; print -l -- $@ }; _files() { print -l FILES }
_describe() { for c in \${(P)3}; do c=\${c//\\\\:/ }; print -l -- "\${c%%:*}"; done }
script=$1; shift; words=("$@"); CURRENT=$#; PREFIX=$words[-1]; source $script; _hosa | grep -- "^$PREFIX\\|FILES"`;

const ASK: Readonly<Record<(typeof SHELLS)[number], Ask>> = {
  bash: (script, words) => answers(["bash", "-c", BASH, "bash", script], words),
  zsh: (script, words) => answers(["zsh", "-f", "-c", ZSH, "zsh", script], words),
  fish: (script, words) =>
    answers(["fish", "--no-config", "-c", `source ${script}; complete -C ${JSON.stringify(words.join(" "))}`]).map(
      (line) => line.split("\t")[0]!,
    ),
};

group.each([...SHELLS])("completion for %s", (shell) => {
  const present = Bun.which(shell) !== null;
  if (!present) console.error(`SKIPPED: ${shell} is not installed, its completion is not tried`);
  const offered = async (...words: readonly string[]): Promise<readonly string[]> => {
    let found: readonly string[] = [];
    await in_directory((directory) => {
      const script = join(directory, "_hosa");
      writeFileSync(script, completion(program, shell));
      found = ASK[shell](script, ["hosa", ...words]);
    });
    return found;
  };
  const names = (doc: CommandDoc): string[] => doc.commands.map(({ path }) => path.split(" ").at(-1)!).sort();

  test.skipIf(!present)("every command, at every depth", async () => {
    const first = await offered("");
    for (const name of names(program)) expect(first).toContain(name);
    expect((await offered("config", "")).filter((word) => !word.startsWith("-"))).toEqual(["check", "show"]);
    expect(await offered("expl")).toEqual(["explain"]);
  });

  test.skipIf(!present)(
    "every long option of every command",
    async () => {
      for (const { path, options } of leaves(program)) {
        const here = await offered(...path.split(" "), "--");
        const wanted = [...options, ...program.options.filter(({ flags }) => !/--(version|help)/.test(flags))].flatMap(
          ({ names }) => names.filter((name) => name.startsWith("--")),
        );
        expect([path, ...here.filter((word) => word.startsWith("--"))]).toEqual([path, ...wanted.sort()]);
      }
    },
    60_000,
  );

  test.skipIf(!present)(
    "values: a choice, a file, an argument of few words; a value is never taken for a command",
    async () => {
      expect(await offered("observe", "-o", "")).toEqual(["json", "text"]);
      expect(await offered("completion", "z")).toEqual(["zsh"]);
      expect(await offered("-c", "run", "expl")).toEqual(["explain"]);
      expect(await offered("run", "--duration", "")).toEqual([]);
    },
  );

  test("the binary prints the same script", () => {
    expect(hosa(["completion", shell]).stdout).toBe(completion(program, shell));
  });
});
