import * as v from "valibot";
import { RUNGS } from "../model/containment.ts";
import { ACT } from "./act.ts";
import { AUTONOMY, MAX_LEVEL } from "./autonomy.ts";
import { CONTROL } from "./control.ts";
import { choice, choices, flag, four_numbers, integer, number, text, texts } from "./field.ts";
import { GOVERNOR } from "./governor.ts";
import { HOOKS } from "./hooks.ts";
import { QUARANTINE } from "./quarantine.ts";
import { RESERVE } from "./reserve.ts";
import { SECURITY } from "./security.ts";
import { SHIELD } from "./shield.ts";
import { METRICS, TELEMETRY } from "./telemetry.ts";
import { WEBHOOKS } from "./webhooks.ts";

const ABSOLUTE = /^\/[^\0]*$/;
const GLOB = { pattern: ABSOLUTE, accepts: "cgroup path globs starting with /" } as const;

/** Every key of hosa.yaml with its unit, default, range and meaning: the one table all others are made from. */
export const SECTIONS = {
  autonomy: AUTONOMY,
  max_level: MAX_LEVEL,
  node: v.strictObject({
    name: text({
      initial: "",
      pattern: /^[A-Za-z0-9._-]{0,253}$/,
      accepts: "host name, or empty",
      docs: "Name of this node in what is reported; empty means the host name.",
    }),
  }),
  beat: v.strictObject({
    period_ms: integer({ unit: "ms", initial: 100, min: 5, max: 1000, docs: "Beat at level 0." }),
    vigilant_period_ms: integer({
      unit: "ms",
      initial: 10,
      min: 5,
      max: 1000,
      docs: "Beat from level 1 up, while anything moves.",
    }),
    relax_s: number({
      unit: "s",
      initial: 5,
      min: 0,
      max: 600,
      docs: "Time at level 0 before the beat returns to period_ms.",
    }),
  }),
  learning: v.strictObject({
    warmup_s: number({
      unit: "s",
      initial: 300,
      min: 1,
      max: 86_400,
      docs: "Learning time before anything above level 1 is done.",
    }),
    half_life_s: number({
      unit: "s",
      initial: 3600,
      min: 60,
      max: 2_592_000,
      docs: "Age at which a sample counts half (habituation).",
    }),
    lambda: number({
      unit: "–",
      initial: 1e-3,
      min: 1e-9,
      max: 1,
      docs: "Tikhonov term added to the correlation matrix.",
    }),
    habituate_s: number({
      unit: "s",
      initial: 1800,
      min: 60,
      max: 86_400,
      docs: "A calm plateau at level 1 must last this long before it is learned as normal.",
    }),
    habituate_bound: number({
      unit: "θ4",
      initial: 5,
      min: 0.1,
      max: 100,
      docs: "Beyond this multiple of θ4 a plateau is never learned as normal.",
    }),
    habituate_rho: number({
      unit: "–",
      initial: 2,
      min: 0,
      max: 1e6,
      docs: "A plateau whose covariance differs from the learned one by more (ρ, relative) is not learned as normal.",
    }),
    habituate_entropy_bits: number({
      unit: "bits",
      initial: 1,
      min: 0,
      max: 16,
      docs: "A plateau on which the entropy of the system call mix has shifted by more is not learned as normal.",
    }),
    state_dir: text({
      initial: "/var/lib/hosa",
      pattern: ABSOLUTE,
      accepts: "absolute path",
      docs: "Where the learned self is kept across restarts.",
    }),
  }),
  opinions: v.strictObject({
    enabled: flag({
      initial: true,
      docs: "Ask second opinions beside D̄ (neighbours, innovations, season); they can raise level 1, never more. Not with fixed thresholds.",
    }),
    period_s: number({
      unit: "s",
      initial: 1,
      min: 0.1,
      max: 3600,
      docs: "Time between two rows shown to the opinions.",
    }),
  }),
  thresholds: v.strictObject({
    mode: choice(["learned", "fixed"], {
      initial: "learned",
      docs: "learned: from the tail of the warm-up and fitted again every five minutes learned, for the budgets below. fixed: the four values below.",
    }),
    fixed: four_numbers({
      unit: "σ",
      initial: [3, 5, 7, 9],
      min: 0.1,
      max: 1e6,
      docs: "θ1..θ4 when mode is fixed.",
    }),
    vigilance_per_hour: number({
      unit: "1/h",
      initial: 1,
      min: 1e-4,
      max: 3600,
      docs: "False-alarm budget of level 1.",
    }),
    interventions_per_30_days: number({
      unit: "1/30 d",
      initial: 1,
      min: 1e-4,
      max: 1e6,
      docs: "False-alarm budget of all levels that act.",
    }),
  }),
  levels: v.strictObject({
    hold_s: four_numbers({
      unit: "s",
      initial: [1, 5, 10, 20],
      min: 0,
      max: 3600,
      docs: "Time a level (1..4) is held below its threshold before it goes one down.",
    }),
    trend_s: number({
      unit: "s",
      initial: 0.5,
      min: 0.05,
      max: 60,
      docs: "How long D̄ must rise before the rise alone means level 1.",
    }),
  }),
  act: ACT,
  motor: v.strictObject({
    enabled: flag({ initial: true, docs: "Deprecated. false: as `autonomy: detection`." }),
    rungs: choices(RUNGS, { initial: [...RUNGS], docs: "Rungs the motor may climb." }),
    max_targets_per_minute: integer({
      unit: "1/min",
      initial: 6,
      min: 1,
      max: 600,
      docs: "Bound on different targets acted on.",
    }),
    cooldown_s: number({
      unit: "s",
      initial: 5,
      min: 0,
      max: 3600,
      docs: "Pause between two actions of one kind on one target.",
    }),
    expiry_s: number({
      unit: "s",
      initial: 30,
      min: 1,
      max: 3600,
      docs: "An action that is not renewed lapses after this.",
    }),
    ledger_dir: text({
      initial: "/run/hosa",
      pattern: ABSOLUTE,
      accepts: "absolute path on a tmpfs",
      docs: "Where prior values are written before anything is touched.",
    }),
  }),
  governor: GOVERNOR,
  reserve: RESERVE,
  shield: SHIELD,
  quarantine: QUARANTINE,
  protect: texts({
    ...GLOB,
    docs: "Cgroups never limited, besides HOSA's own and what the safety list of docs/CONTAINMENT.md names (managers, logins, network, storage, container runtimes and more; `hosa doctor` counts them). A pattern is the whole path: * stays within one segment, ** crosses them, so a slice with all in it takes /a.slice and /a.slice/**.",
  }),
  contain_only: texts({
    ...GLOB,
    docs: "Cgroups that may be limited, each with all within it; empty: all that nothing protects. All others are sensed and told of as always. Level 5 isolates the node's network all the same.",
  }),
  prefer: texts({
    ...GLOB,
    docs: "Cgroups taken first where candidates tie. What is named here may be frozen at level 4 for a stall of others, units and containers included.",
  }),
  senses: v.strictObject({
    disabled: texts({
      pattern: /^[a-z][a-z0-9_]*$/,
      accepts: "probe names, as `hosa doctor` lists them",
      docs: "Probes not to load.",
    }),
  }),
  security: SECURITY,
  audit: v.strictObject({
    path: text({
      initial: "/var/log/hosa/audit.jsonl",
      pattern: ABSOLUTE,
      accepts: "absolute path",
      docs: "The hash-chained record of everything decided.",
    }),
    max_bytes: integer({
      unit: "bytes",
      initial: 16_777_216,
      min: 65_536,
      max: 1_073_741_824,
      docs: "Size at which the file is rotated.",
    }),
    keep: integer({ unit: "files", initial: 4, min: 1, max: 99, docs: "Rotated files kept." }),
    flight_minutes: number({
      unit: "min",
      initial: 3,
      min: 0,
      max: 30,
      docs: "Time the flight recorder looks back, within 8 MiB; written beside the audit from level 2 up. 0 switches it off.",
    }),
    flight_keep: integer({ unit: "files", initial: 8, min: 1, max: 99, docs: "Recorded flights kept." }),
  }),
  telemetry: TELEMETRY,
  control: CONTROL,
  metrics: METRICS,
  webhooks: WEBHOOKS,
  hooks: HOOKS,
  log: v.strictObject({
    level: choice(["error", "warn", "info", "debug"], { initial: "info", docs: "Messages on standard error." }),
  }),
} as const;

