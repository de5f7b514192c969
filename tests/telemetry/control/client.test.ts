import { expect, test } from "bun:test";
import { UnixConnection } from "../../../src/ffi/unix_socket.ts";
import { ControlClient, Refused } from "../../../src/telemetry/control/client.ts";
import { Scratch } from "./scratch.ts";

const no_pause = () => new Promise<void>((resolve) => setImmediate(resolve));
const patient = new AbortController().signal;

test("asks and is answered; a refusal is thrown with what the agent said", async () => {
  using scratch = new Scratch({
    answer: (request, _by, reply) => {
      if (request.op === "status") reply({ level: 0 });
      else reply.refuse("unknown", "nothing of that id");
    },
  });
  using client = (await ControlClient.connect(scratch.path, no_pause))!;
  expect(await scratch.turns_during(client.ask({ op: "status" }, patient))).toMatchObject({ ok: true, level: 0 });
  const refused = client.ask({ op: "audit" }, patient).catch((error: unknown) => error);
  expect(await scratch.turns_during(refused)).toEqual(new Refused("unknown", "nothing of that id"));
});

test("beats come one by one until the agent says the end", async () => {
  const scratch = new Scratch();
  using client = (await ControlClient.connect(scratch.path, no_pause))!;
  await scratch.turns_during(client.ask({ op: "watch", every_ms: 0 }, patient));
  for (let number = 1; number <= 3; number++) {
    scratch.turn([{ t_ns: number, eventful: false, view: () => ({ number }) }]);
  }
  scratch.server.close("the agent ends");
  const seen: unknown[] = [];
  const beats = client.beats();
  let step = await beats.next();
  for (; step.done !== true; step = await beats.next()) seen.push(step.value);
  expect(seen).toEqual([{ number: 1 }, { number: 2 }, { number: 3 }]);
  expect(step.value).toBe("the agent ends");
  scratch[Symbol.dispose]();
});

test("nobody there is null, also where a dead agent left its socket", async () => {
  using scratch = new Scratch();
  expect(await ControlClient.connect(`${scratch.path}.none`, no_pause)).toBeNull();
});

test("an agent whose queue is full is waited for: it is no dead one", async () => {
  using scratch = new Scratch({ max_connections: 300 });
  const others: UnixConnection[] = [];
  const fill = () => {
    for (;;) others.push(UnixConnection.connect(scratch.path));
  };
  expect(fill).toThrow("EAGAIN");
  let paused = 0;
  const pause = async () => {
    // The second look finds room.
    if (++paused === 2) for (const other of others) other[Symbol.dispose]();
    if (paused >= 2) scratch.turn();
  };
  using client = (await ControlClient.connect(scratch.path, pause))!;
  expect(client).not.toBeNull();
  expect(paused).toBeGreaterThanOrEqual(2);
});

test("an agent that does not answer is not waited for beyond the deadline, and the way out is said", async () => {
  using scratch = new Scratch();
  using client = (await ControlClient.connect(scratch.path, no_pause))!;
  const deadline = new AbortController();
  const asked = client.ask({ op: "status" }, deadline.signal).catch((error: unknown) => error);
  deadline.abort();
  const error = await asked;
  expect(String(error)).toContain("does not answer");
  expect(error).toHaveProperty("hint", expect.stringContaining("kill -9"));
});
