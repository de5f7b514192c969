import { type Calibration, calibrate, markdown, type Noise } from "./calibration.ts";

const STREAMS: readonly (readonly [Noise, number])[] = [
  ["gaussian", 4],
  ["gaussian", 8],
  ["gaussian", 16],
  ["gaussian", 32],
  ["student_t4", 8],
  ["lognormal", 8],
  ["bimodal", 8],
  ["daily", 8],
];
const DEFAULT_BEATS = 2_500_000;
const SEED = 20;

const args = process.argv.slice(2);
const json = args.join(" ").endsWith("-o json");
const positional = json ? args.slice(0, -2) : args;
const beats = Number(positional[0] ?? DEFAULT_BEATS);
if (positional.length > 1 || !(Number.isInteger(beats) && beats >= 1000 && beats <= 1e9)) {
  console.error("prove-calibration: give a whole number of beats in 1000..1000000000, then -o json or nothing");
  process.exit(2);
}
const rows: Calibration[] = [];
for (const [k, [noise, count]] of STREAMS.entries()) {
  const row = calibrate(noise, count, beats, SEED + k);
  rows.push(row);
  if (json) console.log(JSON.stringify(row));
  else console.error(`${noise} ${count}: ${row.episodes} episodes, ${row.budget.toFixed(1)} promised`);
}
if (!json) console.log(markdown(rows));
