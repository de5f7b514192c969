import { Cortex } from "../../src/cortex/cortex.ts";
import type { CortexOptions } from "../../src/cortex/self.ts";
import type { DecisionConfig } from "../../src/decision/config.ts";
import { decide } from "../../src/decision/decide.ts";
import { initial_state } from "../../src/decision/state.ts";
import type { Dimension } from "../../src/model/dimension.ts";
import { type DimensionName, dimension } from "../../src/sensor/dimensions.ts";
import { normal, sample } from "../cortex/fixtures.ts";
import { MIB, search } from "../decision/fixtures.ts";

const NODE_BYTES = 2048 * MIB;
const NODE_BUSY_BYTES = 300 * MIB;
const SERVICE_BYTES = 150 * MIB;
const NOISE_BYTES = MIB / 4;
const WARMUP_S = 300;
/** The service is this old, and its own growth known, when the leak begins. */
const AGED_S = 1800;
const NAMES: readonly DimensionName[] = [
  "cpu_busy_fraction",
  "context_switches_per_s",
  "memory_used_fraction",
  "memory_growth_bytes_per_s",
  "pressure_memory_fraction",
];

const OPTIONS: CortexOptions = {
  warmup_s: WARMUP_S,
  half_life_s: 3600,
  lambda: 1e-3,
  thresholds: "learned",
  budgets: { vigilance_per_s: 1 / 7200, intervention_per_s: 1 / (30 * 86400) },
  opinions: { every_s: 1, row_s: 1, alarms_per_s: 1 / 7200 },
};

/** One leak from its onset to the first action, or to its end. Times in seconds after the onset. */
export interface LeakRun {
  readonly seen_s: number | null;
  readonly acted_s: number | null;
  /** What the leak had taken when it was acted on, or when it ran into the limit or the horizon. */
  readonly lost_bytes: number;
  /** Memory still free below the limit (or the node's) then, as part of what was free at the onset. */
  readonly left_fraction: number;
  /** When the memory would have been used up without any action. */
  readonly exhausted_s: number;
}

/**
 * The whole loop from samples on: real cortex, real decision, real pace of the beat; the first action ends the run, what it
 * then does is the subject of service.ts. A 2 GiB node, noise of a quarter MiB in the service and beside it.
 * @param limit_bytes of the service; null: none, and the node's memory is the bound
 */
export function leak(
  rate_bytes_per_s: number,
  limit_bytes: number | null,
  config: DecisionConfig,
  seed: number,
): LeakRun {
  const dimensions: Dimension[] = NAMES.map((name) => dimension(name, NODE_BYTES));
  const cortex = new Cortex(dimensions, OPTIONS);
  const next = normal(seed);
  const found_bytes = (limit_bytes ?? NODE_BYTES - NODE_BUSY_BYTES) - SERVICE_BYTES;
  const exhausted_s = found_bytes / rate_bytes_per_s;
  let state = initial_state(0);
  let seen_s: number | null = null;
  const used: { readonly t_s: number; readonly bytes: number }[] = [];
  for (let t_s = 0.1; ; ) {
    const since_s = t_s - AGED_S;
    const lost_bytes = Math.max(0, since_s) * rate_bytes_per_s;
    const end = (acted_s: number | null): LeakRun => {
      const left_fraction = Math.max(0, 1 - lost_bytes / found_bytes);
      return { seen_s, acted_s, lost_bytes, left_fraction, exhausted_s };
    };
    if (lost_bytes >= found_bytes) return end(null);
    const service_bytes = SERVICE_BYTES + lost_bytes + Math.abs(next()) * NOISE_BYTES;
    const used_bytes = NODE_BUSY_BYTES + service_bytes + next() * NOISE_BYTES;
    used.push({ t_s, bytes: used_bytes });
    while (used.length > 2 && used[1]!.t_s <= t_s - 0.285) used.shift();
    const [first] = used;
    const growth = first === undefined || first.t_s === t_s ? 0 : (used_bytes - first.bytes) / (t_s - first.t_s);
    const x = [0.2 + 0.03 * next(), 3000 + 300 * next(), used_bytes / NODE_BYTES, growth, 0];
    const t_ns = Math.round(t_s * 1e9);
    const service = {
      id: 7,
      parent_id: 1,
      path: "/payment.service",
      t_ns,
      memory_bytes: service_bytes,
      memory_limit_bytes: limit_bytes,
      memory_headroom_bytes: limit_bytes === null ? null : limit_bytes - service_bytes,
      cpu_ns: t_ns * 0.1,
      io_bytes: 0,
      age_s: 3600 + t_s,
      exec_age_s: null,
    };
    const node_memory = { total_bytes: NODE_BYTES, available_bytes: NODE_BYTES - used_bytes };
    const wanted = state.searching === null ? null : search();
    const input = sample(t_ns, x, { dimensions, node_memory, cgroups: [service], cgroups_at_ns: t_ns });
    const assessment = cortex.assess(input, { search: wanted, containments: [] });
    const { decision, state: after } = decide(assessment, state, config, t_ns);
    state = after;
    cortex.learn(decision.level, decision.habituates);
    if (since_s > 0 && decision.level > 0) seen_s ??= since_s;
    if (since_s > 0 && decision.actions.length > 0) return end(since_s);
    t_s += decision.beat_period_ms / 1000;
  }
}
