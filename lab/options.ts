import { parseArgs } from "node:util";
import { is_scenario, SCENARIO_NAMES } from "./scenario.ts";

export const AGENTS = ["hosa", "none", "memory-high", "oomd", "oomd-high", "earlyoom", "restart"] as const;
const AGENTS_COMPARED: readonly Agent[] = ["none", "hosa", "memory-high", "restart", "earlyoom", "oomd"];
/** Those that set a fixed memory.high. */
export const HIGH_AGENTS: readonly Agent[] = ["memory-high", "oomd-high"];
/** Those that can make use of a disk set aside for swap. */
export const RESERVE_AGENTS: readonly Agent[] = ["hosa", "memory-high"];
/** Those that need a guest with systemd. */
export const SYSTEMD_AGENTS: readonly Agent[] = ["oomd", "oomd-high"];
export type Agent = (typeof AGENTS)[number];
export const KERNELS = ["6.1", "6.12", "6.18"] as const;
export type Kernel = (typeof KERNELS)[number];

export interface Options {
  readonly scenario: string;
  /** Run the scenario once per agent and print them side by side. */
  readonly compare: boolean;
  readonly agents: readonly Agent[];
  /** One, or several for compare. */
  readonly kernels: readonly Kernel[];
  readonly clock: "virtual" | "real";
  readonly runs: number;
  /** Guests at a time. */
  readonly jobs: number;
  readonly seed: number;
  /** Results are kept here; null: only printed. */
  readonly out: string | null;
  readonly output: "text" | "json";
  /** Load before the fault, and time observed after it. Null: the scenario's own. */
  readonly age_s: number | null;
  readonly after_s: number | null;
  readonly rps: number;
  /** memory.high of the agents that set one: one value, or several for compare. */
  readonly high_mb: readonly number[];
  readonly high_at_onset: boolean;
  /** Swap set aside for the agents that can use it, 0 for none: one value, or several for compare. */
  readonly reserve_mb: readonly number[];
  readonly hosa: string;
  readonly config: string | null;
}

/** What `summary` is asked for; null: all there are. */
export interface SummaryOptions {
  readonly out: string;
  readonly scenario: string | null;
  readonly agent: string | null;
  readonly kernel: string | null;
  readonly output: "text" | "json";
}

export class UsageError extends Error {}

export const USAGE = `usage: scripts/lab SCENARIO [options]
       scripts/lab compare SCENARIO [options]     the same scenario under several agents and kernels, in one table
       scripts/lab summary DIR [options]          each run kept in DIR, and how many of them meet each aim

scenarios: ${SCENARIO_NAMES.join(" ")}
           (fast, slow, inline, lock, jvm: the payment-… ones)

  --agent NAME      ${AGENTS.join(" | ")} (hosa); for compare a comma-separated list
  --kernel V        ${KERNELS.join(" | ")} (6.12); for compare a comma-separated list
  --clock C         virtual: 1 instruction = 1 ns and idle time is skipped | real (virtual)
  --runs N          N runs with seeds seed..seed+N-1 (1)
  --jobs N          guests at a time (2)
  --seed N          first seed (1)
  --age S           seconds under load before the fault (the scenario's own)
  --after S         seconds observed after it (the scenario's own)
  --rps R           payment requests per second (100)
  --high MB         memory.high of memory-high and oomd-high (512); for compare a comma-separated list
  --high-at-onset   write it when the fault begins, not at the start
  --reserve MB      a disk with so much swap: hosa's reserve, swap from the start for memory-high; the others have none (0)
  --hosa FILE       the binary under test (dist/hosa)
  --config FILE     its configuration (lab/hosa.yaml)
  --out DIR         keep everything the guest recorded; compare runs only what DIR does not have yet
  -o text|json      tables and a timeline, or one JSON object per run (text)

summary takes --scenario, --agent and --kernel to choose from what DIR holds.`;

function one_of<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((a) => a === value);
  if (found === undefined) throw new UsageError(`--${name}: "${value}" is not one of ${allowed.join(", ")}`);
  return found;
}

