import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { KERNELS, type Kernel, UsageError } from "./options.ts";
import { scratch_folder } from "./scratch.ts";
import { image, run_vm } from "./vm.ts";

export const FLOOD_USAGE = `usage: scripts/lab flood [options]     a flood against a service, a healthcheck and a session, level by level

  --kernel V     ${KERNELS.join(" | ")} (6.12)
  --rate N       packets per second of the floods of packets (100000)
  --requests N   requests per second of the flood of requests (4000)
  --seconds N    length of each phase (8)
  --seed N       (1)
  --hosa FILE    the binary under test (dist/hosa)
  --out DIR      keep everything the guest recorded
  -o text|json   (text)`;

/**
 * name:kind:port:rate:sources (or the address of whole requests). Many sources are more than a quota per source can answer. The
 * first is the one the agent meets.
 */
const floods = (rate: number, requests: number): string =>
  [`http-one:http:8080:${requests}:10.77.0.3`, `syn-many:syn:8080:${rate}:8192`, `udp-one:udp:8080:${rate}:1`].join(
    " ",
  );

export interface PhaseFigures {
  readonly phase: string;
  /** Of the requests that were due, per mille kept exact as counts. */
  readonly service_asked: number;
  readonly service_served: number;
  readonly service_p50_ms: number;
  readonly service_p99_ms: number;
  readonly health_asked: number;
  readonly health_served: number;
  /** Slowest answer the session waited for. */
  readonly session_worst_ms: number;
  readonly flood_sent_per_s: number;
}

export interface KillCase {
  readonly mode: string;
  readonly on: string;
  readonly after_kill: string;
  readonly answers: string;
  readonly pins: number;
  readonly release_status: number;
  readonly pins_after: number;
  readonly answers_after: string;
  readonly difference: string;
}

export interface FloodReport {
  readonly phases: readonly PhaseFigures[];
  readonly session: "alive" | "cut" | "unknown";
  readonly kills: readonly KillCase[];
  /** "same", or how the interfaces differ after the shield of a phase, or the agent, was gone. */
  readonly after_release: string;
  readonly after_agent: string;
  /** What the agent decided by itself: `t_s level`, and each outcome of the shield. */
  readonly decided: readonly string[];
}

const quantile = (sorted: readonly number[], q: number): number =>
  sorted.length === 0 ? Number.NaN : sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)]!;

const rows = (text: string): readonly (readonly string[])[] =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split(" "));

interface Probe {
  readonly latency_ms: number;
  readonly ok: boolean;
}

function probes(text: string): readonly Probe[] {
  return rows(text).map(([, latency_us, ok]) => ({ latency_ms: Number(latency_us) / 1000, ok: ok === "1" }));
}

/** What the guest wrote, as figures. Pure. @param read text of one of its files, empty when there is none */
export function flood_report(read: (name: string) => string): FloodReport {
  const session = rows(read("session.txt"));
  const phases = rows(read("phases.txt")).map(([name = "", from = "0", to = "0"]): PhaseFigures => {
    const service = probes(read(`service-${name}.txt`));
    const health = probes(read(`health-${name}.txt`));
    const sorted = service.map(({ latency_ms }) => latency_ms).toSorted((one, other) => one - other);
    const waited = session.filter(([t]) => Number(t) >= Number(from) && Number(t) < Number(to));
    const sent = Number(/sent (\d+)/.exec(read(`flood-${name}.log`))?.[1] ?? 0);
    return {
      phase: name,
      service_asked: service.length,
      service_served: service.filter(({ ok }) => ok).length,
      service_p50_ms: quantile(sorted, 0.5),
      service_p99_ms: quantile(sorted, 0.99),
      health_asked: health.length,
      health_served: health.filter(({ ok }) => ok).length,
      session_worst_ms: Math.max(0, ...waited.map(([, rtt_us]) => Number(rtt_us) / 1000)),
      flood_sent_per_s: Math.round((sent * 1000) / (Number(to) - Number(from))),
    };
  });
  const last = session.at(-1)?.[0];
  return {
    phases,
    session: last === "alive" || last === "cut" ? last : "unknown",
    kills: read("kills.jsonl")
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as KillCase),
    after_release: read("released.diff").trim(),
    after_agent: read("agent.diff").trim(),
    decided: decisions(read("audit.jsonl")),
  };
}

interface AuditLine {
  readonly t_ns?: number;
  readonly kind?: string;
  readonly decision?: { readonly level: number; readonly previous_level: number; readonly rule: string };
  readonly outcomes?: readonly { readonly rung: string; readonly status: string; readonly detail: string }[];
  readonly verdicts?: readonly { readonly verdict: string; readonly detail: string }[];
}

function decisions(audit: string): readonly string[] {
  const said: string[] = [];
  for (const text of audit.split("\n").filter(Boolean)) {
    const line = JSON.parse(text) as AuditLine;
    const at = `${((line.t_ns ?? 0) / 1e9).toFixed(1)} s`;
    const { decision } = line;
    if (
      decision !== undefined &&
      decision.level !== decision.previous_level &&
      decision.level + decision.previous_level > 1
    ) {
      said.push(`${at} level ${decision.level}: ${decision.rule}`);
    }
    for (const { rung, status, detail } of line.outcomes ?? []) {
      if (rung === "shield") said.push(`${at} shield ${status}: ${detail}`);
    }
    for (const { verdict, detail } of line.verdicts ?? []) said.push(`${at} ${verdict}: ${detail}`);
  }
  return said;
}

