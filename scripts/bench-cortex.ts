/**
 * What judging one beat costs in steady state: assess, decide and learn, by the live cortex, with the flight recorder's
 * memory behind it, from which beats come back to be written over. In the same run the naive way:
 * the covariance inverted anew at each beat. JSON lines {"name","value","unit"}; each measured in a process of its own,
 * bytes apart from times, because logging collections takes time.
 */

import { writeSync } from "node:fs";
import { inverse, Matrix } from "ml-matrix";
import { FlightRing } from "../src/audit/index.ts";
import { Welford } from "../src/cortex/welford.ts";
import { live_judge, noise_source, sample_at } from "./calibration.ts";
import { allocated_bytes, BEGIN, COUNTED, END, quantile } from "./gc_log.ts";

const SIZES = [4, 8, 16, 32] as const;
const WAYS = ["cortex", "cortex_with_opinions", "naive"] as const;
type Way = (typeof WAYS)[number];

/**
 * Before anything is measured: warm-up, maturity, and code that is compiled. An hour and a half of beats; five and a half with
 * the opinions, until their histories are full and grow no more.
 */
const MATURE_BEATS: Readonly<Record<Way, number>> = { cortex: 50_000, cortex_with_opinions: 200_000, naive: 20_000 };
const MEASURED_BEATS: Readonly<Record<Way, number>> = { cortex: 50_000, cortex_with_opinions: 50_000, naive: 20_000 };
/** As the agent has it by default: five minutes. */
const FLIGHT_NS = 300e9;
const FLIGHT_BYTES = 8_388_608;
/** Rows of noise drawn beforehand, so that drawing is not measured. */
const ROWS = 1024;

/** Judges the k-th beat; everything that is no part of the judgement has been prepared. */
function beats_of(way: Way, count: number): (k: number) => void {
  const fill = noise_source("gaussian", count);
  const rows = Array.from({ length: ROWS }, () => {
    const x = new Float64Array(count);
    fill(x, 0);
    return x;
  });
  if (way === "naive") return naive(count, rows);
  const { step } = live_judge(count, new FlightRing(FLIGHT_NS, FLIGHT_BYTES), way === "cortex");
  // One sample, moved on: the sensor's own cost is measured with the agent.
  const sample = { ...sample_at(0, rows[0]!) };
  return (k) => {
    sample.t_ns = k * 1e8;
    sample.sequence = k;
    sample.x = rows[k % ROWS]!;
    sample.cgroups_at_ns = sample.t_ns;
    step(sample);
  };
}

/** D by the definition, as a straightforward program has it. Streaming moments, so that only the inverse is compared. */
function naive(count: number, rows: readonly Float64Array[]): (k: number) => void {
  const moments = new Welford(count, 3600);
  const covariance = new Float64Array(count * count);
  return (k) => {
    const x = rows[k % ROWS]!;
    moments.update(x, 0.1);
    if (k < 2 * count) return;
    moments.covariance_into(covariance);
    const matrix = Matrix.from1DArray(count, count, covariance);
    for (let j = 0; j < count; j++) matrix.set(j, j, matrix.get(j, j) + 1e-3);
    const deviation = Matrix.columnVector(Array.from(x, (value, j) => value - moments.mean[j]!));
    const squared = deviation.transpose().mmul(inverse(matrix)).mmul(deviation).get(0, 0);
    if (!(squared >= 0)) throw new Error(`naive distance² of ${squared}`);
  };
}

function child(way: Way, count: number, what: string): void {
  const beat = beats_of(way, count);
  const mature = MATURE_BEATS[way];
  let k = 1;
  for (; k <= mature; k++) beat(k);
  if (what === "bytes") {
    Bun.gc(true);
    writeSync(2, `${BEGIN}\n`);
    for (const end = k + MEASURED_BEATS[way]; k < end; k++) beat(k);
    writeSync(2, `${END}\n`);
    Bun.gc(true);
    return;
  }
  const cost_us = new Float64Array(MEASURED_BEATS[way]);
  for (let i = 0; i < cost_us.length; i++) {
    const started_ns = Bun.nanoseconds();
    beat(k++);
    cost_us[i] = (Bun.nanoseconds() - started_ns) / 1000;
  }
  cost_us.sort();
  console.log(JSON.stringify([quantile(cost_us, 0.5), quantile(cost_us, 0.99)]));
}

function run(way: Way, count: number, what: "time" | "bytes") {
  const env = { ...process.env, ...(what === "bytes" ? COUNTED : {}) };
  const ran = Bun.spawnSync([process.execPath, import.meta.path, "--child", way, String(count), what], { env });
  if (!ran.success) throw new Error(`bench: ${way} at ${count} dimensions: ${ran.stderr.toString().slice(-500)}`);
  return ran;
}

if (process.argv[2] === "--child") {
  child(process.argv[3] as Way, Number(process.argv[4]), process.argv[5] ?? "time");
} else {
  for (const count of SIZES) {
    for (const way of WAYS) {
      const [p50, p99]: [number, number] = JSON.parse(run(way, count, "time").stdout.toString());
      const bytes = allocated_bytes(run(way, count, "bytes").stderr.toString()) / MEASURED_BEATS[way];
      const lines = [
        { name: `${way}_p50_n${count}`, value: p50, unit: "us" },
        { name: `${way}_p99_n${count}`, value: p99, unit: "us" },
        { name: `${way}_allocated_n${count}`, value: Math.round(bytes), unit: "bytes per beat" },
      ];
      for (const line of lines) console.log(JSON.stringify(line));
    }
  }
}
