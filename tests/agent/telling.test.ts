import { expect, test } from "bun:test";
import { BeatTimes } from "../../src/agent/cost.ts";
import { open_telling, type TellingParts } from "../../src/agent/telling.ts";
import { type Config, parse_config } from "../../src/config/index.ts";
import { monotonic_ns } from "../../src/ffi/libc.ts";
import type { AuditEntry } from "../../src/model/audit.ts";
import type { Sample } from "../../src/model/sample.ts";
import { outcome } from "../telemetry/metrics/figures.ts";
import { beat } from "../telemetry/webhook/beats.ts";
import { SPOILED, spoil } from "./spoil.ts";

function parts(config: Config, said: string[], over: Partial<TellingParts> = {}): TellingParts {
  return {
    config,
    version: "0.1.0",
    node: "node-1",
    motor: "recording",
    dimensions: [
      { name: "cpu_busy_fraction", unit: "", resource: "cpu", load_sign: 1, scale: "linear", resolution: 0.01 },
    ],
    baseline: () => ({ mean: [0.1], sigma: [0.2] }),
    live: () => ["freeze"],
    beats: () => ({ count: 7, lost: 0, missed: 0, last_ns: monotonic_ns(), period_ms: 100 }),
    times: new BeatTimes(),
    audit: { written: 3, dropped: 0 },
    record: () => {},
    on_message: (_level, text) => said.push(text),
    ...over,
  };
}

const SAMPLE = {} as Sample;
const noticed = (level: 0 | 2, at_s = 0) => ({
  ...beat(level, at_s),
  sample: SAMPLE,
  eventful: level > 0,
  kept: level > 0,
});

/** Keeps what a webhook is told. */
function hears(heard: { readonly reason: string }[]) {
  const fetch = async (request: Request) => {
    heard.push((await request.json()) as { reason: string });
    return new Response("");
  };
  return Bun.serve({ port: 0, hostname: "127.0.0.1", fetch });
}

/** The answer of the agent, which takes its turns meanwhile. */
async function asked(telling: { turn(now_ns: number): void }, url: string): Promise<Response> {
  let answer: Response | null = null;
  void fetch(url).then((got) => {
    answer = got;
  });
  while (answer === null) {
    telling.turn(monotonic_ns());
    await new Promise((resolve) => setImmediate(resolve));
  }
  return answer;
}

test("nothing is opened, said or waited for where nobody is to be told anything", async () => {
  const said: string[] = [];
  const telling = await open_telling(parts(parse_config("", "f"), said));
  telling.noticed(noticed(2));
  telling.turn(monotonic_ns());
  expect(telling.busy).toBe(false);
  await expect(telling.last_word()).rejects.toThrow("there is nobody to tell");
  await telling.close();
  expect(said).toEqual([]);
});

test("a scraper gets the latest beat, health its normalized vector, and a stale agent is unhealthy", async () => {
  const said: string[] = [];
  let age_ns = 0;
  const beats = () => ({ count: 7, lost: 0, missed: 0, last_ns: monotonic_ns() - age_ns, period_ms: 100 });
  const config = parse_config('metrics: {enabled: true, listen: "127.0.0.1:0"}', "f");
  const telling = await open_telling(parts(config, said, { beats }));
  const base = /http:\/\/127\.0\.0\.1:\d+/.exec(said.join())![0];
  telling.noticed(noticed(2));
  const text = await (await asked(telling, `${base}/metrics`)).text();
  for (const line of ["hosa_level 2", "hosa_beats_total 7", 'hosa_containments{rung="freeze"} 1'])
    expect(text).toContain(`${line}\n`);
  age_ns = 60e9;
  const stale = await asked(telling, `${base}/healthz`);
  expect(stale.status).toBe(503);
  expect(await stale.json()).toMatchObject({ status: "stale", level: 2, normalized: { cpu_busy_fraction: 2 } });
  await telling.close();
});

