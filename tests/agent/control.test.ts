import { describe, expect, test } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { control_socket } from "../../src/agent/control_socket.ts";
import { replay } from "../../src/agent/replay.ts";
import { parse_config } from "../../src/config/index.ts";
import { monotonic_ns } from "../../src/ffi/libc.ts";
import type { AgentStatus, PauseReply } from "../../src/model/control.ts";
import { outcome_of_undo } from "../../src/motor/outcome.ts";
import { entry_of } from "../../src/motor/quarantine/context.ts";
import type { ControlClient } from "../../src/telemetry/control/client.ts";
import { Agent, patient } from "./agent_in_memory.ts";

test("a socket that was removed is made again within a second, and who is connected stays so", async () => {
  using agent = new Agent();
  agent.until_held();
  using before = await agent.connect();
  rmSync(control_socket(agent.config));
  const asked = await agent.while_served(before.ask({ op: "status" }, patient));
  expect(asked["status"]).toMatchObject({ losses: [], degraded: [] });
  using after = await agent.connect();
  await agent.release(after, { id: "c1" });
  expect(agent.setup.kernel.snapshot()).toBe(agent.before);
  expect([agent.control.displaced, agent.control.trouble]).toEqual([1, ""]);
});

test("where something else stands at the socket's place it is left there, and that is known", async () => {
  using agent = new Agent();
  const path = control_socket(agent.config);
  rmSync(path);
  writeFileSync(path, "somebody's");
  for (let s = 1; s < 4; s++) agent.control.turn(monotonic_ns() + s * 2e9, true, 100);
  expect(agent.control.trouble).toContain("something else is there");
  expect([agent.control.displaced, readFileSync(path, "utf8")]).toEqual([1, "somebody's"]);
  rmSync(path);
  agent.control.turn(monotonic_ns() + 10e9, true, 100);
  expect(agent.control.trouble).toBe("");
  using client = await agent.connect();
  expect(client).not.toBeNull();
});

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
  const entry = agent.real.ledger.open(entry_of("link", "link_down", about, "{}", "down"));
  agent.left = [
    outcome_of_undo(entry, { status: "done", found: "down", written: "up", detail: "taken up" }, 1, "released"),
  ];
  using client = await agent.connect();
  const reply = await agent.release(client, { quarantine: true }, { reason: "seen" });
  expect(reply).toMatchObject({ quarantine: true, selected: [{ rung: "link_down" }] });
  expect(reply.outcomes).toEqual([expect.objectContaining({ rung: "link_down", status: "done" })]);
  // The keeper undoes its own steps: nobody else may.
  expect(agent.real.ledger.entries()).toHaveLength(1);
  expect(agent.step().decision.level).toBeLessThan(5);
  agent.real.ledger.close_entry(entry.id);
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
  await agent.while_served(other.ask({ op: "status" }, patient), "nothing");
  expect(agent.motor.held()).toHaveLength(1);
  agent.control.close("test");
  expect(await refused).toContain("releases everything it holds");
});