function whole(name: string, value: string, least: number, most: number): number {
  const n = Number(value);
  if (!Number.isInteger(n) || n < least || n > most) {
    throw new UsageError(`--${name}: "${value}" is not a whole number from ${least} to ${most}`);
  }
  return n;
}

/** @throws {UsageError} naming the option and the value that was given. */
export function parse_options(argv: readonly string[]): Options {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(argv);
  } catch (e) {
    throw new UsageError(e instanceof Error ? e.message : String(e));
  }
  const { values: v, positionals } = parsed;
  const compare = positionals[0] === "compare";
  const scenario = positionals[compare ? 1 : 0];
  if (scenario === undefined) throw new UsageError("no scenario given");
  if (!is_scenario(scenario)) throw new UsageError(`"${scenario}" is not one of ${SCENARIO_NAMES.join(", ")}`);
  const agents = (v.agent ?? (compare ? AGENTS_COMPARED.join(",") : "hosa")).split(",");
  const kernels = (v.kernel ?? "6.12").split(",");
  const highs = (v.high ?? "512").split(",");
  const reserves = (v.reserve ?? "0").split(",");
  if (!compare && [agents, kernels, highs, reserves].some((list) => list.length > 1)) {
    throw new UsageError("several agents, kernels, limits or reserves: use scripts/lab compare");
  }
  return {
    scenario,
    compare,
    agents: agents.map((a) => one_of("agent", a, AGENTS)),
    kernels: kernels.map((k) => one_of("kernel", k, KERNELS)),
    clock: one_of("clock", v.clock ?? "virtual", ["virtual", "real"]),
    runs: whole("runs", v.runs ?? "1", 1, 100),
    jobs: whole("jobs", v.jobs ?? "2", 1, 64),
    seed: whole("seed", v.seed ?? "1", 1, 1_000_000),
    out: v.out ?? null,
    output: one_of("output", v.output ?? "text", ["text", "json"]),
    age_s: v.age === undefined ? null : whole("age", v.age, 1, 600),
    after_s: v.after === undefined ? null : whole("after", v.after, 5, 600),
    rps: whole("rps", v.rps ?? "100", 1, 1000),
    high_mb: highs.map((h) => whole("high", h, 1, 1024)),
    reserve_mb: reserves.map((r) => whole("reserve", r, 0, 65_536)),
    high_at_onset: v["high-at-onset"] ?? false,
    hosa: v.hosa ?? "dist/hosa",
    config: v.config ?? null,
  };
}

/** @param argv what follows the word summary. @throws {UsageError} */
export function parse_summary_options(argv: readonly string[]): SummaryOptions {
  const [out, ...more] = argv;
  if (out === undefined || out.startsWith("-")) throw new UsageError("summary: no folder given");
  let values: { scenario?: string; agent?: string; kernel?: string; output?: string };
  try {
    const one = { type: "string" } as const;
    const options = { scenario: one, agent: one, kernel: one, output: { ...one, short: "o" } } as const;
    values = parseArgs({ args: more, options }).values;
  } catch (e) {
    throw new UsageError(e instanceof Error ? e.message : String(e));
  }
  const { scenario = null, agent = null, kernel = null } = values;
  return { out, scenario, agent, kernel, output: one_of("output", values.output ?? "text", ["text", "json"]) };
}

function parse(argv: readonly string[]) {
  return parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      agent: { type: "string" },
      kernel: { type: "string" },
      clock: { type: "string" },
      runs: { type: "string" },
      jobs: { type: "string" },
      seed: { type: "string" },
      age: { type: "string" },
      after: { type: "string" },
      rps: { type: "string" },
      high: { type: "string" },
      reserve: { type: "string" },
      "high-at-onset": { type: "boolean" },
      hosa: { type: "string" },
      config: { type: "string" },
      out: { type: "string" },
      output: { type: "string", short: "o" },
    },
  });
}
