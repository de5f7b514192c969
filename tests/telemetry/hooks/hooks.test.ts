import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, parse_config } from "../../../src/config/index.ts";
import type { HookEntry } from "../../../src/model/audit.ts";
import { Hooks } from "../../../src/telemetry/hooks/index.ts";
import { OUTPUT_BYTES_MAX } from "../../../src/telemetry/hooks/process.ts";
import { action, beat } from "./calls.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "hosa-hooks-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const turn_of_the_loop = () => new Promise<void>((resolve) => setImmediate(resolve));
const config = (text: string): Config["hooks"] => parse_config(`hooks: ${text}`, "f").hooks;
const sh = (script: string, more = "") => `{command: [/bin/sh, -c, ${JSON.stringify(script)}]${more}}`;

/** Hooks with a clock of their own, and all they recorded and said. */
function open(text: string, dry_run = false) {
  const recorded: HookEntry[] = [];
  const said: string[] = [];
  const time = { now_ns: 0 };
  const hooks = new Hooks({
    hooks: config(text),
    node: "node-1",
    dry_run,
    clock: () => time.now_ns,
    pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    record: (entry) => recorded.push(entry),
    on_message: (level, message) => said.push(`${level}: ${message}`),
  });
  const until = async (over: () => boolean): Promise<void> => {
    while (!over()) {
      hooks.turn(time.now_ns);
      await turn_of_the_loop();
    }
  };
  return { hooks, recorded, said, time, until, idle: () => until(() => !hooks.busy) };
}

const file = (name: string) => join(directory, name);
const text_of = (name: string) => (existsSync(file(name)) ? readFileSync(file(name), "utf8") : "");

describe("a hook", () => {
  test("is told what is done by its environment and one line of JSON, and nothing of the agent's own environment", async () => {
    const { hooks, recorded, idle } = open(`{pre: [${sh(`env > ${file("env")}; cat > ${file("json")}`)}]}`);
    hooks.noticed(beat(2, [action("c1")]));
    expect(recorded).toEqual([]);
    await idle();
    const names = text_of("env")
      .split("\n")
      .map((line) => line.split("=", 1)[0]!)
      .filter((name) => !name.startsWith("HOSA_"));
    expect(names.filter((name) => !["", "PATH", "LANG", "PWD", "SHLVL", "OLDPWD", "_"].includes(name))).toEqual([]);
    expect(text_of("env")).toContain("HOSA_ACTION_ID=c1\n");
    expect(JSON.parse(text_of("json"))).toMatchObject({ v: 1, event: "decided", target: { path: "/leaky.service" } });
    expect(recorded).toMatchObject([
      { kind: "hook", hook: "pre 1", event: "decided", action_id: "c1", result: { exit: 0, signal: null, output: "" } },
    ]);
  });

  test("that fails is said with its status and the beginning of what it said", async () => {
    const { hooks, recorded, said, idle } = open(`{post: [${sh("echo no space >&2; exit 3")}]}`);
    hooks.noticed(beat(2, [action("c1")]));
    await idle();
    expect(recorded[0]!.result).toMatchObject({ exit: 3, output: "no space\n" });
    expect(said.join()).toMatch(/warn: hook post 1 \(\/bin\/sh\) for c1 applied: exit 3 after \d+ ms: no space/);
  });

  test("that talks without end is not listened to for ever", async () => {
    const { hooks, recorded, idle } = open(`{pre: [${sh("exec yes")}]}`);
    hooks.noticed(beat(2, [action("c1")]));
    await idle();
    const { output } = recorded[0]!.result;
    expect(output.slice(0, OUTPUT_BYTES_MAX)).toBe("y\n".repeat(OUTPUT_BYTES_MAX / 2));
    expect(output.slice(OUTPUT_BYTES_MAX)).not.toStartWith("y\n");
    expect(recorded[0]!.result.exit).not.toBe(0);
    expect(recorded[0]!.result.output_cut).toBe(true);
    expect(hooks.lost).toEqual({ runs: 0, outputs: 1 });
  });

  test("that hangs is killed at its deadline, with everything it started", async () => {
    const script = `sleep 1000 & echo $! > ${file("child")}; wait`;
    const { hooks, recorded, said, time, until, idle } = open(`{pre: [${sh(script, ", timeout_s: 5")}]}`);
    hooks.noticed(beat(2, [action("c1")]));
    await until(() => text_of("child").endsWith("\n"));
    time.now_ns = 4.9e9;
    hooks.turn(time.now_ns);
    expect(recorded).toEqual([]);
    time.now_ns = 5e9;
    await idle();
    expect(recorded[0]!.result).toMatchObject({ exit: null, signal: "SIGKILL", timed_out: true, duration_ms: 5000 });
    expect(said.join()).toContain("killed at its deadline");
    await gone(Number(text_of("child")));
  });

  test("leaves nothing behind in the background", async () => {
    const { hooks, idle } = open(`{pre: [${sh(`sleep 1000 >/dev/null 2>&1 & echo $! > ${file("child")}`)}]}`);
    hooks.noticed(beat(2, [action("c1")]));
    await idle();
    await gone(Number(text_of("child")));
  });

  test("that cannot be begun is recorded, and its program is looked at each time", async () => {
    const { hooks, recorded, said, idle } = open("{pre: [{command: [/nowhere/hook]}, {command: [/etc/passwd]}]}");
    hooks.noticed(beat(2, [action("c1")]));
    await idle();
    expect(recorded.map(({ result }) => result.trouble)).toEqual([
      "not run: /nowhere/hook does not exist",
      "not run: /etc/passwd is not executable",
    ]);
    const not_run = { ok: 0, failed: 0, late: 0, not_run: 1 };
    expect(hooks.figures).toEqual({
      hooks: [
        { hook: "pre 1", runs: not_run },
        { hook: "pre 2", runs: not_run },
      ],
      dropped: 0,
    });
    expect(said).toHaveLength(2);
  });

  test("is no favourite of the OOM killer's like the agent, and preempts nobody", async () => {
    const script = `until chrt -p $$ | grep -q SCHED_BATCH; do sleep 0.01; done; cat /proc/self/oom_score_adj`;
    const { hooks, recorded, idle } = open(`{pre: [${sh(script)}]}`);
    hooks.noticed(beat(2, [action("c1")]));
    await idle();
    expect(recorded[0]!.result.output).toBe("0\n");
  });
});

