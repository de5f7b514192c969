import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Setting } from "../../../src/model/containment.ts";
import {
  apply,
  expect_equal,
  LEDGER_DIR,
  MOUNT,
  motor,
  now_ns,
  Service,
  snapshot,
  wait_until,
} from "../motor-guest/world.ts";

const HOSA = process.env.NEED_HOSA ?? "/job/hosa";
const CONFIG = "/tmp/need.yaml";
/** A cgroup whose only process has become hosa, and what of it is tight. */
const TIGHT: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  "pids.max 1": [["pids.max", "1"]],
  "memory.max 6 MiB": [
    ["memory.max", String(6 << 20)],
    ["memory.swap.max", "0"],
  ],
  "both, and 8 descriptors": [
    ["pids.max", "1"],
    ["memory.max", String(6 << 20)],
    ["memory.swap.max", "0"],
  ],
};

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `hosa ARGS` in place of a shell that has nothing left: no new process, no new thread. `before` is a builtin of that shell. */
function tight(name: string, args: readonly string[], before = ""): Ran {
  const path = "/tight";
  mkdirSync(`${MOUNT}${path}`, { recursive: true });
  for (const [file, value] of [["pids.max", "max"], ["memory.max", "max"], ...(TIGHT[name] ?? [])] as const) {
    if (existsSync(`${MOUNT}${path}/${file}`)) writeFileSync(`${MOUNT}${path}/${file}`, value);
  }
  const descriptors = name.includes("descriptors") ? "ulimit -n 8; " : "";
  const script = `echo $$ > ${MOUNT}${path}/cgroup.procs; ${descriptors}${before}exec ${HOSA} "$@" -c ${CONFIG}`;
  const { exitCode, signalCode, stdout, stderr } = Bun.spawnSync(["sh", "-c", script, "sh", ...args]);
  if (signalCode !== undefined) throw new Error(`${name}: hosa ${args.join(" ")} was killed by ${signalCode}`);
  const ran = { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  if (!ran.stderr.includes("HOSA answers without its runtime")) throw new Error(`${name}: ${JSON.stringify(ran)}`);
  return ran;
}

const HELD: readonly (readonly [string, Setting])[] = [
  ["thread_hold", { rung: "thread_hold", frozen: true }],
  ["memory_governor", { rung: "memory_governor", high_bytes: 1 << 30 }],
  ["cpu_weight", { rung: "cpu_weight", weight: 20 }],
  ["cpu_max", { rung: "cpu_max", quota_us: 20_000, period_us: 100_000 }],
  ["freeze", { rung: "freeze", frozen: true }],
];

/** A motor does this and dies; its ledger is all that is left. */
function left_behind(service: Service, setting: Setting): void {
  const acting = motor();
  const target = setting.rung === "thread_hold" ? service.target : service.cgroup_target;
  const { status, detail } = acting.perform(apply("c1", target, setting), now_ns());
  if (!["done", "pending"].includes(status)) throw new Error(`apply ${setting.rung}: ${status} ${detail}`);
  if (status === "pending")
    wait_until("the freezer confirms", () => acting.poll(now_ns()).some((one) => one.status === "done"));
  // In life the lock's process would be gone.
  rmSync(`${LEDGER_DIR}/ledger.lock`, { force: true });
}

function released_from_ledger(name: string, setting: Setting): string {
  const service = new Service("/leaf");
  try {
    const before = snapshot(service.path);
    left_behind(service, setting);
    expect_equal("status", tight(name, ["status"]).code, 1);
    const { code, stdout } = tight(name, ["release", "--all", "--yes", "-o", "json"]);
    const { outcomes, unfinished } = JSON.parse(stdout);
    expect_equal(`outcomes ${JSON.stringify(outcomes)}`, [code, unfinished, outcomes.length], [0, 0, 1]);
    service.expect_leak_runs();
    expect_equal("files after", snapshot(service.path), before);
    expect_equal("again", tight(name, ["release", "--all", "--yes"]).stdout, "nothing to release\n");
    return outcomes[0].detail;
  } finally {
    service.end();
  }
}

/** The whole node may have no more threads: only what runs already may become something else. */
function no_threads_on_the_node(): string {
  const service = new Service("/leaf");
  const file = "/proc/sys/kernel/threads-max";
  const before = readFileSync(file, "latin1").trim();
  try {
    const files = snapshot(service.path);
    left_behind(service, { rung: "thread_hold", frozen: true });
    const running = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).length;
    const { code, stderr } = tight("nothing", ["release", "--all", "--yes"], `echo 21 > ${file}; `);
    expect_equal(`release: ${stderr}`, code, 0);
    writeFileSync(file, before);
    service.expect_leak_runs();
    expect_equal("files after", snapshot(service.path), files);
    return `${running} processes, threads-max 21`;
  } finally {
    writeFileSync(file, before);
    service.end();
  }
}