test("quiet beats are written over, and nobody who is told afterwards shows what they were written over with", async () => {
  const heard: { reason: string }[] = [];
  using endpoint = hears(heard);
  const config = parse_config(
    `{metrics: {enabled: true, listen: "127.0.0.1:0"}, webhooks: [{url: "http://127.0.0.1:${endpoint.port}/", min_level: 1}]}`,
    "f",
  );
  const said: string[] = [];
  const telling = (await open_telling(parts(config, said)))!;
  const base = /http:\/\/127\.0\.0\.1:\d+/.exec(said.join())![0];
  const told = async (count: number) => {
    while (heard.length < count) {
      telling.turn(monotonic_ns());
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  telling.noticed(noticed(2));
  await told(1);
  // The end of the episode is told from one of these.
  for (let at_s = 1; at_s <= 20; at_s++) {
    const quiet = noticed(0, at_s);
    telling.noticed(quiet);
    if (at_s === 20) break;
    telling.noticed(noticed(0, at_s));
    spoil(quiet.assessment);
    spoil(quiet.decision);
  }
  await told(2);
  expect(heard).toMatchObject([{ reason: "begun" }, { reason: "over", status: "resolved", level: 0 }]);
  const pages = await Promise.all(
    ["metrics", "healthz"].map(async (page) => (await asked(telling, `${base}/${page}`)).text()),
  );
  expect(pages[0]).toContain("hosa_level 0\n");
  expect(JSON.stringify([heard, pages])).not.toContain(SPOILED);
  expect(JSON.stringify(pages)).not.toContain("NaN");
  telling.close();
});

test("a taken port is said, and the agent works on", async () => {
  using taken = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("") });
  const said: string[] = [];
  const config = parse_config(`metrics: {enabled: true, listen: "127.0.0.1:${taken.port}"}`, "f");
  const telling = await open_telling(parts(config, said));
  expect(said.join()).toContain("metrics are not served");
  telling.noticed(noticed(0));
  telling.turn(1e9);
  await telling.close();
});

test("a webhook hears of an episode, and the last word", async () => {
  const heard: { reason: string }[] = [];
  using endpoint = hears(heard);
  const config = parse_config(`webhooks: [{url: "http://127.0.0.1:${endpoint.port}/"}]`, "f");
  const telling = await open_telling(parts(config, []));
  await expect(telling.last_word(3)).rejects.toThrow("there is nothing to tell");
  telling.noticed(noticed(0));
  telling.noticed(noticed(2));
  while (heard.length === 0) {
    telling.turn(1e9);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(heard).toMatchObject([{ reason: "begun", dry_run: true }]);
  expect(await telling.last_word(3)).toBe("webhook 1: told");
  expect(heard[1]).toMatchObject({ reason: "quarantine" });
  await telling.close();
});

test("an agent that ends hands over what waits, and waits for nobody who hangs", async () => {
  const heard: string[] = [];
  using prompt = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      heard.push(((await request.json()) as { reason: string }).reason);
      return new Response("");
    },
  });
  const hanging = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Promise<Response>(() => {}) });
  const urls = [prompt, hanging].map(({ port }) => `{url: "http://127.0.0.1:${port}/"}`);
  const said: string[] = [];
  const telling = await open_telling(parts(parse_config(`webhooks: [${urls.join()}]`, "f"), said));
  telling.noticed(noticed(2));
  await telling.close(200);
  await hanging.stop(true);
  expect(heard).toEqual(["begun"]);
  expect(said.join()).toContain("webhook 2: 1 notice not taken");
  expect(said.join()).not.toContain("webhook 1: 1");
});

test("hooks come with a reload, have the last word beside the webhooks, and are waited for at the end", async () => {
  const recorded: AuditEntry[] = [];
  const config = parse_config("", "f");
  const telling = await open_telling(parts(config, [], { motor: "cgroup", record: (entry) => recorded.push(entry) }));
  telling.noticed(noticed(2));
  const { hooks } = parse_config("hooks: {pre: [{command: [/bin/true]}], post: [{command: [/bin/true]}]}", "f");
  await telling.reconfigure({ hooks });
  expect(await telling.last_word(60)).toBe("hook pre 1: exit 0");
  telling.undone([outcome("freeze", "done", { id: "c1", verb: "release" })], "hosa ends");
  expect(telling.busy).toBe(true);
  await telling.close(60_000);
  expect(recorded).toMatchObject([
    { kind: "hook", hook: "pre 1", event: "quarantine" },
    { kind: "hook", hook: "post 1", event: "released", action_id: "c1", result: { exit: 0 } },
  ]);
});
