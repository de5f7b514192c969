import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { agent_label, type Cell, cells_of, folder_of } from "./cells.ts";
import { type Options, UsageError } from "./options.ts";
import { type FailedRun, type Outcomes, parse_failures, parse_result, reason_of, type TimedResult } from "./outcome.ts";
import { run_once, Skip, settings_of } from "./run.ts";
import { scenario_named } from "./scenario.ts";
import { GuestFailure } from "./vm.ts";

export interface Batch extends Outcomes {
  /** What this machine or checkout cannot run, each said once. */
  readonly skipped: readonly string[];
}

/** Runs every cell that was asked for, some guests at a time; for compare those that --out has already are taken from there. */
export async function run_batch(options: Options): Promise<Batch> {
  const cells = cells_of(options);
  const recorded = cells.map((cell) => (options.compare ? recorded_result(options, cell) : null));
  const results: (TimedResult | null)[] = [...recorded];
  const failures: FailedRun[] = options.compare ? cells.flatMap((cell) => recorded_failures(options, cell)) : [];
  const skipped = new Set<string>();
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let i = next++; i < cells.length; i = next++) {
      const cell = cells[i]!;
      if (recorded[i]) continue;
      const label = agent_label(cell, options.high_at_onset);
      const name = `${options.scenario} ${cell.kernel} ${label} #${cell.seed}`;
      try {
        const result = await run_once(options, cell);
        results[i] = result;
        if (options.compare) console.error(`lab: ${name} took ${result.wall_s.toFixed(0)} s`);
      } catch (e) {
        if (e instanceof Skip) {
          skipped.add(`lab: SKIPPED ${options.scenario} --agent ${cell.agent}: ${e.message}`);
        } else if (e instanceof GuestFailure) {
          const failure = failed_run(options, cell, e);
          failures.push(failure);
          console.error(`lab: FAILED ${name}: ${failure.failed}\n${e.console_tail}`);
        } else throw e;
      }
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, lane));
  return { results: results.filter((r) => r !== null), failures, skipped: [...skipped] };
}

/** Everything that the folders of a batch hold. @throws {UsageError} when there is nothing. */
export function read_batch(out: string): Outcomes {
  if (!existsSync(out)) throw new UsageError(`${out} does not exist`);
  const folders = readdirSync(out).sort();
  const results = folders
    .map((name) => parse_result(text_of(join(out, name, "result.json"))))
    .filter((r) => r !== null);
  const failures = folders.flatMap((name) => parse_failures(text_of(join(out, name, "failures.jsonl"))));
  if (results.length + failures.length === 0) throw new UsageError(`${out} holds no results`);
  return { results, failures };
}

function folder(options: Options, cell: Cell): string | null {
  if (options.out === null) return null;
  const { name } = scenario_named(options.scenario);
  return join(options.out, folder_of(name, cell.kernel, agent_label(cell, options.high_at_onset), cell.seed));
}

function recorded_result(options: Options, cell: Cell): TimedResult | null {
  const out = folder(options, cell);
  const result = out === null ? null : parse_result(text_of(join(out, "result.json")));
  if (result === null) return null;
  const asked = JSON.stringify([options.clock, settings_of(options, cell)]);
  const had = JSON.stringify([result.clock, result.settings]);
  if (asked !== had) {
    throw new UsageError(`${out} was measured with ${had}, asked for is ${asked}: name another --out, or remove it`);
  }
  return result;
}

function recorded_failures(options: Options, cell: Cell): FailedRun[] {
  const out = folder(options, cell);
  return out === null ? [] : parse_failures(text_of(join(out, "failures.jsonl")));
}

/** Kept beside a later result, so that a guest which crashed once is not forgotten when it did not the second time. */
function failed_run(options: Options, cell: Cell, failure: GuestFailure): FailedRun {
  const run: FailedRun = {
    scenario: scenario_named(options.scenario).name,
    agent: agent_label(cell, options.high_at_onset),
    kernel: cell.kernel,
    clock: options.clock,
    seed: cell.seed,
    failed: reason_of(failure.message, failure.console_tail),
  };
  const out = folder(options, cell);
  if (out !== null) {
    mkdirSync(out, { recursive: true });
    appendFileSync(join(out, "failures.jsonl"), `${JSON.stringify({ ...run, console: failure.console_tail })}\n`);
  }
  return run;
}

function text_of(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}
