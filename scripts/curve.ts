import { CONFIG, MIB } from "../tests/decision/fixtures.ts";
import { type Run, SCENARIOS, simulate } from "../tests/simulation/service.ts";

/** Simulated, seeded: the real decision loop against modelled services (tests/simulation). One line per setting. */
const SEEDS = [1, 2, 3, 4, 5];
const RELOAD_S = 3;

function worst(make: (seed: number) => Run, value: (run: Run) => number): number {
  return Math.max(...SEEDS.map((seed) => value(make(seed))));
}

const lost_mib = (run: Run) => (run.peak_bytes - 150 * MIB) / MIB;

for (const probation_s of [0.2, 0.5, 1, 1.5, 2, 2.5, 3.2, 4, 5]) {
  const config = { ...CONFIG, hold: { ...CONFIG.hold, probation_s } };
  const reload = (seed: number) => simulate(SCENARIOS.reload(400, RELOAD_S), config, seed);
  const late_percent = worst(reload, (run) => 100 * ((run.finished_s ?? Number.POSITIVE_INFINITY) / RELOAD_S - 1));
  const line = {
    probation_s,
    reload_late_percent: Number.isFinite(late_percent) ? Number(late_percent.toFixed(1)) : null,
    leak_50_lost_mib: Math.round(worst((seed) => simulate(SCENARIOS.leak(50), config, seed), lost_mib)),
    leak_300_lost_mib: Math.round(worst((seed) => simulate(SCENARIOS.leak(300), config, seed), lost_mib)),
  };
  console.log(JSON.stringify(line));
}
