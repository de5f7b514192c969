import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { audit_lines } from "./audit_lines.ts";
import { type Answer, type Meeting, meeting, meeting_failures, meeting_text } from "./flood_met.ts";
import { KERNELS, type Kernel, UsageError } from "./options.ts";
import { type Figures, figures, percent, probes, rows } from "./probes.ts";
import { scratch_folder } from "./scratch.ts";
import { image, run_vm } from "./vm.ts";

export const FLOOD_USAGE = `usage: scripts/lab flood [options]     a flood against a service, a healthcheck and a session, level by level

  --kernel V     ${KERNELS.join(" | ")} (6.12)
  --rate N       packets per second of the floods of packets (100000)
  --requests N   requests per second of the flood of requests (4000)
  --seconds N    length of each phase (8)
  --agent-only   no level is forced and no holder killed: only what the agent does by itself
  --seed N       (1)
  --hosa FILE    the binary under test (dist/hosa)
  --out DIR      keep everything the guest recorded
  -o text|json   (text)`;

/** name:kind:port:rate:sources, or the addresses of whole requests. Many sources are more than a quota per source can answer. */
const one_address = (requests: number) => `http-one:http:8080:${requests}:10.77.0.3`;
const floods = (rate: number, requests: number): string =>
  [one_address(requests), `syn-many:syn:8080:${rate}:8192`, `udp-one:udp:8080:${rate}:1`].join(" ");

/**
 * What the agent meets. Addresses that complete their connections are known to the shield, which hears each of them: a share of their
 * flows is still too much.
 */
const met = (requests: number): string =>
  [one_address(requests), `http-many:http:8080:${requests}:10.77.64.1+4096`].join(" ");
const ANSWER: Readonly<Record<string, Answer>> = { "http-one": "shed", "http-many": "essential" };

export interface PhaseFigures {
  readonly phase: string;
  readonly service: Figures;
  readonly health: Figures;
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
  /** What the agent did by itself about each flood it met. */
  readonly met: readonly Meeting[];
}

/** What the guest wrote, as figures. Pure. @param read text of one of its files, empty when there is none */
export function flood_report(read: (name: string) => string): FloodReport {
  const session = rows(read("session.txt"));
  const timed = rows(read("phases.txt")).map(([name = "", from = "0", to = "0"]) => ({
    name,
    from_ms: Number(from),
    to_ms: Number(to),
    service: probes(read(`service-${name}.txt`)),
    health: probes(read(`health-${name}.txt`)),
  }));
  const phases = timed.map(({ name, from_ms, to_ms, service, health }): PhaseFigures => {
    const waited = session.filter(([t]) => Number(t) >= from_ms && Number(t) < to_ms);
    const sent = Number(/sent (\d+)/.exec(read(`flood-${name}.log`))?.[1] ?? 0);
    return {
      phase: name,
      service: figures(service),
      health: figures(health),
      session_worst_ms: Math.max(0, ...waited.map(([, rtt_us]) => Number(rtt_us) / 1000)),
      flood_sent_per_s: Math.round((sent * 1000) / (to_ms - from_ms)),
    };
  });
  const audit = audit_lines(read("audit.jsonl"));
  const met = Object.entries(ANSWER).flatMap(([flood, answer]) => {
    const [before, during, after] = ["before", "agent", "after"].map((part) =>
      timed.find(({ name }) => name === `${flood}-${part}`),
    );
    if (before === undefined || during === undefined || after === undefined) return [];
    const { from_ms: onset_ms, to_ms: end_ms } = during;
    const all = [before, during, after];
    const probed = { service: all.flatMap((each) => each.service), health: all.flatMap((each) => each.health) };
    const flooded = { flood, answer, onset_ms, end_ms, after_ms: after.from_ms, ...probed };
    return [
      meeting(
        flooded,
        audit.filter(({ t_ns }) => t_ns >= onset_ms * 1e6 && t_ns < after.to_ms * 1e6),
      ),
    ];
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
    met,
  };
}

/** What must hold and does not; empty when all of it does. @param agent_only no level was forced, nobody was killed */
export function flood_failures(report: FloodReport, agent_only = false): readonly string[] {
  const { phases, session, kills, after_release, after_agent, met } = report;
  const wrong: string[] = [];
  for (const { phase, health } of phases) {
    const promised = phase.endsWith("-essential");
    if (promised && (health.asked === 0 || health.served < health.asked)) {
      wrong.push(`${phase}: ${health.served} of ${health.asked} healthchecks were answered`);
    }
  }
  for (const flood of Object.keys(ANSWER)) {
    const each = met.find((one) => one.flood === flood);
    wrong.push(...(each === undefined ? [`${flood}: the agent never met it`] : meeting_failures(each)));
  }
  if (session !== "alive") wrong.push(`the session is ${session}`);
  const differences = { agent: after_agent, ...(agent_only ? {} : { release: after_release }) };
  for (const [when, difference] of Object.entries(differences)) {
    if (difference !== "same") wrong.push(`after the ${when} the interfaces are not as before: ${difference}`);
  }
  if (agent_only) return wrong;
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
  const lines = ["phase                 flood/s   served       p50      p99   healthchecks   session worst"];
  for (const each of report.phases) {
    lines.push(
      [
        each.phase.padEnd(20),
        String(each.flood_sent_per_s).padStart(9),
        percent(each.service.served, each.service.asked).padStart(9),
        `${each.service.p50_ms.toFixed(1)} ms`.padStart(10),
        `${each.service.p99_ms.toFixed(0)} ms`.padStart(9),
        percent(each.health.served, each.health.asked).padStart(12),
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
  for (const each of report.met) lines.push("", meeting_text(each));
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
      "agent-only": { type: "boolean" },
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
    const agent_only = v["agent-only"] === true;
    const environment = {
      FLOODS: `"${agent_only ? "" : floods(rate, requests)}"`,
      MET: `"${met(requests)}"`,
      KILLS: `"${agent_only ? "" : "shed essential isolate"}"`,
      SECONDS_EACH: seconds,
    };
    writeFileSync(
      join(job, "env"),
      Object.entries(environment)
        .map(([key, value]) => `${key}=${value}\n`)
        .join(""),
    );
    const seed = whole("seed", v.seed ?? "1");
    const cost = await run_vm({ kernel, clock: "virtual", seed, tree, out, timeout_s: 1200 + 40 * seconds });
    const report = flood_report((name) => (existsSync(join(out, name)) ? readFileSync(join(out, name), "utf8") : ""));
    const failures = flood_failures(report, agent_only);
    console.log(v.output === "json" ? JSON.stringify({ kernel, ...cost, ...report, failures }) : table(report));
    for (const failure of failures) console.error(`FAILED: ${failure}`);
    return failures.length === 0 ? 0 : 1;
  } finally {
    scratch.remove();
  }
}
