import { expect, test } from "bun:test";
import { join } from "node:path";
import { replay } from "../../src/agent/replay.ts";
import type { Outcome } from "../../src/model/containment.ts";
import { Agent } from "./agent_in_memory.ts";

const MAIN = join(import.meta.dir, "../../src/cli/main.ts");

/** `hosa ARGS` beside the agent, which goes on beating and answers it. */
async function beside(agent: Agent, ...args: readonly string[]): Promise<{ code: number; stdout: string }> {
  const child = Bun.spawn([process.execPath, MAIN, ...args, "-c", agent.file], { stdout: "pipe", stderr: "ignore" });
  // The invented node has few beats: it stands still meanwhile, and the socket is served.
  const code = await agent.while_served(child.exited, "reloads");
  return { code, stdout: await new Response(child.stdout).text() };
}

/** Outcomes of what the decision has begun so far. */
const begun = (agent: Agent): readonly Outcome[] =>
  agent.entries
    .flatMap((entry) => (entry.kind === "action" ? entry.outcomes : []))
    .filter(({ verb }) => verb === "apply");

test("a run armed midway acts from then on; disarmed it releases what is held to the value and only records again", async () => {
  using agent = new Agent(0, "");
  for (let count = 0; count < 700 && agent.motor.would_do === 0; count++) agent.step();
  expect(agent.motor.name).toBe("recording");
  expect(begun(agent)).toMatchObject([{ rung: "thread_hold", status: "would_do" }]);
  expect(agent.setup.kernel.snapshot()).toBe(agent.before);

  const armed = await beside(agent, "arm", "--yes");
  expect(armed).toMatchObject({ code: 0, stdout: expect.stringContaining("In force: the running agent") });
  expect(agent.dial.dial).toMatchObject({ autonomy: "correction", max_level: 4, acts: true });
  const before_arming = begun(agent).length;
  // What was only recorded has just ended, and the slope looks back on it for a while.
  for (let count = 0; count < 100 && begun(agent).length === before_arming; count++) agent.step();
  expect(begun(agent).at(-1)).toMatchObject({ rung: "thread_hold", status: "done", ledger_id: expect.any(String) });
  expect(agent.setup.kernel.snapshot()).not.toBe(agent.before);

  const disarmed = await beside(agent, "disarm");
  expect(disarmed).toMatchObject({ code: 0, stdout: expect.stringContaining("1 released first") });
  expect(agent.setup.kernel.snapshot()).toBe(agent.before);
  const before_disarming = begun(agent).length;
  for (let count = 0; count < 100; count++) agent.step();
  expect(
    begun(agent)
      .slice(before_disarming)
      .map(({ status }) => status),
  ).not.toContain("done");
  expect(begun(agent).at(-1)).toMatchObject({ status: "would_do" });
  expect(agent.setup.kernel.snapshot()).toBe(agent.before);

  const decided = agent.entries.filter((entry) => entry.kind === "action" || entry.kind === "transition");
  for (const entry of decided) expect(replay(entry)).toEqual({ identical: true, difference: "" });
}, 60_000);

test("armed while paused, it says so and contains nothing before the pause is over", async () => {
  using agent = new Agent(0, "");
  for (let count = 0; count < 590; count++) agent.step();
  expect((await beside(agent, "pause", "1h", "--reason", "kernel upgrade")).code).toBe(0);
  const armed = await beside(agent, "arm", "--yes");
  expect(armed).toMatchObject({ code: 0, stdout: expect.stringContaining("nothing new is contained before") });
  expect(agent.dial.dial.acts).toBe(true);
  for (let count = 0; count < 20; count++) agent.step();
  expect(agent.setup.kernel.snapshot()).toBe(agent.before);
  expect((await beside(agent, "resume")).code).toBe(0);
  for (let count = 0; count < 100 && agent.motor.held().length === 0; count++) agent.step();
  expect(agent.setup.kernel.snapshot()).not.toBe(agent.before);
}, 60_000);
