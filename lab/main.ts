import { summaries_of, summary_text } from "./aims.ts";
import { ANSWERS_SCENARIOS, ANSWERS_USAGE, run_answers } from "./answers.ts";
import { type Batch, read_batch, run_batch } from "./batch.ts";
import { compare_table } from "./compare.ts";
import { FLOOD_USAGE, run_flood } from "./flood.ts";
import { LADDER_USAGE, run_ladder } from "./ladder.ts";
import type { RunLabel } from "./metrics.ts";
import {
  type Options,
  parse_options,
  parse_summary_options,
  type SummaryOptions,
  USAGE,
  UsageError,
} from "./options.ts";
import { missing_runs } from "./outcome.ts";
import { scenario_named } from "./scenario.ts";
import { side_by_side, summary, timeline_text } from "./table.ts";

const SKIPPED = 77;
const FAILED = 1;
const INTERRUPTED = 130;

function print(options: Options, batch: Batch): void {
  const { results, failures } = batch;
  if (options.output === "json") {
    for (const r of [...results, ...missing_runs(batch)]) console.log(JSON.stringify(r));
    return;
  }
  const scenario = scenario_named(options.scenario);
  console.log(`${scenario.name}: ${scenario.about} (kernel ${options.kernels.join(", ")}, ${options.clock} clock)\n`);
  if (options.compare) {
    console.log(compare_table(batch));
    return;
  }
  const first = results[0];
  if (first) {
    console.log(side_by_side(results, (r) => (options.runs > 1 ? `${r.agent} #${r.seed}` : r.agent)));
    if (results.length > 1) console.log(`\n${first.agent}\n${summary(results)}`);
    console.log(`\nfrom the onset${results.length > 1 ? `, seed ${first.seed}` : ""}\n${timeline_text(first)}`);
  }
  for (const f of failures) console.log(`\nguest failed: #${f.seed}: ${f.failed}`);
}

async function run(options: Options): Promise<number> {
  const batch = await run_batch(options);
  for (const line of batch.skipped) console.error(line);
  if (batch.results.length + batch.failures.length > 0) print(options, batch);
  if (missing_runs(batch).length > 0) return FAILED;
  return batch.results.length === 0 ? SKIPPED : 0;
}

function summarise(options: SummaryOptions): number {
  const all = read_batch(options.out);
  const { scenario, agent, kernel } = options;
  // Several limits of one agent are told apart by what follows its name.
  const wanted = (r: RunLabel): boolean =>
    (scenario === null || r.scenario === scenario) &&
    (agent === null || r.agent === agent || r.agent.startsWith(`${agent} `)) &&
    (kernel === null || r.kernel === kernel);
  const chosen = { results: all.results.filter(wanted), failures: all.failures.filter(wanted) };
  if (chosen.results.length + chosen.failures.length === 0) throw new UsageError(`${options.out} holds no such run`);
  console.log(options.output === "json" ? JSON.stringify(summaries_of(chosen)) : summary_text(chosen));
  return 0;
}

/** Labs that are no scenario: each one guest with a job of its own. */
const OF_THEIR_OWN: Readonly<
  Record<string, { readonly usage: string; readonly run: (argv: readonly string[]) => Promise<number> }>
> = {
  ...Object.fromEntries(
    Object.keys(ANSWERS_SCENARIOS).map((name) => [
      name,
      { usage: ANSWERS_USAGE, run: (argv: readonly string[]) => run_answers(name, argv) },
    ]),
  ),
  flood: { usage: FLOOD_USAGE, run: run_flood },
  ladder: { usage: LADDER_USAGE, run: run_ladder },
};

async function main(argv: readonly string[]): Promise<number> {
  if (argv.length === 0 || argv.includes("--help") || argv.includes("-h")) {
    const own = OF_THEIR_OWN[argv[0] ?? ""];
    console.log(own?.usage ?? [USAGE, ANSWERS_USAGE, FLOOD_USAGE, LADDER_USAGE].join("\n\n"));
    return 0;
  }
  // The guests' own clean-up runs at the exit.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(INTERRUPTED));
  try {
    const own = OF_THEIR_OWN[argv[0] ?? ""];
    if (own !== undefined) return await own.run(argv.slice(1));
    return argv[0] === "summary" ? summarise(parse_summary_options(argv.slice(1))) : await run(parse_options(argv));
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    console.error(`lab: ${e.message}\n\n${USAGE}`);
    return 2;
  }
}

process.exitCode = await main(process.argv.slice(2));
