/** The built binary in a directory and an environment that belong to somebody else. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { built_hosa } from "../built.ts";

let folder = "";
let hosa = "";
/** Made by whatever hostile code runs. */
let proof = "";

beforeAll(() => {
  hosa = built_hosa();
  folder = mkdtempSync(join(tmpdir(), "hosa-hostile-"));
  proof = join(folder, "it-ran");
  fill(join(folder, "files"));
  mkdirSync(join(folder, "pipes"));
  // Whoever opens one of these to read waits until the test gives up.
  for (const name of [
    "bunfig.toml",
    ".bunfig.toml",
    "tsconfig.json",
    "package.json",
    ".npmrc",
    "bun.lock",
    "bun.lockb",
  ]) {
    Bun.spawnSync(["mkfifo", join(folder, "pipes", name)]);
  }
});
test("a working directory that was deleted is left", () => {
  const gone = join(folder, "gone");
  mkdirSync(gone);
  const script = `cd ${gone} && rmdir ${gone} && exec ${hosa} "$@"`;
  for (const args of [["-V"], ["release", "--help"], ["config", "check", "-c", "/dev/null"]]) {
    const ran = Bun.spawnSync(["sh", "-c", script, "sh", ...args], { stdout: "pipe", stderr: "pipe" });
    mkdirSync(gone);
    expect([ran.exitCode, ran.stderr.toString()]).toEqual([0, ""]);
  }
  rmSync(gone, { recursive: true });
});

