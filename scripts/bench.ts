import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One measured value, as printed. */
interface Measure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

const TICKS_PER_S = 100;
const SETTLE_S = 15;

function cpu_ticks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

function status_kib(pid: number, key: string): number {
  const line = readFileSync(`/proc/${pid}/status`, "latin1")
    .split("\n")
    .find((each) => each.startsWith(`${key}:`));
  return Number(line?.split(/\s+/)[1] ?? Number.NaN);
}

/** Runs the binary at one rate and measures it from outside; the beat's own cost comes from its stop record. */
async function measure(period_ms: number, seconds: number): Promise<Measure[]> {
  const directory = mkdtempSync(join(tmpdir(), "hosa-bench-"));
  try {
    const audit = join(directory, "audit.jsonl");
    const config = join(directory, "hosa.yaml");
    // Fixed thresholds out of reach: the rate measured is the rate asked for.
    writeFileSync(
      config,
      [
        `beat: { period_ms: ${period_ms}, vigilant_period_ms: ${period_ms} }`,
        `learning: { warmup_s: 5, state_dir: ${directory} }`,
        "thresholds: { mode: fixed, fixed: [100000, 200000, 300000, 400000] }",
        `motor: { ledger_dir: ${directory} }`,
        `audit: { path: ${audit} }`,
        "",
      ].join("\n"),
    );
    const hosa = Bun.spawn(
      ["dist/hosa", "run", "--dry-run", "--config", config, "--duration", `${SETTLE_S + seconds + 2}`],
      {
        stdout: "ignore",
        stderr: "ignore",
      },
    );
    await Bun.sleep(SETTLE_S * 1000);
    const before = cpu_ticks(hosa.pid);
    const started = performance.now();
    await Bun.sleep(seconds * 1000);
    const ticks = cpu_ticks(hosa.pid) - before;
    const elapsed_s = (performance.now() - started) / 1000;
    const rss = status_kib(hosa.pid, "VmRSS") / 1024;
    const anonymous = status_kib(hosa.pid, "RssAnon") / 1024;
    await hosa.exited;
    const stop = readFileSync(audit, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
      .find((record) => record.kind === "stop");
    const rate = `${1000 / period_ms}hz`;
    return [
      { name: `beat_cost_p50_${rate}`, value: stop.beat_cost_us.p50, unit: "us" },
      { name: `beat_cost_p99_${rate}`, value: stop.beat_cost_us.p99, unit: "us" },
      { name: `cpu_share_${rate}`, value: (100 * ticks) / TICKS_PER_S / elapsed_s, unit: "percent of a core" },
      { name: `rss_${rate}`, value: rss, unit: "MiB" },
      { name: `rss_anon_${rate}`, value: anonymous, unit: "MiB" },
    ];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What this machine takes for the reads of a beat alone: a C loop that sleeps and reads the same files, judging nothing. */
async function floor(period_ms: number, seconds: number): Promise<Measure[]> {
  const directory = mkdtempSync(join(tmpdir(), "hosa-bench-"));
  try {
    const program = join(directory, "floor");
    const built = Bun.spawnSync(["clang", "-O2", "-o", program, join(import.meta.dir, "bench-floor.c")]);
    if (!built.success) throw new Error(`bench: clang cannot build bench-floor.c: ${built.stderr.toString()}`);
    const run = Bun.spawnSync([program, String(period_ms), String(seconds)]);
    const [p50, p99, cpu] = run.stdout.toString().trim().split(" ").map(Number);
    const rate = `${1000 / period_ms}hz`;
    return [
      { name: `floor_reads_p50_${rate}`, value: p50 ?? Number.NaN, unit: "us" },
      { name: `floor_reads_p99_${rate}`, value: p99 ?? Number.NaN, unit: "us" },
      { name: `floor_reads_cpu_share_${rate}`, value: cpu ?? Number.NaN, unit: "percent of a core" },
    ];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const seconds = Number(process.argv[2] ?? 30);
if (!(seconds >= 1 && seconds <= 600)) {
  console.error(`bench: ${process.argv[2]} is not a number of seconds in 1..600`);
  process.exit(2);
}
for (const period_ms of [100, 10]) {
  for (const line of await measure(period_ms, seconds)) console.log(JSON.stringify(line));
  for (const line of await floor(period_ms, seconds)) console.log(JSON.stringify(line));
}
