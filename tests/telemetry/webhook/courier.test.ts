import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { Courier, type CourierOptions, signature } from "../../../src/telemetry/webhook/courier.ts";
import { render_payload } from "../../../src/telemetry/webhook/payload.ts";
import { notice } from "./beats.ts";

interface Received {
  readonly body: string;
  readonly headers: Headers;
}

/** An endpoint on loopback that answers what it is told to; null: never. */
class Endpoint implements Disposable {
  readonly received: Received[] = [];
  status: number | null = 200;
  readonly #server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      this.received.push({ body: await request.text(), headers: request.headers });
      if (this.status === null) return await new Promise<Response>(() => {});
      return new Response("", { status: this.status, headers: { Location: "/elsewhere" } });
    },
  });

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/hook?token=hush`;
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true);
  }
}

function courier(url: string, over: Partial<CourierOptions> = {}) {
  const said: string[] = [];
  const made = new Courier({
    name: "1",
    endpoint: { url, secret: "s3cret", template: "generic", timeout_s: 5 },
    phase: 0.5,
    user_agent: "hosa/test",
    clock: () => 0,
    wall_s: () => 1_800_000_000.9,
    deadline: () => new AbortController().signal,
    on_message: (_level, text) => said.push(text),
    ...over,
  });
  return { courier: made, said };
}

describe("an endpoint", () => {
  test("gets the notice, signed so that it can check who wrote it and when", async () => {
    using endpoint = new Endpoint();
    const { courier: one, said } = courier(endpoint.url);
    one.push(notice());
    await one.turn(0);
    const { body, headers } = endpoint.received[0]!;
    expect(JSON.parse(body)).toEqual(notice());
    expect(headers.get("x-hosa-timestamp")).toBe("1800000000");
    const expected = createHmac("sha256", "s3cret").update(`1800000000.${body}`).digest("hex");
    expect(headers.get("x-hosa-signature")).toBe(`sha256=${expected}`);
    expect(one.figures).toEqual({ name: "1", delivered: 1, failed_attempts: 0, dropped: 0, waiting: 0 });
    expect(said).toEqual([]);
  });

  test("is reached by the proxy that is configured for it", async () => {
    using proxy = new Endpoint();
    const { courier: one } = courier("http://endpoint.invalid/hook", {
      endpoint: {
        url: "http://endpoint.invalid/hook",
        proxy: proxy.url,
        secret: "",
        template: "generic",
        timeout_s: 5,
      },
    });
    one.push(notice());
    await one.turn(0);
    expect(one.figures).toMatchObject({ delivered: 1 });
    expect(proxy.received).toHaveLength(1);
  });

  test("that fails is tried again after a pause, and its trouble is said once, without its address", async () => {
    using endpoint = new Endpoint();
    endpoint.status = 503;
    const { courier: one, said } = courier(endpoint.url);
    one.push(notice());
    await one.turn(0);
    expect(one.turn(0.9e9)).toBeNull();
    await one.turn(1.1e9);
    endpoint.status = 200;
    await one.turn(9e9);
    expect(endpoint.received.length).toBe(3);
    expect(one.figures).toMatchObject({ delivered: 1, failed_attempts: 2, waiting: 0 });
    expect(said).toHaveLength(2);
    expect(said.join()).toContain("answered 503; it is tried again");
    expect(said.join()).toContain("is reached again");
    expect(said.join()).not.toContain("hush");
  });

  test.each([
    [429, 1, 0],
    [408, 1, 0],
    [400, 0, 1],
    [404, 0, 1],
    [302, 0, 1],
  ])("that answers %d: %d waits, %d is given up", async (status, waiting, dropped) => {
    using endpoint = new Endpoint();
    endpoint.status = status;
    const { courier: one } = courier(endpoint.url);
    one.push(notice());
    await one.turn(0);
    expect(one.figures).toMatchObject({ delivered: 0, failed_attempts: 1, waiting, dropped });
    expect(endpoint.received.length).toBe(1);
  });

  test("that hangs is left at the deadline", async () => {
    using endpoint = new Endpoint();
    endpoint.status = null;
    const over = new AbortController();
    const { courier: one, said } = courier(endpoint.url, { deadline: () => over.signal });
    one.push(notice());
    const attempt = one.turn(0);
    expect(one.turn(1e12)).toBeNull();
    over.abort(new DOMException("late", "TimeoutError"));
    await attempt;
    expect(one.figures).toMatchObject({ failed_attempts: 1, waiting: 1 });
    expect(said.join()).toContain("no answer within 5 s");
  });

  test("that nobody serves is tried again", async () => {
    let url: string;
    {
      using endpoint = new Endpoint();
      url = endpoint.url;
    }
    const { courier: one, said } = courier(url);
    one.push(notice());
    await one.turn(0);
    expect(one.figures).toMatchObject({ failed_attempts: 1, waiting: 1 });
    expect(said.join()).toContain("not reached");
  });

  test("that misses a last word is told it later", async () => {
    using endpoint = new Endpoint();
    endpoint.status = 503;
    const { courier: one } = courier(endpoint.url);
    one.push(notice({ reason: "risen" }));
    const said = await one.send_first(notice({ reason: "quarantine" }), 3);
    expect(said).toEqual({ ok: false, detail: "webhook 1: answered 503" });
    endpoint.status = 200;
    await one.turn(0);
    expect(endpoint.received.map(({ body }) => JSON.parse(body).reason)).toEqual(["quarantine", "quarantine"]);
    expect(one.figures).toMatchObject({ delivered: 1, waiting: 0 });
  });

  test("is handed everything at the end, in order and without pauses", async () => {
    using endpoint = new Endpoint();
    endpoint.status = 503;
    const { courier: one, said } = courier(endpoint.url);
    one.push(notice({ episode: "a" }));
    await one.turn(0);
    endpoint.status = 200;
    for (const episode of ["b", "c"]) one.push(notice({ episode }));
    await one.drain();
    const told = endpoint.received.map(({ body }) => JSON.parse(body).episode);
    expect(told).toEqual(["a", "a", "b", "c"]);
    one.close();
    expect(said.join()).not.toContain("not taken");
  });

  test("that takes nothing at the end is asked once, and what is lost is said", async () => {
    using endpoint = new Endpoint();
    endpoint.status = 503;
    const { courier: one, said } = courier(endpoint.url);
    for (const episode of ["a", "b", "c"]) one.push(notice({ episode }));
    await one.drain();
    expect(endpoint.received.length).toBe(1);
    one.close();
    expect(said.join()).toContain("webhook 1: 3 notices not taken before the end");
  });

  test("is told a last word past the queue", async () => {
    using endpoint = new Endpoint();
    const { courier: one } = courier(endpoint.url);
    one.push(notice({ reason: "risen" }));
    expect(await one.send_first(notice({ reason: "quarantine" }), 3)).toEqual({ ok: true, detail: "webhook 1: told" });
    expect(one.turn(0)).toBeNull();
    expect(endpoint.received.map(({ body }) => JSON.parse(body).reason)).toEqual(["quarantine"]);
  });
});

test("without a secret nothing is signed", () => {
  expect(signature("{}", "", 1)).toEqual({});
});

describe("what is written", () => {
  test("to a chat: one readable text", () => {
    const { text } = JSON.parse(render_payload(notice(), "slack"));
    expect(text).toBe(
      "[warning] node-1: level 2 (soft containment), begun\nD 5.0, smoothed 4.5, +0.25/s; " +
        "memory_growth_bytes_per_s carries 80 %; culprit: /leaky.service (leaky); apply thread_hold on /leaky.service: done",
    );
    const idle = notice({ action: null, inaction: "the culprit is protected", culprit: null });
    expect(JSON.parse(render_payload(idle, "slack")).text).toContain("nothing was done: the culprit is protected");
    expect(JSON.parse(render_payload(notice({ dry_run: true }), "slack")).text).toContain("would: apply");
  });

  test("to a chat: a process that names itself after everybody calls nobody", () => {
    const culprit = { path: "/a&b", scope: "thread", pid: 1, tid: 2, comm: "<!channel>" };
    const body = JSON.parse(render_payload(notice({ culprit }), "slack"));
    expect(body.text).toContain("culprit: /a&amp;b (&lt;!channel&gt;)");
    expect(body.text).not.toMatch(/[<>]/);
    expect(body.mrkdwn).toBe(false);
  });

  test("to Alertmanager: what its API (v2, postableAlerts) takes, every label and annotation a text", () => {
    const body = JSON.parse(render_payload(notice({ culprit: null }), "alertmanager"));
    expect(Array.isArray(body)).toBe(true);
    for (const alert of body) {
      expect(Object.keys(alert).sort()).toEqual(["annotations", "endsAt", "labels", "startsAt"]);
      for (const [name, value] of Object.entries({ ...alert.labels, ...alert.annotations })) {
        expect(name).toMatch(/^[a-zA-Z_][a-zA-Z0-9_]*$/);
        expect(typeof value).toBe("string");
      }
      for (const time of [alert.startsAt, alert.endsAt]) expect(new Date(time).toISOString()).toBe(time);
      expect(Date.parse(alert.endsAt)).toBeGreaterThanOrEqual(Date.parse(alert.startsAt));
    }
  });

  test("to Alertmanager: an alert that ends unless it is renewed, and one per severity", () => {
    const [one] = JSON.parse(render_payload(notice(), "alertmanager"));
    expect(one.labels).toEqual({ alertname: "HosaEpisode", node: "node-1", severity: "warning", source: "hosa" });
    expect([one.startsAt, one.endsAt]).toEqual(["2027-01-15T08:00:00.000Z", "2027-01-15T08:05:05.000Z"]);
    const risen = notice({ severity: "critical", severities: ["warning", "critical"] });
    const ends = JSON.parse(render_payload(risen, "alertmanager")).map((alert: { endsAt: string }) => alert.endsAt);
    expect(ends).toEqual(["2027-01-15T08:00:05.000Z", "2027-01-15T08:05:05.000Z"]);
    const over = notice({ ...risen, status: "resolved", reason: "over" });
    for (const alert of JSON.parse(render_payload(over, "alertmanager"))) expect(alert.endsAt).toBe(over.time);
  });
});