/** What must hold and does not; empty when all of it does. */
export function flood_failures({ phases, session, kills, after_release, after_agent }: FloodReport): readonly string[] {
  const wrong: string[] = [];
  for (const { phase, health_asked, health_served } of phases) {
    const promised = phase.endsWith("-essential");
    if (promised && (health_asked === 0 || health_served < health_asked)) {
      wrong.push(`${phase}: ${health_served} of ${health_asked} healthchecks were answered`);
    }
  }
  if (session !== "alive") wrong.push(`the session is ${session}`);
  for (const [when, difference] of Object.entries({ release: after_release, agent: after_agent })) {
    if (difference !== "same") wrong.push(`after the ${when} the interfaces are not as before: ${difference}`);
  }
  for (const mode of ["shed", "essential", "isolate"]) {
    const each = kills.find((kill) => kill.mode === mode);
    if (each === undefined) {
      wrong.push(`${mode}: no kill was tried`);
      continue;
    }
    const closed = mode === "isolate";
    const expected = { on: "yes", after_kill: closed ? "closed" : "open", answers: closed ? "no" : "yes" };
    const after = { release_status: 0, pins_after: 0, answers_after: "yes", difference: "" };
    for (const [key, value] of Object.entries({ ...expected, ...after })) {
      const found = each[key as keyof KillCase];
      if (found !== value) wrong.push(`${mode}: ${key} is ${found}, not ${value}`);
    }
  }
  return wrong;
}

function table(report: FloodReport): string {
  const percent = (part: number, all: number) => (all === 0 ? "–" : `${((100 * part) / all).toFixed(1)} %`);
  const lines = ["phase                 flood/s   served       p50      p99   healthchecks   session worst"];
  for (const each of report.phases) {
    lines.push(
      [
        each.phase.padEnd(20),
        String(each.flood_sent_per_s).padStart(9),
        percent(each.service_served, each.service_asked).padStart(9),
        `${each.service_p50_ms.toFixed(1)} ms`.padStart(10),
        `${each.service_p99_ms.toFixed(0)} ms`.padStart(9),
        percent(each.health_served, each.health_asked).padStart(12),
        `${each.session_worst_ms.toFixed(1)} ms`.padStart(15),
      ].join(" "),
    );
  }
  lines.push(
    "",
    `session: ${report.session}; interfaces after release: ${report.after_release}; after the agent: ${report.after_agent}`,
  );
  for (const each of report.kills) {
    lines.push(
      `kill -9 in ${each.mode}: ${each.after_kill}, new connection ${each.answers}, ${each.pins} pins; after release ${each.pins_after} pins, new connection ${each.answers_after}, interfaces ${each.difference === "" ? "same" : each.difference}`,
    );
  }
  lines.push("", "decided by itself:", ...report.decided.map((line) => `  ${line}`));
  return lines.join("\n");
}

function whole(name: string, value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1)
    throw new UsageError(`--${name}: "${value}" is not a whole number above 0`);
  return number;
}

/** One guest, all phases. Exit status 1 when something that must hold does not. @throws {GuestFailure} {UsageError} */
export async function run_flood(argv: readonly string[]): Promise<number> {
  const text = { type: "string" } as const;
  const { values: v } = parseArgs({
    args: [...argv],
    options: {
      kernel: text,
      rate: text,
      requests: text,
      seconds: text,
      seed: text,
      hosa: text,
      out: text,
      output: { ...text, short: "o" },
    },
  });
  const kernel = KERNELS.find((each) => each === (v.kernel ?? "6.12")) as Kernel | undefined;
  if (kernel === undefined) throw new UsageError(`--kernel: "${v.kernel}" is not one of ${KERNELS.join(", ")}`);
  const seconds = whole("seconds", v.seconds ?? "8");
  const scratch = scratch_folder("hosa-flood");
  try {
    const tree = join(scratch.path, "tree");
    const job = join(tree, "job");
    const out = v.out ?? join(scratch.path, "out");
    for (const folder of [job, out]) mkdirSync(folder, { recursive: true });
    cpSync(join(image("workloads"), "flood"), join(job, "flood"));
    cpSync(v.hosa ?? "dist/hosa", join(job, "hosa"));
    const built = Bun.spawnSync([
      process.execPath,
      "build",
      "--compile",
      join(import.meta.dir, "flood_hold.ts"),
      "--outfile",
      join(job, "flood-hold"),
    ]);
    if (!built.success) throw new Error(`flood_hold.ts does not compile: ${built.stderr.toString()}`);
    cpSync(join(import.meta.dir, "flood.yaml"), join(job, "hosa.yaml"));
    cpSync(join(import.meta.dir, "guest", "flood.sh"), join(job, "job.sh"));
    const [rate, requests] = [whole("rate", v.rate ?? "100000"), whole("requests", v.requests ?? "4000")];
    const environment = { FLOODS: `"${floods(rate, requests)}"`, SECONDS_EACH: seconds };
    writeFileSync(
      join(job, "env"),
      Object.entries(environment)
        .map(([key, value]) => `${key}=${value}\n`)
        .join(""),
    );
    const seed = whole("seed", v.seed ?? "1");
    const cost = await run_vm({ kernel, clock: "virtual", seed, tree, out, timeout_s: 1200 + 40 * seconds });
    const report = flood_report((name) => (existsSync(join(out, name)) ? readFileSync(join(out, name), "utf8") : ""));
    const failures = flood_failures(report);
    console.log(v.output === "json" ? JSON.stringify({ kernel, ...cost, ...report, failures }) : table(report));
    for (const failure of failures) console.error(`FAILED: ${failure}`);
    return failures.length === 0 ? 0 : 1;
  } finally {
    scratch.remove();
  }
}