/** An emulated processor takes its time to start the runtime, and to learn. */
function wait_long(what: string, condition: () => boolean): void {
  const limit_ms = performance.now() + 150_000;
  while (!condition()) {
    if (performance.now() > limit_ms) throw new Error(`waited too long for: ${what}`);
    Bun.sleepSync(200);
  }
}

/** An agent that acts, of a service that leaks: everything is asked of it through its socket. */
function through_the_agent(): string {
  mkdirSync(`${MOUNT}/agent`, { recursive: true });
  const agent = Bun.spawn([
    "sh",
    "-c",
    `echo $$ > ${MOUNT}/agent/cgroup.procs; exec ${HOSA} run -c ${CONFIG} >/tmp/agent.log 2>&1`,
  ]);
  let service: Service | null = null;
  try {
    wait_long("the agent listens", () => existsSync(`${LEDGER_DIR}/hosa.sock`));
    const names = Object.keys(TIGHT);
    for (const name of names) {
      const status = JSON.parse(tight(name, ["status", "-o", "json"]).stdout);
      expect_equal("running", [status.running, status.pid], [true, agent.pid]);
    }
    wait_long("the node is known", () => JSON.parse(tight(names[0]!, ["status", "-o", "json"]).stdout).warm === true);
    service = new Service("/leaf", 163_840);
    // Its end is near enough to be acted on, young as it is.
    writeFileSync(`${MOUNT}/leaf/memory.max`, String(128 << 20));
    const held = (): readonly { readonly rung: string }[] =>
      JSON.parse(tight(names[0]!, ["status", "-o", "json"]).stdout).held;
    wait_long("something is held", () => held().length > 0);
    const what = held()
      .map(({ rung }) => rung)
      .join(", ");
    const said = tight(names[1]!, ["explain"]).stdout;
    if (!said.includes("/leaf")) throw new Error(`explain: ${said}`);
    const { code, stdout, stderr } = tight(names[2]!, ["release", "--all", "--yes", "-o", "json"]);
    expect_equal(`release: ${stdout} ${stderr}`, [code, JSON.parse(stdout).selected.length > 0], [0, true]);
    wait_long("nothing is held", () => held().length === 0);
    service.expect_leak_runs();
    return `held: ${what}; ${said.split("\n")[0]}`;
  } catch (error) {
    const log = existsSync("/tmp/agent.log") ? readFileSync("/tmp/agent.log", "utf8").slice(-2000) : "";
    const seen = tight("pids.max 1", ["explain"]).stdout + tight("pids.max 1", ["status"]).stdout;
    throw new Error(`${error instanceof Error ? error.message : String(error)}; the agent said: ${log}; ${seen}`);
  } finally {
    agent.kill("SIGKILL");
    service?.end();
    rmSync(`${LEDGER_DIR}/ledger.lock`, { force: true });
    tight("pids.max 1", ["release", "--all", "--yes"]);
  }
}

function attempt(name: string, run: () => string): { name: string; ok: boolean; detail: string } {
  try {
    const result = { name, ok: true, detail: run() };
    console.log(`ok   ${name}: ${result.detail}`);
    return result;
  } catch (error) {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    console.log(`FAIL ${name}: ${detail}`);
    return { name, ok: false, detail };
  }
}

const quick = "act: {warmup_cgroup_s: 0, ttf_horizon_s: 600}\nlearning: {warmup_s: 10, state_dir: /tmp/state}\n";
const places = `motor: {ledger_dir: ${LEDGER_DIR}}\naudit: {path: /tmp/audit.jsonl}\nreserve: {path: ""}\n`;
writeFileSync(CONFIG, `${quick}${places}thresholds: {mode: fixed, fixed: [3, 5, 7, 9]}\n`);
const results = Object.keys(TIGHT).flatMap((name) =>
  HELD.map(([rung, setting]) => attempt(`${name}: ${rung} from the ledger`, () => released_from_ledger(name, setting))),
);
results.push(attempt("no threads on the node", no_threads_on_the_node));
results.push(attempt("through an agent that acts", through_the_agent));
writeFileSync(`${process.env.NEED_OUT ?? "/out"}/report.json`, JSON.stringify(results));
