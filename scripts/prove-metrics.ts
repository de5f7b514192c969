import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { Webhooks } from "../src/telemetry/webhook/index.ts";
import { promtool } from "../tests/telemetry/metrics/promtool.ts";
import { beat } from "../tests/telemetry/webhook/beats.ts";
import { begin_guest, Playback, type Recording, read_recording } from "./metrics-guest.ts";

const seconds = Number(process.argv[2] ?? 40);
if (!(seconds >= 20 && seconds <= 600)) {
  console.error(`prove-metrics: ${process.argv[2]} is not a number of seconds in 20..600`);
  process.exit(2);
}

/** Longer than this nobody is waited for. */
const PATIENCE_MS = 30_000;
/** The second opinions speak after some 1500 rows, at most ten a second, and none of an alarm: a busy machine takes its time. */
const OPINIONS_MS = 900_000;
/** A guest of a hundred seconds, emulated: a minute and a half where nothing else runs. */
const GUEST_MS = 1_200_000;
/** So much of the recording lies before the first action. */
const BEFORE_PAGES = 12;
const DEPLOY = "deploy/prometheus";

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}
interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[];
}
interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}
interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly status: { readonly state: string };
  readonly endsAt: string;
}

/** The two agents, as Prometheus calls them: a dry run of our own on a node that is well, and the recorded one on a node that is not. */
const WELL = "well";
const ILL = "ill";
/** What must be selected on the node that is ill; whatever else is selected by an alert is a false alarm. */
const ALERTED = ["HosaContains", "HosaMemoryExhaustion"];

const rows: { readonly ok: boolean; readonly what: string; readonly result: string }[] = [];
const row = (ok: boolean, what: string, result: string): void => {
  rows.push({ ok, what, result });
  console.log(`${ok ? "ok    " : "FAILED"}  ${what.padEnd(34)}  ${result}`);
};

const directory = mkdtempSync(join(tmpdir(), "hosa-prove-metrics-"));
const started: Bun.Subprocess[] = [];

function start(command: readonly string[], log: string): Bun.Subprocess {
  const out = Bun.file(join(directory, log));
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: out, stderr: out });
  started.push(child);
  return child;
}

