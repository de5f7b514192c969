import { expect, test } from "bun:test";
import { Beat, type BeatResult } from "../../src/agent/beat.ts";
import { ContainmentWatch } from "../../src/agent/containment_watch.ts";
import { AgentControl } from "../../src/agent/control.ts";
import { control_socket } from "../../src/agent/control_socket.ts";
import { EpisodeLog } from "../../src/agent/episode_log.ts";
import { OwnStall } from "../../src/agent/own_stall.ts";
import { replay } from "../../src/agent/replay.ts";
import { type Config, parse_config } from "../../src/config/index.ts";
import { Cortex } from "../../src/cortex/cortex.ts";
import { monotonic_ns } from "../../src/ffi/libc.ts";
import type { AuditEntry } from "../../src/model/audit.ts";
import type { Outcome } from "../../src/model/containment.ts";
import type { AgentStatus, ReleaseReply, Selector } from "../../src/model/control.ts";
import type { Level } from "../../src/model/level.ts";
import type { CgroupMotor } from "../../src/motor/motor.ts";
import { outcome_of_undo } from "../../src/motor/outcome.ts";
import { entry_of } from "../../src/motor/quarantine/context.ts";
import { ControlClient } from "../../src/telemetry/control/client.ts";
import { CONFIG, search } from "../decision/fixtures.ts";
import { Setup } from "../motor/setup.ts";
import { DIMENSIONS, NO_WATCH, node, WARMUP_S } from "./node.ts";

const patient = new AbortController().signal;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** An agent on an invented node and a kernel in memory, with a real ledger and a real socket; the test beats it. */
class Agent implements Disposable {
  readonly setup = new Setup();
  readonly before: string;
  readonly config: Config;
  readonly motor: CgroupMotor;
  readonly beat: Beat;
  readonly control: AgentControl;
  readonly entries: AuditEntry[] = [];
  readonly episodes = new EpisodeLog();
  flushed = 0;
  /** What the keeper of a quarantine says became of it. */
  left: readonly Outcome[] = [];

  /** @param level the node's level as a predecessor left it */
  constructor(level: Level = 0) {
    const { kernel, ledger_dir } = this.setup;
    const id = kernel.add_cgroup("/payment.slice");
    for (const tid of [100, 101, 102]) kernel.add_thread(tid, 100, "/payment.slice");
    this.before = kernel.snapshot();
    this.config = parse_config(`motor: {ledger_dir: ${ledger_dir}}`, "test");
    this.motor = this.setup.motor();
    const samples = node(1, 60, id);
    this.beat = new Beat({
      sense: () => samples.next().value ?? null,
      search_threads: () => search(0.95, { cgroup_id: id }),
      cortex: new Cortex(DIMENSIONS, {
        warmup_s: WARMUP_S,
        half_life_s: 3600,
        lambda: 1e-3,
        thresholds: "learned",
        budgets: { vigilance_per_s: 1 / 3600, intervention_per_s: 1 / 2.6e6 },
        opinions: null,
      }),
      config: CONFIG,
      motor: this.motor,
      watch: new ContainmentWatch(NO_WATCH, false),
      own_stall: new OwnStall({ stall_some_us: () => 0, leave: () => {} }),
      record: (entry) => this.entries.push(JSON.parse(JSON.stringify(entry))),
      level_found: level,
      episodes: this.episodes,
    });
    this.control = new AgentControl({
      config: this.config,
      motor: this.motor,
      beat: this.beat,
      episodes: this.episodes,
      record: (entry) => this.entries.push(entry),
      flush_audit: async () => {
        this.flushed++;
      },
      warmup: () => null,
      audit: () => ({ trouble: null, lost: 0 }),
      figures: () => {
        const none = { p50: 0, p99: 0 };
        return { count: 0, period_ms: 100, cost_us: none, delay_us: none, interval_us: none };
      },
      quarantine_left: async () => this.left,
      node: "test",
      version: "0",
    });
  }

  step(): BeatResult {
    const result = this.beat.step();
    if (result === null) throw new Error("the node has ended");
    this.control.noticed(result);
    return result;
  }

  /** Beats until the leaking thread is held. */
  until_held(): void {
    for (let count = 0; count < 700 && this.motor.held().length === 0; count++) this.step();
  }

  /** Serves the socket, and beats when `beats` says so, until the work is done. */
  async while_served<T>(work: Promise<T>, beats = true): Promise<T> {
    let settled = false;
    const ended = work.finally(() => {
      settled = true;
    });
    for (let count = 0; !settled; count++) {
      this.control.turn(monotonic_ns() + count * 1e9, true, 100);
      if (beats && count % 50 === 49) this.step();
      await turn();
    }
    return await ended;
  }

  async connect(): Promise<ControlClient> {
    return (await ControlClient.connect(control_socket(this.config), turn))!;
  }

  async release(client: ControlClient, select: Selector, more: object = {}): Promise<ReleaseReply> {
    const answer: unknown = await this.while_served(client.ask({ op: "release", select, ...more }, patient));
    return answer as ReleaseReply;
  }

  [Symbol.dispose](): void {
    this.control.close("test ends");
    this.motor.close();
    this.setup[Symbol.dispose]();
  }
}

test("a held thread is released through the socket, exactly, and is not held again at the next beats", async () => {
  using agent = new Agent();
  agent.until_held();
  expect(agent.motor.held()).toMatchObject([{ id: "c1", rung: "thread_hold" }]);
  expect(agent.setup.kernel.snapshot()).not.toBe(agent.before);
  using client = await agent.connect();
  const reply = await agent.release(client, { id: "c1" }, { reason: "the cache may fill" });
  expect(reply.outcomes).toMatchObject([{ id: "c1", verb: "release", status: "done", rung: "thread_hold" }]);
  expect(reply.cooldown_s).toBe(600);
  expect(agent.setup.kernel.snapshot()).toBe(agent.before);
  let harmful = 0;
  for (let count = 0; count < 100; count++) {
    const { decision } = agent.step();
    if (decision.harm.present) harmful++;
    expect(decision.actions).toEqual([]);
  }
  expect(harmful).toBeGreaterThan(50);
  expect(agent.setup.kernel.snapshot()).toBe(agent.before);
});

