import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AuditRecord } from "../src/model/audit.ts";

/** Dry run: learn, then watch an idle or loaded machine, and count episodes from the audit. Prints one JSON object. */
/** The default: what is counted is what a user meets. */
const WARMUP_S = 300;
/** What the warm-up may need beyond its own time: start, the first samples, a machine that is busy. */
const GRACE_S = 30;

const words = process.argv.slice(2);
const loaded = words.includes("--load");
const [given = "10", ...rest] = words.filter((word) => word !== "--load");
const minutes = Number(given);
if (!(minutes > 0 && minutes <= 1440) || rest.length > 0) {
  console.error("prove-quiet: give the minutes to watch (at most 1440) and, if wanted, --load");
  process.exit(2);
}

const directory = mkdtempSync(join(tmpdir(), "hosa-quiet-"));
const audit = join(directory, "audit.jsonl");
const config = join(directory, "hosa.yaml");
writeFileSync(
  config,
  `learning: { warmup_s: ${WARMUP_S}, state_dir: ${directory} }\naudit: { path: ${audit}, max_bytes: 268435456 }\n`,
);

/** A compile of some seconds, niced, of a file as large as is needed for that. */
function compile(): string[] {
  const functions = Array.from(
    { length: 400 },
    (_, k) =>
      `int f${k}(int n) { int s = ${k}; for (int i = 0; i < n; i++) s = s * 31 + (i ^ s) % ${k + 7}; return s; }`,
  );
  const source = join(directory, "load.c");
  writeFileSync(source, functions.join("\n"));
  return ["clang", "-O2", "-c", "-o", join(directory, "load.o"), source];
}

/** One job after the other, each ended by `timeout` at the latest, with pauses in which nothing runs. */
const JOBS: readonly (readonly string[])[] = [
  compile(),
  ["stress-ng", "--cpu", "1", "--timeout", "4s"],
  ["dpkg", "-l"],
  ["stress-ng", "--vm", "1", "--vm-bytes", "128M", "--timeout", "3s"],
  ["apt-cache", "dumpavail"],
  ["stress-ng", "--hdd", "1", "--hdd-bytes", "32M", "--timeout", "3s", "--temp-path", directory],
];
const PAUSE_S = 5;
const LONGEST_JOB_S = 20;

async function load(until_ms: number): Promise<readonly string[]> {
  const jobs = JOBS.filter((job) => Bun.which(job[0]!) !== null);
  const run: string[] = [];
  for (let k = 0; jobs.length > 0 && performance.now() < until_ms; k++) {
    const job = jobs[k % jobs.length]!;
    const child = Bun.spawn(["timeout", String(LONGEST_JOB_S), ...job], { stdout: "ignore", stderr: "ignore" });
    await child.exited;
    run.push(job[0]!);
    await Bun.sleep(PAUSE_S * 1000);
  }
  return run;
}

function records(): AuditRecord[] {
  return readFileSync(audit, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

const duration_s = WARMUP_S + GRACE_S + 60 * minutes;
const hosa = Bun.spawn(["dist/hosa", "run", "--dry-run", "--config", config, "--duration", `${duration_s}s`], {
  stdout: "ignore",
  stderr: Bun.file(join(directory, "stderr")),
});
let jobs: readonly string[] = [];
try {
  if (loaded) {
    await Bun.sleep((WARMUP_S + GRACE_S) * 1000);
    jobs = await load(performance.now() + (60 * minutes - LONGEST_JOB_S) * 1000);
  }
  const status = await hosa.exited;
  if (status !== 0) throw new Error(readFileSync(join(directory, "stderr"), "utf8"));
  report(records(), jobs);
} catch (error) {
  console.error(`prove-quiet: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  hosa.kill("SIGTERM");
  await hosa.exited;
  rmSync(directory, { recursive: true });
}

/** Counts what happened from the end of the warm-up to the end of the run. */
function report(lines: readonly AuditRecord[], done: readonly string[]): void {
  const warm = lines.find((line) => line.kind === "baseline" && line.thresholds.source === "learned");
  const last = lines.at(-1);
  if (warm === undefined || last === undefined) throw new Error("the warm-up did not end: give it more minutes");
  const hours = (last.t_ns - warm.t_ns) / 3600e9;
  const episodes: { readonly at_s: number; readonly rule: string; length_s: number; highest: number }[] = [];
  let since_ns: number | null = null;
  for (const line of lines) {
    if (line.t_ns < warm.t_ns || (line.kind !== "transition" && line.kind !== "action")) continue;
    const { level, previous_level, rule } = line.decision;
    if (previous_level === 0 && level > 0) {
      since_ns = line.t_ns;
      episodes.push({ at_s: Math.round((line.t_ns - warm.t_ns) / 1e9), rule, length_s: 0, highest: level });
    }
    const episode = episodes.at(-1);
    if (episode === undefined || since_ns === null) continue;
    episode.highest = Math.max(episode.highest, level);
    episode.length_s = Number(((line.t_ns - since_ns) / 1e9).toFixed(1));
    if (level === 0) since_ns = null;
  }
  const counted: Record<string, number> = {};
  for (const job of done) counted[job] = (counted[job] ?? 0) + 1;
  const summary = {
    load: loaded ? counted : "idle",
    watched_min: Number((60 * hours).toFixed(1)),
    level_1_episodes: episodes.length,
    level_1_episodes_per_hour: Number((episodes.length / hours).toFixed(2)),
    level_2_episodes: episodes.filter((episode) => episode.highest >= 2).length,
    actions_wanted: lines.filter((line) => line.t_ns >= warm.t_ns && line.kind === "action").length,
    theta: warm.kind === "baseline" ? warm.thresholds.theta.map((theta) => Number(theta.toFixed(2))) : [],
    episodes,
  };
  console.log(JSON.stringify(summary, null, 2));
}