/** A whole file: every section may be left out. Cross-field rules are in parse.ts. */
export const FILE_SCHEMA = v.strictObject({
  autonomy: SECTIONS.autonomy,
  max_level: SECTIONS.max_level,
  node: v.optional(SECTIONS.node, {}),
  beat: v.optional(SECTIONS.beat, {}),
  learning: v.optional(SECTIONS.learning, {}),
  opinions: v.optional(SECTIONS.opinions, {}),
  thresholds: v.optional(SECTIONS.thresholds, {}),
  levels: v.optional(SECTIONS.levels, {}),
  act: v.optional(SECTIONS.act, {}),
  motor: v.optional(SECTIONS.motor, {}),
  governor: v.optional(SECTIONS.governor, {}),
  reserve: v.optional(SECTIONS.reserve, {}),
  shield: v.optional(SECTIONS.shield, {}),
  quarantine: v.optional(SECTIONS.quarantine, {}),
  protect: SECTIONS.protect,
  contain_only: SECTIONS.contain_only,
  prefer: SECTIONS.prefer,
  senses: v.optional(SECTIONS.senses, {}),
  security: v.optional(SECTIONS.security, {}),
  audit: v.optional(SECTIONS.audit, {}),
  telemetry: v.optional(SECTIONS.telemetry, {}),
  control: v.optional(SECTIONS.control, {}),
  metrics: v.optional(SECTIONS.metrics, {}),
  webhooks: SECTIONS.webhooks,
  hooks: v.optional(SECTIONS.hooks, {}),
  log: v.optional(SECTIONS.log, {}),
});

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** The validated, deeply frozen configuration. */
export type Config = DeepReadonly<v.InferOutput<typeof FILE_SCHEMA>>;
export type LogLevel = Config["log"]["level"];