test("the record of the release decides the same again, and says who asked and why", async () => {
  using agent = new Agent();
  agent.until_held();
  using client = await agent.connect();
  await agent.release(client, { all: true }, { reason: "the cache may fill" });
  for (let count = 0; count < 20; count++) agent.step();
  const decided = agent.entries.filter((entry) => entry.kind === "action" || entry.kind === "transition");
  for (const entry of decided) expect(replay(entry)).toEqual({ identical: true, difference: "" });
  const [released] = decided.filter((entry) => entry.decision.actions.some((action) => action.verb === "release"));
  const by = { uid: process.getuid!(), pid: process.pid };
  expect(released!.input.assessment.releases).toMatchObject([{ by, reason: "the cache may fill", ids: ["c1"] }]);
  expect(released!.decision.actions[0]!.reason).toContain("the cache may fill");
});

test("a dry run shows and changes nothing; an unknown id changes nothing and names those that exist", async () => {
  using agent = new Agent();
  agent.until_held();
  const held = agent.setup.kernel.snapshot();
  using client = await agent.connect();
  const dry = await agent.release(client, { all: true }, { dry_run: true });
  expect(dry).toMatchObject({ outcomes: [], selected: [{ id: "c1" }] });
  const unknown = await agent.release(client, { id: "c9" });
  expect(unknown).toMatchObject({ outcomes: [], selected: [], known: ["c1"] });
  expect(agent.setup.kernel.snapshot()).toBe(held);
});

test("a quarantine is left by the decision, and the answer waits for what its keeper undoes", async () => {
  using agent = new Agent(5);
  while (agent.beat.state === null) agent.beat.step();
  expect(agent.step().decision.level).toBe(5);
  const about = { id: 3, path: "eth1", file: "link" };
  const entry = agent.motor.ledger.open(entry_of("link", "link_down", about, "{}", "down"));
  agent.left = [
    outcome_of_undo(entry, { status: "done", found: "down", written: "up", detail: "taken up" }, 1, "released"),
  ];
  using client = await agent.connect();
  const reply = await agent.release(client, { quarantine: true }, { reason: "seen" });
  expect(reply).toMatchObject({ quarantine: true, selected: [{ rung: "link_down" }] });
  expect(reply.outcomes).toEqual([expect.objectContaining({ rung: "link_down", status: "done" })]);
  // The keeper undoes its own steps: nobody else may.
  expect(agent.motor.ledger.entries()).toHaveLength(1);
  expect(agent.step().decision.level).toBeLessThan(5);
  agent.motor.ledger.close_entry(entry.id);
});

test("releasing twice is harmless", async () => {
  using agent = new Agent();
  agent.until_held();
  using client = await agent.connect();
  await agent.release(client, { all: true });
  expect(await agent.release(client, { all: true })).toMatchObject({ selected: [], outcomes: [], known: [] });
});

test("a release waits for the beat that decides it; when the agent ends instead, that is said", async () => {
  using agent = new Agent();
  agent.until_held();
  using client = await agent.connect();
  const asked = client.ask({ op: "release", select: { all: true }, reason: "", dry_run: false }, patient);
  const refused = asked.catch((error: unknown) => String(error));
  using other = await agent.connect();
  await agent.while_served(other.ask({ op: "status" }, patient), false);
  expect(agent.motor.held()).toHaveLength(1);
  agent.control.close("test");
  expect(await refused).toContain("releases everything it holds");
});

test("status: the level and since when, what is held and for how long yet, what is left alone, the last episode", async () => {
  using agent = new Agent();
  using client = await agent.connect();
  const ask = async () =>
    (await agent.while_served(client.ask({ op: "status" }, patient), false))["status"] as AgentStatus;
  const quiet = await ask();
  expect(quiet).toMatchObject({
    level: 0,
    held: [],
    cooldowns: [],
    last_episode: null,
    motor: "cgroup",
    pid: process.pid,
  });
  agent.until_held();
  const acting = await ask();
  expect(acting.level).toBeGreaterThanOrEqual(2);
  expect(acting.held).toMatchObject([{ id: "c1", phase: "touch", left_s: null }]);
  expect(acting.last_episode).toMatchObject({ ended: null, path: "/payment.slice", actions: 1 });
  await agent.release(client, { all: true });
  expect(await ask()).toMatchObject({ held: [], cooldowns: [{ path: "/payment.slice" }] });
});

test("a quiet beat may be written over, but not one that waits for a watcher", async () => {
  using agent = new Agent();
  using client = await agent.connect();
  expect(agent.step().kept).toBe(false);
  await agent.while_served(client.ask({ op: "watch", every_ms: 0 }, patient), false);
  expect(agent.step()).toMatchObject({ kept: true, eventful: false });
});

test("a watcher sees what the beat shows; a request for the audit flushes it", async () => {
  using agent = new Agent();
  using client = await agent.connect();
  expect(await agent.while_served(client.ask({ op: "audit" }, patient))).toMatchObject({
    path: agent.config.audit.path,
  });
  expect(agent.flushed).toBe(1);
  await agent.while_served(client.ask({ op: "watch", every_ms: 0 }, patient));
  const beats = client.beats();
  const first = await agent.while_served(beats.next());
  expect(first.value).toMatchObject({ level: 0, level_name: "homeostasis", x: expect.anything(), actions: [] });
});