/** A killed process may stay for a moment as a zombie of whoever adopts it. */
async function gone(pid: number): Promise<void> {
  expect(pid).toBeGreaterThan(1);
  const runs = () => {
    try {
      return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
    } catch {
      return false;
    }
  };
  while (runs()) await turn_of_the_loop();
}

describe("hooks", () => {
  test("run in order: the one before an action ends before the one after it begins", async () => {
    const log = file("log");
    const pre = sh(`echo begin $HOSA_EVENT >> ${log}; cat > /dev/null; echo end $HOSA_EVENT >> ${log}`);
    const post = sh(`echo begin $HOSA_EVENT >> ${log}; echo end $HOSA_EVENT >> ${log}`);
    const { hooks, idle } = open(`{pre: [${pre}], post: [${post}], at_once: 4}`);
    hooks.noticed(beat(2, [action("c1")]));
    hooks.noticed(beat(2, [], [{ id: "c1", verdict: "effective", detail: "" }]));
    hooks.noticed(beat(1, [action("c1", "release")]));
    await idle();
    const events = ["decided", "applied", "judged", "released"];
    expect(text_of("log").trim().split("\n")).toEqual(events.flatMap((event) => [`begin ${event}`, `end ${event}`]));
  });

  test("run at most so many at a time, and at most one is started in a turn", async () => {
    const script = `echo x >> ${file("begun")}; until [ -e ${file("go")} ]; do sleep 0.01; done`;
    const { hooks, recorded, until, idle } = open(`{pre: [${sh(script)}], at_once: 2}`);
    for (const id of ["a", "b", "c"]) hooks.noticed(beat(2, [action(id)]));
    await until(() => text_of("begun") === "x\nx\n");
    for (let i = 0; i < 50; i++) {
      hooks.turn(0);
      await turn_of_the_loop();
    }
    expect(text_of("begun")).toBe("x\nx\n");
    await Bun.write(file("go"), "");
    await idle();
    expect(recorded.map(({ action_id }) => action_id).sort()).toEqual(["a", "b", "c"]);
  });

  test("are run from their level up, and hear of the end of what they heard of", async () => {
    const { hooks, recorded, idle } = open(`{post: [${sh("true", ", min_level: 3")}, ${sh("true")}]}`);
    hooks.noticed(beat(2, [action("c1")]));
    hooks.noticed(beat(3, [action("c2")]));
    hooks.noticed(beat(1, [action("c2", "release")]));
    await idle();
    const first = recorded.filter(({ hook }) => hook === "post 1").map((one) => `${one.action_id} ${one.event}`);
    expect(first).toEqual(["c2 applied", "c2 released"]);
    expect(recorded.filter(({ hook }) => hook === "post 2")).toHaveLength(3);
  });

  test("of what is only recorded run when they notify, are told so, and else are named", async () => {
    const told = sh(`echo $HOSA_EVENT $HOSA_STATUS $HOSA_ACTS >> ${file("told")}`, ", notifies: true");
    const { hooks, said, idle } = open(`{pre: [${told}], post: [${told}, ${sh(`touch ${file("acted")}`)}]}`);
    hooks.noticed(beat(2, [action("c1")], [], "would_do"));
    await idle();
    expect(text_of("told").trim().split("\n").toSorted()).toEqual(["applied would_do false", "decided false"]);
    expect(existsSync(file("acted"))).toBe(false);
    expect(said).toContain("info: would do: run hook post 2 (/bin/sh) for c1 applied");
    hooks.noticed(beat(2, [action("c2")]));
    await idle();
    expect(text_of("told")).toContain("applied done true");
    expect(existsSync(file("acted"))).toBe(true);
  });

  test("of a dry run are named and not run", async () => {
    const { hooks, recorded, said } = open(`{pre: [${sh(`touch ${file("run")}`)}]}`, true);
    hooks.noticed(beat(2, [action("c1")]));
    expect(hooks.busy).toBe(false);
    hooks.turn(0);
    expect(said).toEqual(["info: would do: run hook pre 1 (/bin/sh) for c1 decided"]);
    expect(recorded).toEqual([]);
    expect((await hooks.last_word(beat(5), 0)).any).toBe(false);
    expect(recorded).toEqual([]);
    expect(text_of("run")).toBe("");
  });

  test("can be others after a reload, and what waits is still run as it was", async () => {
    const { hooks, recorded, idle } = open(`{pre: [${sh("exit 4")}]}`);
    hooks.noticed(beat(2, [action("c1")]));
    hooks.reconfigure(config(`{post: [${sh("exit 5")}]}`));
    hooks.noticed(beat(2, [action("c2")]));
    await idle();
    const became = recorded.map((one) => `${one.hook} ${one.action_id} ${one.result.exit}`).sort();
    expect(became).toEqual(["post 1 c2 5", "pre 1 c1 4"]);
  });

  test("too many at once are left out, and that is said", () => {
    const { hooks, said } = open(`{pre: [${sh("true")}]}`);
    for (let i = 0; i < 20; i++) hooks.noticed(beat(2, [action(`c${i}`)]));
    expect(said.filter((line) => line.includes("is left out: too many wait"))).toHaveLength(4);
  });

  test("have the last word before a quarantine, past the queue", async () => {
    const script = `[ $HOSA_EVENT = quarantine ] && echo $HOSA_REASON`;
    const { hooks, recorded } = open(`{pre: [${sh(script)}, {command: [/nowhere/hook]}], at_once: 1}`);
    const { any, detail } = await hooks.last_word(beat(5), 60_000);
    expect(any).toBe(true);
    expect(detail).toBe("hook pre 1: exit 0; hook pre 2: not run: /nowhere/hook does not exist");
    expect(recorded.map(({ result }) => result.output).sort()).toEqual(["", "D̄ 4.50 > θ2 4.00\n"]);
  });

  test("that hang do not keep the network open, nor the agent from ending", async () => {
    const { hooks, recorded } = open(`{pre: [${sh("exec sleep 1000")}]}`);
    expect(await hooks.last_word(beat(5), 0)).toEqual({ any: false, detail: "hook pre 1: still runs" });
    hooks.noticed(beat(5, [action("c1")]));
    await hooks.close();
    expect(recorded).toMatchObject([{ result: { signal: "SIGKILL", timed_out: false } }]);
    expect(hooks.busy).toBe(false);
  });

  test("that wait at the end are run", async () => {
    const { hooks, recorded } = open(`{post: [${sh("true")}], at_once: 1}`);
    hooks.noticed(beat(2, [action("c1")]));
    hooks.undone(beat(2, [action("c1", "release")]).outcomes, 2, "hosa ends", "2027-01-15T08:00:00.000Z");
    await hooks.drain();
    expect(recorded.map(({ event }) => event)).toEqual(["applied", "released"]);
    await hooks.close();
  });
});