beforeEach(() => rmSync(proof, { force: true }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A working directory in which everything that a JavaScript runtime looks for leads to code of its owner. */
function fill(directory: string): void {
  const code = `require("node:fs").writeFileSync(${JSON.stringify(proof)}, "");\n`;
  const script = join(directory, "early.cjs");
  const toml = `preload = [${JSON.stringify(script)}]\n[test]\npreload = [${JSON.stringify(script)}]\n[run]\nbun = true\n`;
  const variables = `NO_COLOR=1\nKUBERNETES_SERVICE_HOST=192.0.2.1\nBUN_OPTIONS=--preload=${script}\n`;
  const files: Readonly<Record<string, string>> = {
    "early.cjs": code,
    "status.js": code,
    "doctor.ts": code,
    "bunfig.toml": toml,
    ".bunfig.toml": toml,
    ".env": variables,
    ".env.local": variables,
    ".env.production": variables,
    ".env.development": variables,
    "tsconfig.json": JSON.stringify({ compilerOptions: { baseUrl: ".", paths: { "*": ["./early.cjs"] } } }),
    "package.json": JSON.stringify({
      imports: { "#*": "./early.cjs" },
      scripts: { status: "bun early.cjs", doctor: "bun early.cjs" },
    }),
    ".npmrc": "registry=http://192.0.2.1/\n",
    "bun.lockb": "x",
    "bun.lock": "{}",
    "/$bunfs/root/hosa": code,
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(directory, name, ".."), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  for (const name of ["commander", "yaml", "valibot", "picocolors", "bun:ffi", "node:fs"]) {
    mkdirSync(join(directory, "node_modules", name), { recursive: true });
    writeFileSync(join(directory, "node_modules", name, "index.js"), code);
  }
}

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[], cwd = "/", env: Record<string, string> = {}): Ran {
  const { exitCode, stdout, stderr } = Bun.spawnSync([hosa, ...args], { cwd, env, timeout: 20_000 });
  return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** Commands whose output depends on nothing but the program and this host, and what of it to compare. */
const COMMANDS: readonly (readonly string[])[] = [
  ["--version"],
  ["--help"],
  ["config", "show", "-c", "/dev/null"],
  ["config", "check", "-c", "/dev/null", "-o", "json"],
  ["man", "hosa.yaml"],
  ["completion", "zsh"],
  ["explain", "--audit", "/nonexistent/audit.jsonl"],
  ["status", "-c", "/dev/null", "nonsense"],
];

/** What `doctor` finds out about the environment, which variables could forge. */
function environment_found(cwd: string, env: Record<string, string>): unknown {
  const { code, stdout, stderr } = run(["doctor", "-c", "/dev/null", "-o", "json"], cwd, env);
  expect([0, 3], stderr).toContain(code ?? -1);
  const { sections }: { sections: readonly { title: string }[] } = JSON.parse(stdout);
  const found = sections.find(({ title }) => title.startsWith("Quarantine"));
  if (found === undefined) throw new Error("doctor says nothing of the quarantine");
  return found;
}

/** What a command says at home: in / and with no variable. */
const said_at_home = new Map<string, Ran>();

function at_home(args: readonly string[]): Ran {
  const key = args.join(" ");
  const known = said_at_home.get(key) ?? run(args);
  said_at_home.set(key, known);
  return known;
}

describe("a hostile working directory changes nothing", () => {
  for (const kind of ["files", "pipes"]) {
    test.each(COMMANDS.map((args) => [args.join(" "), args] as const))(`${kind}: hosa %s`, (_words, args) => {
      const cwd = join(folder, kind);
      expect(run(args, cwd)).toEqual(at_home(args));
      expect(existsSync(proof)).toBe(false);
    });
  }

  test("what doctor finds is not forged by .env", () => {
    expect(environment_found(join(folder, "files"), {})).toEqual(environment_found("/", {}));
    expect(existsSync(proof)).toBe(false);
  });
});

describe("hostile variables change nothing", () => {
  const hostile = (): Record<string, Record<string, string>> => {
    const files = join(folder, "files");
    const script = join(files, "early.cjs");
    return {
      "BUN_OPTIONS=--preload": { BUN_OPTIONS: `--preload=${script}` },
      "BUN_OPTIONS=-r": { BUN_OPTIONS: `-r ${script}` },
      "BUN_OPTIONS=-e": { BUN_OPTIONS: `-e require(${JSON.stringify(script)})` },
      "BUN_OPTIONS=--config": { BUN_OPTIONS: `--config=${join(files, "bunfig.toml")}` },
      "BUN_OPTIONS=--env-file": { BUN_OPTIONS: `--env-file=${join(files, ".env")}` },
      "BUN_OPTIONS=--help": { BUN_OPTIONS: "--help" },
      "BUN_OPTIONS=--inspect": { BUN_OPTIONS: "--inspect-wait" },
      "BUN_OPTIONS=--cwd": { BUN_OPTIONS: "--cwd=/nonexistent" },
      BUN_INSPECT: { BUN_INSPECT: "127.0.0.1:0?wait=1", BUN_INSPECT_PRELOAD: script },
      BUN_INSPECT_CONNECT_TO: {
        BUN_INSPECT_CONNECT_TO: "unix:///nonexistent",
        BUN_INSPECT_NOTIFY: "unix:///nonexistent",
      },
      BUN_BE_BUN: { BUN_BE_BUN: "1" },
      BUN_JSC: { BUN_JSC_dumpOptions: "2", BUN_JSC_functionOverrides: script },
      "BUN_JSC unknown": { BUN_JSC_noSuchOption: "1" },
      BUN_CONFIG: { BUN_CONFIG_VERBOSE_FETCH: "curl", BUN_CONFIG_REGISTRY: "http://192.0.2.1" },
      BUN_TMPDIR: { BUN_TMPDIR: files, TMPDIR: files, TEMP: files, TMP: files },
      NODE_OPTIONS: { NODE_OPTIONS: `--require ${script}`, NODE_PATH: join(files, "node_modules") },
      NODE_EXTRA_CA_CERTS: { NODE_EXTRA_CA_CERTS: script, SSL_CERT_FILE: script, SSL_CERT_DIR: files },
      NODE_TLS_REJECT_UNAUTHORIZED: { NODE_TLS_REJECT_UNAUTHORIZED: "0", NODE_ENV: "production", NODE_DEBUG: "*" },
      HOME: { HOME: files, XDG_CONFIG_HOME: files, XDG_CACHE_HOME: files, PWD: files, OLDPWD: files, PATH: files },
      proxies: { http_proxy: "http://192.0.2.1", HTTPS_PROXY: "http://192.0.2.1", ALL_PROXY: "x", NO_PROXY: "" },
      locale: { TZ: ":/nonexistent", LOCPATH: files, LANGUAGE: "tr", LC_NUMERIC: "de_DE.UTF-8", ICU_DATA: files },
      linker: {
        LD_LIBRARY_PATH: files,
        LD_BIND_NOW: "1",
        GLIBC_TUNABLES: "glibc.malloc.check=3",
        MALLOC_PERTURB_: "7",
      },
      color: { FORCE_COLOR: "3", CLICOLOR_FORCE: "1" },
    };
  };

  test.each(Object.keys(hostile()))("%s", (name) => {
    const env = hostile()[name]!;
    for (const args of COMMANDS.slice(0, 3)) expect(run(args, join(folder, "files"), env)).toEqual(at_home(args));
    expect(existsSync(proof)).toBe(false);
  });

  test("all of them at once, and what doctor finds", () => {
    const env = Object.assign({}, ...Object.values(hostile()));
    for (const args of COMMANDS) expect(run(args, join(folder, "files"), env)).toEqual(at_home(args));
    expect(environment_found(join(folder, "files"), env)).toEqual(environment_found("/", {}));
    expect(existsSync(proof)).toBe(false);
  });

  test("a library of the same name in LD_LIBRARY_PATH is not loaded", () => {
    const libraries = join(folder, "libraries");
    mkdirSync(libraries);
    const source = join(libraries, "evil.c");
    const body = `open(${JSON.stringify(proof)}, O_CREAT | O_WRONLY, 0600)`;
    writeFileSync(source, `#include <fcntl.h>\n__attribute__((constructor)) static void ran(void) { ${body}; }\n`);
    for (const name of ["libbpf.so.1", "libelf.so.1", "libz.so.1"]) {
      const made = Bun.spawnSync(["gcc", "-shared", "-fPIC", "-o", join(libraries, name), source]);
      expect(made.stderr.toString()).toBe("");
    }
    expect(environment_found("/", { LD_LIBRARY_PATH: libraries })).toEqual(environment_found("/", {}));
    expect(existsSync(proof)).toBe(false);
  });
});