test("status: the level and since when, what is held and for how long yet, what is left alone, the last episode", async () => {
  using agent = new Agent();
  using client = await agent.connect();
  const ask = async () =>
    (await agent.while_served(client.ask({ op: "status" }, patient), "nothing"))["status"] as AgentStatus;
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
  await agent.while_served(client.ask({ op: "watch", every_ms: 0 }, patient), "nothing");
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

describe("a pause", () => {
  const ask = async (agent: Agent, client: ControlClient, request: object): Promise<unknown> =>
    await agent.while_served(client.ask(request as { op: "status" }, patient));
  const status = async (agent: Agent, client: ControlClient) =>
    ((await ask(agent, client, { op: "status" })) as { status: AgentStatus }).status;

  test("releases what is held, exactly, contains nothing new, and resumes by itself", async () => {
    using agent = new Agent();
    agent.until_held();
    using client = await agent.connect();
    const reply = (await ask(agent, client, { op: "pause", for_s: 20, reason: "kernel upgrade" })) as PauseReply;
    expect(reply).toMatchObject({
      pause: { for_s: 20, reason: "kernel upgrade", keeps: false, by: { uid: process.getuid!(), pid: process.pid } },
      not_saved: null,
      held: [{ id: "c1" }],
      outcomes: [{ id: "c1", verb: "release", status: "done" }],
      quarantine: false,
    });
    expect(agent.setup.kernel.snapshot()).toBe(agent.before);
    const until_ns = reply.pause.until_ns;
    let paused = 0;
    for (let result = agent.step(); result.decision.t_ns + 100e6 < until_ns; result = agent.step()) {
      expect(result.decision.actions).toEqual([]);
      if (result.decision.inaction.startsWith("paused for another")) paused++;
    }
    expect(paused).toBeGreaterThan(5);
    agent.until_held();
    expect(agent.now_ns).toBeGreaterThanOrEqual(until_ns);
    expect(agent.motor.held()).toMatchObject([{ rung: "thread_hold" }]);
    const decided = agent.entries.filter((entry) => entry.kind === "action" || entry.kind === "transition");
    for (const entry of decided) expect(replay(entry)).toEqual({ identical: true, difference: "" });
    const released = decided.find((entry) => entry.decision.actions.some(({ verb }) => verb === "release"));
    expect(released!.decision.actions[0]!.reason).toBe(
      `released by the operator (uid ${process.getuid!()}): paused: kernel upgrade`,
    );
    expect(released!.input.assessment.pause).toMatchObject({ until_ns, reason: "kernel upgrade" });
  });

  test("keeps what is held when asked to", async () => {
    using agent = new Agent();
    agent.until_held();
    using client = await agent.connect();
    const reply = (await ask(agent, client, { op: "pause", for_s: 60, keep: true })) as PauseReply;
    expect(reply).toMatchObject({ held: [{ id: "c1" }], outcomes: [], pause: { keeps: true } });
    agent.step();
    expect(agent.motor.held()).toHaveLength(1);
  });

  test("stands in the status with the time left, and is ended by resume", async () => {
    using agent = new Agent();
    using client = await agent.connect();
    expect(await status(agent, client)).toMatchObject({ pause: null, dial: { autonomy: "correction", acts: true } });
    await ask(agent, client, { op: "pause", for_s: 60, reason: "x" });
    expect((await status(agent, client)).would_do).toBe(0);
    expect(agent.pauses.current).toMatchObject({ reason: "x" });
    expect(await ask(agent, client, { op: "resume" })).toMatchObject({ ended: { reason: "x" } });
    expect(await ask(agent, client, { op: "resume" })).toMatchObject({ ended: null });
    expect(agent.pauses.current).toBeNull();
  });

  test("in a quarantine is told that it lifts nothing", async () => {
    using agent = new Agent(5);
    while (agent.beat.state === null) agent.beat.step();
    using client = await agent.connect();
    expect(await ask(agent, client, { op: "pause", for_s: 60 })).toMatchObject({ quarantine: true, outcomes: [] });
    expect(agent.step().decision.level).toBe(5);
  });

  test.each([0, 86_401, "1h"])("of %p is refused", async (for_s) => {
    using agent = new Agent();
    using client = await agent.connect();
    await expect(ask(agent, client, { op: "pause", for_s })).rejects.toMatchObject({ code: "bad_request" });
    expect(agent.pauses.current).toBeNull();
  });
});

test("the dial lowered in mid-containment: the decision learns that its containment is over", async () => {
  using agent = new Agent();
  agent.until_held();
  const move = agent.dial.move(parse_config("autonomy: detection", "test"), agent.now_ns);
  expect(move?.released).toMatchObject([{ id: "c1", status: "done" }]);
  expect(agent.setup.kernel.snapshot()).toBe(agent.before);
  const verdicts: string[] = [];
  for (let count = 0; count < 3; count++)
    verdicts.push(...agent.step().decision.verdicts.map(({ id, verdict }) => `${id} ${verdict}`));
  expect(verdicts).toContain("c1 expired");
  expect(agent.beat.state!.containments.filter(({ id }) => id === "c1")).toEqual([]);
  for (let count = 0; count < 100; count++) agent.step();
  expect(agent.setup.kernel.snapshot()).toBe(agent.before);
  expect(agent.motor.held().every((item) => item.ledger_id === null)).toBe(true);
  expect(agent.motor.would_do).toBeGreaterThan(0);
});

test("a reload is answered when it is in force, with the operator who asked; an agent that ends refuses it", async () => {
  using agent = new Agent();
  using client = await agent.connect();
  const asked = client.ask({ op: "reload" }, patient);
  using other = await agent.connect();
  await agent.while_served(other.ask({ op: "status" }, patient), "nothing");
  const [request] = agent.reloads;
  expect(request!.by).toEqual({ uid: process.getuid!(), pid: process.pid });
  request!.answer({
    ...{ accepted: true, problems: [], applied: ["autonomy"], kept: [], released: [], missing_rungs: [] },
    ...{ dial: agent.dial.dial, pause: null, quarantine: false },
  });
  expect(await agent.while_served(asked, "nothing")).toMatchObject({ accepted: true, applied: ["autonomy"] });
  const late = client.ask({ op: "reload" }, patient).catch((error: unknown) => String(error));
  await agent.while_served(other.ask({ op: "status" }, patient), "nothing");
  agent.control.close("test");
  expect(await late).toContain("reads its configuration anew when it starts");
});
