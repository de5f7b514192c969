/** The built binary where its runtime cannot start: src/entry/ answers in its place. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { getPriority, setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { control_socket } from "../../src/agent/control_socket.ts";
import { parse_config } from "../../src/config/index.ts";
import type { AuditEntry } from "../../src/model/audit.ts";
import type { LedgerEntry } from "../../src/motor/entry.ts";
import { current_boot_id } from "../../src/motor/ledger.ts";
import { take_lock } from "../../src/motor/lock.ts";
import { kernel_processes } from "../../src/motor/processes.ts";
import { built_hosa, ROOT } from "../built.ts";
import { audit_of } from "../cli/audit.ts";
import { expect_document, one_document } from "../cli/schemas.ts";
import { recorded_run } from "../report/episode_fixture.ts";
import { decided } from "../report/fixtures.ts";

const LIMIT_MS = 120_000;
const IS_ROOT = process.getuid?.() === 0;
if (!IS_ROOT) console.error("SKIPPED: needs root to become another user");

let hosa = "";
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hosa-need-"));
  // Other users run it in some cases.
  hosa = join(folder, "hosa");
  cpSync(built_hosa(), hosa);
}, 600_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the runtime cannot start with; this code can. */
const TIGHT = ["prlimit", "--as=200000000"];

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(command: readonly string[], env: Readonly<Record<string, string>> = {}): Ran {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], {
    env: { PATH: process.env["PATH"] ?? "", ...env },
    timeout: 30_000,
  });
  return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** `hosa ARGS` without its runtime. */
function in_need(args: readonly string[], env: Readonly<Record<string, string>> = {}): Ran {
  const ran = run([...TIGHT, hosa, ...args], env);
  expect(ran.stderr).toContain("HOSA answers without its runtime, in short");
  return ran;
}

/** Scratch files in the place of cgroups, and the ledger of an agent that was killed while it held them. */
class Node {
  readonly directory: string;
  readonly config: string;
  readonly entries: LedgerEntry[] = [];

  constructor() {
    this.directory = mkdtempSync(join(folder, "node-"));
    this.config = join(this.directory, "h.yaml");
    mkdirSync(join(this.directory, "run"));
    const places = `motor: {ledger_dir: ${this.directory}/run}\naudit: {path: ${this.directory}/audit.jsonl}\n`;
    writeFileSync(this.config, `${places}learning: {state_dir: ${this.directory}/state}\n`);
  }

  /** A cgroup with one control file, and the entry about it. */
  limit(path: string, file: string, now: string, change: Partial<LedgerEntry> = {}): LedgerEntry {
    const mount = join(this.directory, "cg");
    mkdirSync(`${mount}${path}`, { recursive: true });
    writeFileSync(`${mount}${path}/${file}`, now);
    const cgroup_id = statSync(`${mount}${path}`).ino;
    const entry: LedgerEntry = {
      id: `4711-${this.entries.length + 1}`,
      kind: "file",
      boot_id: current_boot_id(),
      containment: `c${this.entries.length + 1}`,
      rung: "cpu_max",
      target: { cgroup_id, path, pid: null, tid: null, comm: null },
      mount,
      root_id: statSync(mount).ino,
      cgroup_id,
      path,
      file,
      prior: "90000 100000",
      intended: "50000 100000",
      superseded: "50000 100000",
      threads: [],
      ...change,
    };
    this.entries.push(entry);
    return entry;
  }

