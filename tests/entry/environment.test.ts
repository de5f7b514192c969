/** src/entry/ alone, ahead of a small C program that prints what it is given. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { built_hosa, ROOT } from "../built.ts";

const SHOW = `
#include <stdio.h>
#include <sys/auxv.h>
#include <unistd.h>
extern char **environ;
int main(int argc, char **argv) {
  printf("%d %s %lu\\n", argc, argv[argc - 1], getauxval(AT_PAGESZ));
  for (char **at = environ; *at; at++) puts(*at);
  return 0;
}`;

let folder = "";
let show = "";

beforeAll(() => {
  // The build makes build/entry.bin.
  built_hosa();
  folder = mkdtempSync(join(tmpdir(), "hosa-entry-"));
  show = join(folder, "show");
  writeFileSync(`${show}.c`, SHOW);
  run(["gcc", "-o", show, `${show}.c`]);
  run([process.execPath, join(ROOT, "scripts/link-entry.ts"), show, join(ROOT, "build/entry.bin")]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(command: readonly string[], env: Record<string, string> = { PATH: process.env["PATH"] ?? "" }): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], { env });
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
  return stdout.toString();
}

/** Names and values that reach the program, sorted. */
function reaching(env: Record<string, string>, args: readonly string[] = ["status"]): readonly string[] {
  const [first, ...lines] = run([show, ...args], env)
    .trimEnd()
    .split("\n");
  expect(first).toBe(`${args.length + 1} ${args.at(-1)} 4096`);
  return lines.sort();
}

/** The names that src/entry/entry.c keeps. */
function kept(): readonly string[] {
  const source = readFileSync(join(ROOT, "src/entry/entry.c"), "utf8");
  const list = /KEPT\[\] =([^;]*);/.exec(source)?.[1] ?? "";
  return [...list.matchAll(/"([A-Z_]+)\\0"/g)].map(([, name = ""]) => name);
}

describe("of the environment", () => {
  test("everything HOSA reads arrives, in order and unchanged", () => {
    const env = Object.fromEntries(kept().map((name) => [name, `value of ${name}`]));
    expect(kept().length).toBeGreaterThan(10);
    expect(reaching(env)).toEqual(
      Object.entries(env)
        .map(([name, value]) => `${name}=${value}`)
        .sort(),
    );
  });

  test.each([
    [
      "the runtime",
      { BUN_OPTIONS: "--preload=/tmp/x", BUN_INSPECT: "9229", BUN_CONFIG_VERBOSE_FETCH: "1", BUN_JSC_x: "1" },
    ],
    ["the runtime as itself", { BUN_BE_BUN: "1" }],
    [
      "Node",
      { NODE_OPTIONS: "-r x", NODE_PATH: "/tmp", NODE_EXTRA_CA_CERTS: "/tmp/x", NODE_TLS_REJECT_UNAUTHORIZED: "0" },
    ],
    ["TLS", { SSL_CERT_FILE: "/tmp/x", SSL_CERT_DIR: "/tmp", OPENSSL_CONF: "/tmp/x" }],
    [
      "proxies",
      { http_proxy: "http://x", HTTP_PROXY: "http://x", HTTPS_PROXY: "http://x", ALL_PROXY: "x", NO_PROXY: "" },
    ],
    [
      "folders",
      { HOME: "/tmp", XDG_CONFIG_HOME: "/tmp", TMPDIR: "/tmp", BUN_TMPDIR: "/tmp", PATH: "/tmp", PWD: "/tmp" },
    ],
    ["the compiler", { C_INCLUDE_PATH: "/tmp", LIBRARY_PATH: "/tmp", BUN_TCC_OPTIONS: "-run" }],
    [
      "libc",
      { TZ: ":/tmp/x", LOCPATH: "/tmp", NLSPATH: "/tmp", HOSTALIASES: "/tmp/x", RES_OPTIONS: "x", GCONV_PATH: "/tmp" },
    ],
    ["the linker", { LD_LIBRARY_PATH: "/tmp", LD_BIND_NOW: "1", GLIBC_TUNABLES: "x=y", MALLOC_ARENA_MAX: "1" }],
    ["what only begins like a kept name", { TERMINFO: "/tmp", LANGUAGE: "x", NO_COLORS: "1", LC_: "x", T: "x" }],
  ])("what is meant for %s does not arrive", (_what, hostile) => {
    expect(reaching({ ...hostile, LANG: "C", TERM: "dumb" })).toEqual(["LANG=C", "TERM=dumb"]);
    expect(reaching(hostile)).toEqual([]);
  });

  test("nothing else arrives, whatever it is called", () => {
    const names = new Set(kept());
    const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,30}$/).filter((each) => !names.has(each));
    const entry = fc.tuple(name, fc.stringMatching(/^[ -~]{0,40}$/));
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 40 }), (entries) => {
        const env = { ...Object.fromEntries(entries), NO_COLOR: "1" };
        expect(reaching(env)).toEqual(["NO_COLOR=1"]);
      }),
      { numRuns: 25 },
    );
  });
});