/** A port nobody listens on now. */
function free_port(): number {
  const listener = Bun.listen({ port: 0, hostname: "127.0.0.1", socket: { data: () => {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

async function until<T>(what: string, look: () => Promise<T | null>, patience_ms = PATIENCE_MS): Promise<T> {
  const end_ms = performance.now() + patience_ms;
  while (performance.now() < end_ms) {
    const found = await look().catch(() => null);
    if (found !== null) return found;
    await Bun.sleep(200);
  }
  throw new Error(`${what} did not come within ${patience_ms / 1000} s; logs: ${logs()}`);
}

function logs(): string {
  return ["alertmanager", "prometheus", "hosa", "alarmed", "guest"]
    .map((name) => {
      try {
        return readFileSync(join(directory, `${name}.log`), "utf8")
          .split("\n")
          .slice(-4)
          .join("\n");
      } catch {
        return "";
      }
    })
    .join("\n");
}

/** A dry run of our own; everything it writes lies in the temporary directory. */
function start_hosa(name: string, more: readonly string[]): Bun.Subprocess {
  const own = join(directory, name);
  const config = join(directory, `${name}.yaml`);
  const places = [
    `learning: { warmup_s: 5, state_dir: ${own} }`,
    `motor: { ledger_dir: ${own} }`,
    `audit: { path: ${own}/audit.jsonl }`,
  ];
  Bun.spawnSync(["mkdir", "-p", own]);
  writeFileSync(config, [...places, ...more, ""].join("\n"));
  return start(["dist/hosa", "run", "--dry-run", "--config", config], `${name}.log`);
}

async function json<T>(url: string): Promise<T> {
  const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
  const body = (await response.json()) as T & { readonly error?: string };
  if (!response.ok) throw new Error(`${response.status} ${body.error ?? ""}`);
  return body;
}

/** @param pages of /metrics, by the instance they are of */
function prove_tools(pages: Readonly<Record<string, string>>): void {
  for (const [instance, page] of Object.entries(pages)) {
    const { code, said } = promtool(["check", "metrics"], page);
    row(code === 0 && said === "", `promtool check metrics: ${instance}`, said.trim() || "nothing to say");
  }
  const rules = promtool(["check", "rules", join(DEPLOY, "alerts.yaml")]);
  row(rules.code === 0, "promtool check rules", rules.said.trim().split("\n").at(-1)!.trim());
  const tested = promtool(["test", "rules", join(DEPLOY, "alerts.test.yaml")]);
  row(tested.code === 0, "promtool test rules", tested.said.trim().replaceAll(/\s+/g, " "));
}

async function prove_queries(base: string, began_s: number, events: readonly string[]): Promise<void> {
  const dashboard = JSON.parse(readFileSync(join(DEPLOY, "dashboard.json"), "utf8")) as Dashboard;
  for (const { title, targets } of dashboard.panels) {
    for (const { expr } of targets) {
      const query = expr.replaceAll("$instance", ".*").replaceAll("$__rate_interval", "10s");
      const result = await range(base, query, began_s);
      const points = result.flatMap(({ values }) => values ?? []);
      const numbers = points.filter(([, value]) => value !== "NaN").length;
      const said = numbers > 0 ? `${result.length} series, ${numbers} points` : "empty";
      row(numbers > 0, `panel ${title}`, `${said}  ${expr.slice(0, 60)}`);
      const counter = /increase\((hosa_(?:actions|verdicts)_total)\{/.exec(expr)?.[1];
      if (counter === undefined) continue;
      const shown = result.map(({ metric }) => labels_of(metric)).toSorted();
      const wanted = events.filter((each) => each.startsWith(`${counter} `)).map((each) => each.split(" ")[1]!);
      const missing = wanted.filter((each) => !shown.includes(each));
      const all = `${shown.length} of ${wanted.length}`;
      row(
        missing.length === 0,
        `panel ${title}: each of them`,
        [all, ...missing.map((each) => `not ${each}`)].join(", "),
      );
    }
  }
}

function labels_of(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([label, value]) => `${label}=${value}`)
    .toSorted()
    .join();
}

async function prove_alerts(base: string, began_s: number): Promise<void> {
  const { groups } = parse(readFileSync(join(DEPLOY, "alerts.yaml"), "utf8")) as Rules;
  type Evaluated = { readonly name: string; readonly health: string; readonly lastError?: string };
  const evaluated = (await json<{ data: { groups: { rules: Evaluated[] }[] } }>(`${base}/rules`)).data.groups;
  const rules = evaluated.flatMap((group) => group.rules);
  for (const { alert, expr } of groups.flatMap((group) => group.rules)) {
    const of = (instance: string) => (series: Series) => series.metric["instance"] === instance;
    const now = (await instant(base, expr)).filter(of(WELL)).length;
    const during = (await range(base, expr, began_s)).filter(of(ILL)).flatMap(({ values }) => values ?? []).length;
    const rule = rules.find(({ name }) => name === alert);
    const wanted = ALERTED.includes(alert);
    row(
      rule?.health === "ok" && now === 0 && during > 0 === wanted,
      `alert ${alert}`,
      `${now} series where nothing is wrong, ${during} points of the leak, ${wanted ? "some" : "none"} expected; evaluated: ${rule?.health ?? "never"} ${rule?.lastError ?? ""}`,
    );
  }
}

async function range(base: string, query: string, began_s: number): Promise<readonly Series[]> {
  const asked = new URLSearchParams({ query, start: String(began_s), end: String(Date.now() / 1000), step: "1" });
  return (await json<{ data: { result: Series[] } }>(`${base}/query_range?${asked}`)).data.result;
}

async function instant(base: string, query: string): Promise<readonly Series[]> {
  return (await json<{ data: { result: Series[] } }>(`${base}/query?${new URLSearchParams({ query })}`)).data.result;
}

/** The counters of a page that are not 0, without the name of the node: `hosa_verdicts_total rung=freeze,verdict=gone 1`. */
function counted(page: string): readonly string[] {
  return page.split("\n").flatMap((line) => {
    const [, name, labels, value] = /^(hosa_(?:actions|verdicts)_total)\{(.*)\} (\d+)$/.exec(line) ?? [];
    if (labels === undefined || value === "0") return [];
    return [`${name} ${labels.replaceAll('"', "").split(",").toSorted().join()} ${value}`];
  });
}

/** The same, made of what was recorded until then. */
function recorded(audit: Recording["audit"], until_ms: number): readonly string[] {
  const rungs = new Map<string, string>();
  const counts = new Map<string, number>();
  const count = (series: string) => counts.set(series, (counts.get(series) ?? 0) + 1);
  for (const record of audit) {
    if (record.t_ns > until_ms * 1e6) break;
    for (const { id, rung, verb, status } of record.kind === "action" ? record.outcomes : []) {
      rungs.set(id, rung);
      count(`hosa_actions_total ${labels_of({ rung, verb, status })}`);
    }
    for (const { id, verdict } of record.kind === "verification" ? record.verdicts : [])
      count(`hosa_verdicts_total ${labels_of({ rung: rungs.get(id) ?? "", verdict })}`);
  }
  return [...counts].map(([series, value]) => `${series} ${value}`);
}

/** The counters say what was done and what came of it, no more and no less. */
function prove_counts({ pages, audit }: Recording): void {
  const last = pages.at(-1)!;
  const said = counted(last.text).toSorted();
  const wanted = recorded(audit, last.t_ms).toSorted();
  for (const series of new Set([...said, ...wanted])) {
    const both = said.includes(series) && wanted.includes(series);
    row(
      both,
      "counted as it was audited",
      `${series}${both ? "" : said.includes(series) ? ": only counted" : ": only audited"}`,
    );
  }
}

/** The agent that is scraped. */
function start_scraped(): Bun.Subprocess {
  return start_hosa("hosa", [
    "opinions: { period_s: 0.1 }",
    'metrics: { enabled: true, listen: "127.0.0.1:0" }',
    // Nobody listens there, and at level 5 alone it is told anything: its series are what is wanted.
    'webhooks: [{ url: "http://127.0.0.1:9/", min_level: 5 }]',
    "hooks: { pre: [{ command: [/bin/true] }] }",
  ]);
}

/** A Prometheus that scrapes what listens there, by instance, and has done so once; where it answers. */
async function start_prometheus(ports: Readonly<Record<string, number>>): Promise<string> {
  const config = join(directory, "prometheus.yaml");
  const targets = Object.entries(ports).map(
    ([instance, port]) => `{ targets: ["127.0.0.1:${port}"], labels: { instance: ${instance} } }`,
  );
  writeFileSync(
    config,
    [
      "global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }",
      `rule_files: [${join(process.cwd(), DEPLOY, "alerts.yaml")}]`,
      `scrape_configs: [{ job_name: hosa, static_configs: [${targets.join(", ")}] }]`,
      "",
    ].join("\n"),
  );
  const own_port = free_port();
  const place = [`--storage.tsdb.path=${join(directory, "data")}`, `--web.listen-address=127.0.0.1:${own_port}`];
  start(["prometheus", `--config.file=${config}`, ...place], "prometheus.log");
  const base = `http://127.0.0.1:${own_port}/api/v1`;
  await until("the first scrape", async () => {
    const up = await instant(base, 'up{job="hosa"} == 1');
    return up.length === targets.length ? true : null;
  });
  return base;
}

async function recording_of(guest: Bun.Subprocess): Promise<Recording> {
  const status = await until("the end of the guest", async () => guest.exitCode ?? guest.signalCode, GUEST_MS);
  if (status !== 0) throw new Error(`the guest's run ended with ${status}; logs: ${logs()}`);
  return read_recording(join(directory, "guest"));
}

async function prove_prometheus(hosa: Bun.Subprocess, guest: Bun.Subprocess): Promise<void> {
  const port = await until("the port of /metrics", async () => {
    const said = readFileSync(join(directory, "hosa.log"), "utf8");
    return /metrics are at http:\S+:(\d+)/.exec(said)?.[1] ?? null;
  });
  const scrape = async () => await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const opinion = async () => ((await scrape()).includes("hosa_opinions_nats ") ? true : null);
  await until("the first of the second opinions", opinion, OPINIONS_MS);
  const recording = await recording_of(guest);
  const texts = recording.pages.map(({ text }) => text);
  const acted = texts.findIndex((text) => counted(text).length > 0);
  if (acted < 0) throw new Error("the agent in the guest did nothing");
  const played = texts.slice(Math.max(0, acted - BEFORE_PAGES));
  using playback = new Playback(played);
  const base = await start_prometheus({ [WELL]: Number(port), [ILL]: playback.port });
  const began_s = Date.now() / 1000;
  await until("the end of the recording", async () => playback.over || null, 1000 * played.length + PATIENCE_MS);
  await Bun.sleep(Math.max(0, (began_s + seconds) * 1000 - Date.now()));
  prove_tools({ [WELL]: await scrape(), [ILL]: texts.at(-1)! });
  const lasted_s = Math.floor(Date.now() / 1000 - began_s);
  const [up] = await instant(base, `sum_over_time(up{job="hosa",instance="${WELL}"}[${lasted_s}s])`);
  const scrapes = Number(up?.value?.[1] ?? 0);
  row(scrapes >= lasted_s - 3, "scrapes that were answered", `${scrapes} in ${lasted_s} s`);
  prove_counts(recording);
  await prove_queries(base, began_s, counted(texts.at(-1)!));
  await prove_alerts(base, began_s);
  hosa.kill("SIGTERM");
  const down = await until("an alert", async () => {
    const pending = await json<{ data: { alerts: { labels: { alertname: string } }[] } }>(`${base}/alerts`);
    return pending.data.alerts.find(({ labels }) => labels.alertname === "HosaDown") ?? null;
  });
  row(true, "HosaDown once the agent has ended", JSON.stringify(down));
}

/** Debian's Alertmanager reads its templates where they are installed; what is only unpacked is laid over that place, for it alone. */
function with_its_templates(): readonly string[] {
  if (existsSync("/usr/share/prometheus/alertmanager")) return [];
  const unpacked = join(process.cwd(), "build/prometheus/usr/share");
  const lay = `mount -t overlay overlay -o lowerdir=${unpacked}:/usr/share /usr/share && exec "$@"`;
  return ["unshare", "--mount", "sh", "-c", lay, "sh"];
}

async function prove_alertmanager(): Promise<void> {
  const config = join(directory, "alertmanager.yaml");
  writeFileSync(config, "route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n");
  const port = free_port();
  const place = [`--storage.path=${join(directory, "alerts")}`, `--web.listen-address=127.0.0.1:${port}`];
  const alertmanager = ["prometheus-alertmanager", `--config.file=${config}`, "--cluster.listen-address=", ...place];
  start([...with_its_templates(), ...alertmanager], "alertmanager.log");
  const base = `http://127.0.0.1:${port}/api/v2`;
  await until("Alertmanager", () => json(`${base}/status`));
  const alerts = (filter: string) => json<Alert[]>(`${base}/alerts?${new URLSearchParams({ filter, active: "true" })}`);

  // An agent that is at level 1 from its first beat on.
  const alarmed = start_hosa("alarmed", [
    "node: { name: alarmed }",
    "thresholds: { mode: fixed, fixed: [0.1, 200000, 300000, 400000] }",
    `webhooks: [{ url: "${base}/alerts", template: alertmanager, min_level: 1 }]`,
  ]);
  const [told] = await until("the alert of the agent", async () => {
    const found = await alerts("node=alarmed");
    return found.length > 0 ? found : null;
  });
  row(told!.labels["alertname"] === "HosaEpisode", "Alertmanager: told by the agent", JSON.stringify(told!.labels));
  alarmed.kill("SIGTERM");

  // A whole episode: begun, risen to another severity, over.
  const taken: string[] = [];
  const webhooks = new Webhooks({
    endpoints: [{ url: `${base}/alerts`, secret: "", template: "alertmanager", min_level: 2, timeout_s: 5 }],
    node: "episode",
    version: "0",
    now: () => ({ dry_run: false, last_word_within_s: 0 }),
    clock: () => performance.now() * 1e6,
    wall_s: () => Date.now() / 1000,
    deadline: (after_s) => AbortSignal.timeout(after_s * 1000),
    on_message: (_level, text) => taken.push(text),
  });
  const states = async () =>
    (await alerts("node=episode"))
      .map(({ labels }) => labels["severity"])
      .sort()
      .join();
  for (const [level, at_s, expected] of [
    [2, 0, "warning"],
    [3, 1, "critical"],
    [0, 2, "critical"],
    [0, 60, ""],
  ] as const) {
    webhooks.noticed({ ...beat(level, at_s), wall_time: () => new Date().toISOString() });
    await webhooks.drain();
    const active = await states();
    row(
      active === expected,
      `Alertmanager: level ${level} after ${at_s} s`,
      `active: ${active || "none"} ${taken.join()}`,
    );
  }
}

try {
  const hosa = start_scraped();
  const guest = begin_guest(join(directory, "guest"), join(directory, "guest.log"));
  started.push(guest);
  await prove_alertmanager();
  await prove_prometheus(hosa, guest);
} catch (error) {
  row(false, "prove-metrics", error instanceof Error ? error.message : String(error));
} finally {
  for (const child of started) child.kill("SIGTERM");
  await Promise.all(started.map((child) => Promise.race([child.exited, Bun.sleep(10_000)])));
  for (const child of started) child.kill("SIGKILL");
  rmSync(directory, { recursive: true, force: true });
}
const failed = rows.filter(({ ok }) => !ok).length;
console.log(`${rows.length - failed} of ${rows.length} held`);
process.exitCode = failed === 0 ? 0 : 1;