  /** Lines behind the entries' own. */
  write(...more: readonly object[]): void {
    const lines = [...this.entries.map((entry) => ({ op: "open", entry })), ...more];
    writeFileSync(join(this.directory, "run/ledger.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  }

  read(path: string, file: string): string {
    return readFileSync(join(this.directory, "cg", path, file), "utf8").trim();
  }

  args(...args: readonly string[]): readonly string[] {
    return [...args, "-c", this.config];
  }
}

const IO = { kind: "devices" as const, rung: "io_max" as const };
const LIMITED = "8:0 rbps=1000 wbps=max riops=max wiops=max";

describe("release from the ledger", () => {
  /** Everything that can be undone without the runtime, in every state that it can be found in. */
  function fill(node: Node): void {
    node.limit("/app", "cpu.max", "50000 100000\n");
    node.limit("/app/deeper.slice", "cpu.weight", "100\n", {
      prior: "100",
      intended: "20",
      superseded: "20",
      rung: "cpu_weight",
    });
    node.limit("/drifted", "cpu.max", "70000 100000\n");
    node.limit("/adjusted", "memory.high", "800\n", {
      prior: "max",
      intended: "900",
      superseded: "900",
      rung: "memory_governor",
    });
    node.limit("/behind", "memory.high", "900\n", {
      prior: "max",
      intended: "900",
      superseded: "900",
      rung: "memory_governor",
    });
    node.limit("/frozen", "cgroup.freeze", "1\n", {
      prior: "0",
      intended: "1",
      superseded: "1",
      rung: "freeze",
      until: "release",
    });
    node.limit("/dev-disk-by\\x2did.slice", "cpu.max", "50000 100000\n");
    node.limit("/café", "cpu.max", "50000 100000\n");
    node.limit("/io", "io.max", `${LIMITED}\n`, { ...IO, prior: "", intended: LIMITED, superseded: LIMITED });
    node.limit("/io-theirs", "io.max", "8:0 rbps=7 wbps=max riops=max wiops=max\n", {
      ...IO,
      prior: "",
      intended: LIMITED,
      superseded: LIMITED,
    });
    const gone = node.limit("/gone", "cpu.max", "50000 100000\n");
    const other = node.limit("/another", "cpu.max", "50000 100000\n", { cgroup_id: 1 });
    expect(other.cgroup_id).toBe(1);
    node.limit("/closed", "cpu.max", "50000 100000\n");
    node.limit("/old-boot", "cpu.max", "50000 100000\n", { boot_id: "11111111-2222-3333-4444-555555555555" });
    const named = (path: string): string => node.entries.find((entry) => entry.path === path)!.id;
    node.write(
      { op: "adjust", id: named("/adjusted"), intended: "800" },
      { op: "adjust", id: named("/behind"), intended: "700" },
      { op: "close", id: named("/closed") },
    );
    const mark = node.limit("/", "quarantine", "", {
      kind: "quarantine",
      rung: "quarantine",
      prior: "none",
      intended: "level 5",
      until: "release",
    });
    writeFileSync(
      join(node.directory, "run/ledger.jsonl"),
      `{"op":"open","entry":${JSON.stringify(mark).slice(0, 80)}`,
      { flag: "a" },
    );
    // After the last one is made: a file system of files may give its number away again.
    rmSync(`${gone.mount}/gone`, { recursive: true });
  }

  /** What became of each entry, and of its file. */
  function results(node: Node, stdout: string): unknown {
    const { outcomes, unfinished } = JSON.parse(stdout);
    const statuses = outcomes.map((one: { ledger_id: string; status: string }) => [one.ledger_id, one.status]);
    const cg = join(node.directory, "cg");
    const names = [...new Bun.Glob("**").scanSync({ cwd: cg, onlyFiles: true })].sort();
    const files = names.map((name) => [name, readFileSync(join(cg, name), "utf8").trim()]);
    return { statuses, unfinished, files };
  }

  test(
    "comes to the same as with the runtime, entry by entry and file by file",
    () => {
      const [mine, theirs] = [new Node(), new Node()];
      fill(mine);
      fill(theirs);
      const short = in_need(mine.args("release", "--all", "--yes", "-o", "json"));
      const long = run([hosa, ...theirs.args("release", "--all", "--yes", "-o", "json")]);
      expect(results(mine, short.stdout)).toEqual(results(theirs, long.stdout));
      expect(short.code).toBe(long.code);
      expect_document("release", one_document(short.stdout));
      expect(mine.read("/dev-disk-by\\x2did.slice", "cpu.max")).toBe("90000 100000");
      // Again: what is undone is struck off.
      const again = in_need(mine.args("release", "--all", "--yes"));
      expect(again).toMatchObject({ code: 0, stdout: "nothing to release\n" });
      expect(run([hosa, ...mine.args("release")]).stdout).toBe("nothing to release\n");
      expect(existsSync(join(mine.directory, "run/ledger.lock"))).toBe(false);
    },
    LIMIT_MS,
  );

  test.each([
    [
      ["--id", "c1"],
      [true, false],
    ],
    [
      ["--id", "4711-2"],
      [false, true],
    ],
    [["--target=/app"], [true, false]],
    [
      ["--target", "/batch/"],
      [false, true],
    ],
    [["--quarantine"], [false, true]],
  ])("%j releases that and nothing else", (selector, released) => {
    const node = new Node();
    node.limit("/app", "cpu.max", "50000 100000\n");
    node.limit("/batch", "cpu.max", "50000 100000\n", { until: "release" });
    node.write();
    expect(in_need(node.args("release", ...selector, "--dry-run")).code).toBe(0);
    expect(in_need(node.args("release", ...selector, "--yes")).code).toBe(0);
    const values = ["/app", "/batch"].map((path) => node.read(path, "cpu.max") === "90000 100000");
    expect(values).toEqual(released);
  });

  test("lists without a selector, is a usage error without --yes, refuses a name that nothing bears", () => {
    const node = new Node();
    node.limit("/app", "cpu.max", "50000 100000\n");
    node.write();
    const list = in_need(node.args("release"));
    expect(list.code).toBe(2);
    expect(list.stdout).toBe(
      `  c1, ledger 4711-1  cpu_max  /app\n      ${node.directory}/cg/app/cpu.max: → 90000 100000\n`,
    );
    expect(in_need(node.args("release", "--all"))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("Add --yes"),
    });
    for (const args of [
      ["--id", "c9"],
      ["--target", "/ap"],
    ]) {
      const { code, stdout, stderr } = in_need(node.args("release", ...args, "--yes", "-o", "json"));
      expect(code).toBe(1);
      expect_document("error", one_document(stdout));
      expect(stderr).toContain("nothing is held under the");
    }
    for (const args of [["--yes"], ["--reason", "x"], ["--nosuch"], ["--all", "--id", "c1"]])
      expect(in_need(node.args("release", ...args)).code).toBeGreaterThan(0);
    expect(node.read("/app", "cpu.max")).toBe("50000 100000");
  });

  test("is refused while a running process holds the ledger, and takes over the lock of one that is gone", () => {
    const node = new Node();
    node.limit("/app", "cpu.max", "50000 100000\n");
    node.write();
    const give_back = take_lock(join(node.directory, "run/ledger.lock"), current_boot_id());
    const busy = in_need(node.args("release", "--all", "--yes"));
    expect(busy.code).toBe(1);
    expect(busy.stderr).toContain("a running process holds the ledger");
    expect(node.read("/app", "cpu.max")).toBe("50000 100000");
    give_back();
    const gone = Bun.spawnSync(["true"]);
    run(["ln", "-s", `${gone.pid} 1 ${current_boot_id()}`, join(node.directory, "run/ledger.lock")]);
    expect(in_need(node.args("release", "--all", "--yes")).code).toBe(0);
    expect(node.read("/app", "cpu.max")).toBe("90000 100000");
  });

  test.skipIf(!IS_ROOT)("does not obey a ledger that another user could change", () => {
    const node = new Node();
    node.limit("/app", "cpu.max", "50000 100000\n");
    node.write();
    run(["chown", "65534", join(node.directory, "run")]);
    const { code, stderr } = in_need(node.args("release", "--all", "--yes"));
    expect(code).toBe(1);
    expect(stderr).toContain("another user could change it");
    expect(node.read("/app", "cpu.max")).toBe("50000 100000");
  });

  test("lets stopped processes run again, and gives niceness back", async () => {
    const node = new Node();
    const child = Bun.spawn(["sleep", "1000"]);
    try {
      const { start_ticks } = kernel_processes.thread(child.pid, child.pid)!;
      const identity = { pid: child.pid, tid: child.pid, start_ticks, affinity: null };
      const target = { cgroup_id: 7, path: "/x", pid: child.pid, tid: child.pid, comm: "sleep" };
      setPriority(child.pid, 10);
      child.kill("SIGSTOP");
      node.limit("/x", "nice of thread", "", {
        kind: "nice",
        rung: "cpu_weight",
        prior: "0",
        intended: "10",
        superseded: "10",
        target,
        threads: [{ ...identity, nice: 0 }],
      });
      node.limit("/x", "SIGSTOP of processes", "", {
        kind: "stop",
        rung: "freeze",
        prior: "running",
        intended: "stopped",
        threads: [{ ...identity, nice: null }],
      });
      node.write();
      const { code, stdout } = in_need(node.args("release", "--all", "--yes", "-o", "json"));
      expect(code).toBe(0);
      expect(JSON.parse(stdout).outcomes.map((one: { status: string }) => one.status)).toEqual(["done", "done"]);
      expect(getPriority(child.pid)).toBe(0);
      expect(kernel_processes.thread(child.pid, child.pid)?.state).not.toBe("T");
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
  });

  test("says what it cannot undo, and leaves that for the runtime", () => {
    const node = new Node();
    node.limit("/", "swapfile", "", { kind: "swap", rung: "swap_reserve" });
    node.write();
    const { code, stdout, stderr } = in_need(node.args("release", "--all", "--yes"));
    expect(code).toBe(1);
    expect(stdout).toContain("failed; this needs the runtime");
    expect(stderr).toContain("1 could not be undone yet");
    expect(run([hosa, ...node.args("release")]).code).toBe(2);
  });
});

describe("status and explain", () => {
  test("status: what the ledger holds, as text and as the document of its schema", () => {
    const node = new Node();
    node.limit("/app", "cpu.max", "50000 100000\n");
    node.write();
    const { code, stdout } = in_need(node.args("status"));
    expect(code).toBe(1);
    expect(stdout).toStartWith(
      `agent      none runs\nledger     ${node.directory}/run: 1 left behind; everything: hosa release --all\n`,
    );
    const json = in_need(node.args("status", "-o", "json"));
    expect(json.code).toBe(1);
    expect_document("status", one_document(json.stdout));
  });

  test("explain: the last episode at its height, one record by its id, and what is not there", async () => {
    const directory = mkdtempSync(join(folder, "audit-"));
    const audit = await audit_of(directory, recorded_run());
    const last = in_need(["explain", "--audit", audit]);
    expect(last.code).toBe(0);
    expect(last.stdout).toStartWith("e2  2026-01-02T03:04:05.000Z  action  level 1 vigilance → 2 soft containment\n");
    expect(last.stdout).toContain('  Culprit    /payment.slice thread 102 "cache-filler"\n');
    expect(last.stdout).toContain("  Done       c1: apply thread_hold on /payment.slice: done\n");
    for (const args of [[], ["--last"], ["e0"], ["e3"], ["e22"]]) {
      const { code, stdout } = in_need(["explain", ...args, "--audit", audit, "-o", "json"]);
      expect(code).toBe(0);
      const document = one_document(stdout) as { record: { id: string } };
      expect_document("explain", document);
      expect(document.record.id).toBe(args[0]?.startsWith("e") ? args[0] : "e2");
    }
    for (const [args, text] of [
      [["e99", "--audit", audit], "there is no such record: e99"],
      [["--audit", "/nonexistent/a"], "no such file or directory"],
      [["--timeline", "--audit", audit], "--timeline"],
    ] as const) {
      const { code, stdout, stderr } = in_need(["explain", ...args, "-o", "json"]);
      expect(code).toBe(1);
      expect_document("error", one_document(stdout));
      expect(stderr).toContain(text);
    }
  });

  test("explain finds a record in a part that was rotated out of the way", async () => {
    const directory = mkdtempSync(join(folder, "audit-"));
    const audit = await audit_of(directory, recorded_run());
    cpSync(audit, `${audit}.1`);
    writeFileSync(audit, '{"seq":99,"id":"e99","kind":"note","wall_time":"t","text":"quiet"}\n');
    expect(in_need(["explain", "--audit", audit]).stdout).toStartWith("e2  ");
    expect(in_need(["explain", "e99", "--audit", audit]).stdout).toContain("quiet");
  });

  test("names from outside move no cursor; without UTF-8 everything is ASCII", async () => {
    const directory = mkdtempSync(join(folder, "audit-"));
    const { input, decision } = decided();
    const hostile = '\x1b[31m\u202e\u009b日本\u{1f44d}\\"\n';
    const entry: AuditEntry = {
      kind: "transition",
      t_ns: 1e9,
      input,
      decision: { ...decision, rule: `θ2 ${hostile}`, culprit: { ...decision.culprit!, path: hostile, comm: hostile } },
    };
    const audit = await audit_of(directory, [entry]);
    const shown = in_need(["explain", "--audit", audit]).stdout;
    expect(shown).toContain('θ2 \\u001b[31m\\u202e\\u009b日本👍\\"\\n');
    const ascii = in_need(["explain", "--audit", audit], { LC_ALL: "C" });
    expect(/[^\n\x20-\x7e]/.exec(ascii.stdout + ascii.stderr)).toBeNull();
    expect(ascii.stdout).toContain("theta2 \\u001b[31m\\u202e\\u009b\\u65e5\\u672c\\ud83d\\udc4d");
  });

  test(
    "whatever stands in a ledger or an audit, it ends by itself",
    () => {
      const node = new Node();
      const audit = join(node.directory, "audit.jsonl");
      const piece = fc.constantFrom(
        '{"op":"open","entry":',
        '{"id":"',
        '"',
        "\\",
        "\\u",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        '"kind":"action"',
        '"decision":{"level":2}',
        "\n",
        "\0",
        "é",
        "9".repeat(40),
      );
      fc.assert(
        fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
          writeFileSync(join(node.directory, "run/ledger.jsonl"), pieces.join(""));
          writeFileSync(audit, pieces.join(""));
          for (const args of [["status"], ["explain"], ["release", "--all", "--yes"]]) {
            const { code } = in_need(node.args(...args));
            expect([0, 1, 2]).toContain(code);
          }
        }),
        { numRuns: 40 },
      );
    },
    LIMIT_MS,
  );
});

describe("the configuration", () => {
  test.each([
    ["in braces", "motor: {ledger_dir: /a/b, enabled: true}\ncontrol: {socket: '/s'}\n"],
    ["in lines", "# all\nmotor:\n  enabled: false   # off\n  ledger_dir: /a/b  # here\nlog:\n  level: info\n"],
    ["quoted", 'motor:\n    ledger_dir: "/a b/c"\naudit: { path: "/x/y, z" }\n'],
    ["with lists between", "protect: [/a, /b]\nmotor: {rungs: [freeze, cpu_max], ledger_dir: /a/b}\n"],
    ["a list of mappings", "hooks:\n  pre:\n    - command: [/bin/true]\nmotor:\n  ledger_dir: /a/b\n"],
    ["nothing of it", "beat: {period_ms: 100}\n"],
    ["an empty file", ""],
  ])("%s is read as the runtime reads it", (_name, yaml) => {
    const file = join(mkdtempSync(join(folder, "config-")), "h.yaml");
    writeFileSync(file, yaml);
    const config = parse_config(yaml, file);
    const { ledger_dir } = JSON.parse(in_need(["status", "-o", "json", "-c", file]).stdout);
    expect(ledger_dir).toBe(config.motor.ledger_dir);
    expect(in_need(["explain", "-c", file]).stderr).toContain(config.audit.path);
    expect(control_socket(config)).not.toBe("");
  });

  test("the example of the package is read to its defaults", () => {
    const file = join(ROOT, "hosa.example.yaml");
    const { stdout, stderr } = in_need(["status", "-c", file]);
    expect(stdout).toContain("/run/hosa");
    expect(stderr).not.toContain("warn:");
  });

  test("what cannot be read is said; a file that is not there is an error", () => {
    const file = join(mkdtempSync(join(folder, "config-")), "h.yaml");
    writeFileSync(file, "motor: &m\n  ledger_dir: /a\n");
    expect(in_need(["status", "-c", file]).stderr).toContain("the section motor cannot be read without the runtime");
    expect(in_need(["status", "-c", "/nonexistent/h.yaml"])).toMatchObject({ code: 2 });
  });
});

describe("limits", () => {
  const AS_NOBODY = ["setpriv", "--reuid", "64999", "--clear-groups"];

  test.skipIf(!IS_ROOT).each([1, 2, 3, 4, 8])(
    "a user who may have %i processes: status, explain and release answer",
    async (limit) => {
      const directory = mkdtempSync(join(folder, "audit-"));
      const audit = await audit_of(directory, recorded_run());
      run(["chmod", "-R", "a+rX", folder]);
      for (const args of [["status"], ["explain", "--audit", audit], ["release", "--all", "--yes"]]) {
        const { code, stdout, stderr } = run([...AS_NOBODY, "prlimit", `--nproc=${limit}`, hosa, ...args]);
        expect([0, 1]).toContain(code);
        expect(stdout).not.toBe("");
        expect(stderr).toStartWith("info: no new thread can be started (pids.max, RLIMIT_NPROC,");
      }
      const { code, stderr } = run([...AS_NOBODY, "prlimit", "--nproc=1", hosa, "doctor"]);
      expect(code).toBe(1);
      expect(stderr).toStartWith("error: HOSA cannot start here: no new thread can be started");
    },
  );

  test.each([
    ["--nofile=4", "it may not open enough files"],
    ["--nofile=16", "it may not open enough files"],
    ["--as=130000000", "it may not use enough address space"],
    ["--data=8000000", "it may not use enough address space"],
  ])("%s: release answers, and says why it is short", (limit, why) => {
    const node = new Node();
    node.limit("/app", "cpu.max", "50000 100000\n");
    node.write();
    const { code, stderr } = run(["prlimit", limit, hosa, ...node.args("release", "--all", "--yes")]);
    expect(stderr).toStartWith(`info: ${why}`);
    expect(code).toBe(0);
    expect(node.read("/app", "cpu.max")).toBe("90000 100000");
  });

  test("where nothing is tight the runtime answers, as before", () => {
    const node = new Node();
    const { stderr } = run([hosa, ...node.args("status")]);
    expect(stderr).toBe("");
  });

  test("a device that is full is an exit code", () => {
    const node = new Node();
    const { code } = run(["sh", "-c", `exec ${TIGHT.join(" ")} ${hosa} ${node.args("release").join(" ")} >/dev/full`]);
    expect(code).toBe(1);
  });
});