describe("the runtime itself is for a caller", () => {
  test.each([
    ["with a script by its absolute path", ["/job/main.js"]],
    ["with -e", ["-e", "1"]],
  ])("%s", (_how, args) => {
    expect(reaching({ BUN_BE_BUN: "1", HOME: "/tmp" }, args)).toEqual(["BUN_BE_BUN=1", "HOME=/tmp"]);
    expect(reaching({ HOME: "/tmp" }, args)).toEqual([]);
  });

  test.each([
    ["a command", ["status"]],
    ["an option", ["--version"]],
    ["a relative path", ["main.js"]],
    ["-eval", ["-eval"]],
  ])("not with %s", (_what, args) => {
    expect(reaching({ BUN_BE_BUN: "1", HOME: "/tmp" }, args)).toEqual([]);
  });
});

describe("what the dynamic linker has obeyed", () => {
  test("is gone in the program that is started anew, whatever path it was started by", () => {
    const env = { LD_LIBRARY_PATH: folder, TERM: "dumb" };
    const at = (command: readonly string[], cwd: string): string =>
      Bun.spawnSync([...command], { cwd, env }).stdout.toString();
    expect(at(["./show", "status"], folder)).toBe("2 status 4096\nTERM=dumb\n");
    const copy = join(folder, "a name with spaces");
    copyFileSync(show, copy);
    chmodSync(copy, 0o755);
    expect(at([copy, "status"], "/")).toBe("2 status 4096\nTERM=dumb\n");
  });
});

describe("link-entry refuses", () => {
  const link = (program: string) =>
    Bun.spawnSync([process.execPath, join(ROOT, "scripts/link-entry.ts"), program, join(ROOT, "build/entry.bin")]);

  test.each([
    ["what is no program", "text", "is too short"],
    ["a program of another form", `${"x".repeat(100)}`, "is no 64-bit little-endian ELF file"],
  ])("%s, and leaves it as it was", (_what, content, why) => {
    const path = join(folder, "other");
    writeFileSync(path, content);
    const { exitCode, stderr } = link(path);
    expect(exitCode).toBe(1);
    expect(stderr.toString()).toContain(why);
    expect(readFileSync(path, "utf8")).toBe(content);
  });
});

describe("the list of what is kept", () => {
  /** Names read from the environment: process.env itself, or what it is called where it is handed on. */
  const NAMED = /\b(?:process\.env|variables|environment)(?:\??\.|\[")([A-Z][A-Z_]+)/g;
  const TAKEN_APART = /\{([^{}]*)\} = (?:process\.env|variables|environment)\b/g;

  function read_by_sources(): ReadonlySet<string> {
    const names = new Set<string>();
    for (const path of new Bun.Glob("src/**/*.ts").scanSync(ROOT)) {
      const text = readFileSync(join(ROOT, path), "utf8");
      expect(text, `${path} reads a variable whose name it makes up`).not.toMatch(/process\.env\[[^"]/);
      for (const [, name = ""] of text.matchAll(NAMED)) names.add(name);
      for (const [, parts = ""] of text.matchAll(TAKEN_APART))
        for (const [, name = ""] of parts.matchAll(/(?:^|,)\s*([A-Z][A-Z_]+)/g)) names.add(name);
    }
    return names;
  }

  test("has every variable that the sources read", () => {
    const read = read_by_sources();
    expect([...read].sort()).toContain("NOTIFY_SOCKET");
    expect([...read].sort()).toContain("WATCHDOG_USEC");
    expect([...read].filter((name) => !kept().includes(name))).toEqual([]);
  });
});
