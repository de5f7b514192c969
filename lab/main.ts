import { type Options, parse_options, USAGE, UsageError } from "./options.ts";
import { run_once, Skip } from "./run.ts";
import { scenario_named } from "./scenario.ts";
import { by_kernel, side_by_side, summary, type TimedResult, timeline_text } from "./table.ts";

const SKIPPED = 77;
const AT_A_TIME = 2;

/** All runs of all agents, two guests at a time, in the order asked for. */
async function run_all(options: Options): Promise<TimedResult[]> {
  const wanted = options.kernels.flatMap((kernel) =>
    options.agents.flatMap((agent) =>
      Array.from({ length: options.runs }, (_, i) => ({ kernel, agent, seed: options.seed + i })),
    ),
  );
  const results: TimedResult[] = [];
  const skipped: string[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let i = next++; i < wanted.length; i = next++) {
      const { kernel, agent, seed } = wanted[i]!;
      try {
        results[i] = await run_once(options, kernel, agent, seed);
      } catch (e) {
        if (!(e instanceof Skip)) throw e;
        skipped.push(`lab: SKIPPED ${options.scenario} --agent ${agent}: ${e.message}`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, lane));
  for (const line of new Set(skipped)) console.error(line);
  return results.filter((r) => r !== undefined);
}

function print(options: Options, results: readonly TimedResult[]): void {
  if (options.output === "json") {
    for (const r of results) console.log(JSON.stringify(r));
    return;
  }
  const scenario = scenario_named(options.scenario);
  console.log(`${scenario.name}: ${scenario.about} (kernel ${options.kernels.join(", ")}, ${options.clock} clock)\n`);
  if (options.kernels.length > 1) {
    console.log(by_kernel(results));
    return;
  }
  console.log(side_by_side(results, (r) => (options.runs > 1 ? `${r.agent} #${r.seed}` : r.agent)));
  for (const agent of options.agents) {
    const own = results.filter((r) => r.agent === agent);
    if (own.length > 1) console.log(`\n${agent}\n${summary(own)}`);
  }
  const first = results[0];
  if (!options.compare && first)
    console.log(`\nfrom the onset${results.length > 1 ? `, seed ${first.seed}` : ""}\n${timeline_text(first)}`);
}

async function main(argv: readonly string[]): Promise<number> {
  if (argv.length === 0 || argv.includes("--help") || argv.includes("-h")) {
    console.log(USAGE);
    return 0;
  }
  try {
    const options = parse_options(argv);
    const results = await run_all(options);
    print(options, results);
    return results.length === 0 ? SKIPPED : 0;
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    console.error(`lab: ${e.message}\n\n${USAGE}`);
    return 2;
  }
}

process.exitCode = await main(process.argv.slice(2));
