import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { read_audit } from "../../audit/index.ts";
import { Alternative } from "../../backtest/alternative.ts";
import { LineReader, STANDARD_INPUT } from "../../backtest/lines.ts";
import { WhatIf } from "../../backtest/what_if.ts";
import type { FlightRun } from "../../backtest/what_if_flight.ts";
import { config_of_settings } from "../../config/index.ts";
import { errno_of, reason_of } from "../../model/errno.ts";
import { OperatorError } from "../../model/error.ts";
import { all_visible } from "../../model/visible.ts";
import { what_if_text } from "../../report/what_if.ts";
import type { Context, ExitCode } from "../context.ts";
import { configured, type GlobalOptions } from "../options.ts";
import { AuditProblems } from "../problems.ts";
import { Progress } from "../progress.ts";

export interface WhatIfOptions extends GlobalOptions {
  readonly set: readonly string[];
}

const FLIGHT_NAME = /^flight-.*\.jsonl\.gz$/;
const MOST_FILES = 1000;

/** Recorded flights or audits decided again with another configuration. Exit code 1 when an audit's chain is broken. */
export async function what_if(files: readonly string[], options: WhatIfOptions, context: Context): Promise<ExitCode> {
  const { output } = context;
  const run = new WhatIf(alternative(options));
  const problems = new AuditProblems(output);
  const progress = new Progress(output);
  try {
    for (const file of in_order(files.length > 0 ? files : recorded_flights(options))) {
      if (!(await read_flight(file, run, progress, context))) await read_records(file, run, problems);
      if (output.closed) return 0;
    }
  } finally {
    progress.clear();
  }
  const summary = run.summary();
  if (options.output === "json") output.print_answer("what_if", { ...summary, audit_problems: problems.count });
  else await output.deliver(what_if_text(all_visible(summary), output.paint));
  return problems.count === 0 ? 0 : 1;
}

/** A file given is meant whole; keys alone change the recorded configuration in these keys. */
function alternative(options: WhatIfOptions): Alternative {
  if (options.config !== undefined) return new Alternative(configured(options, options.set), null);
  const keys = options.set.map((setting) => setting.slice(0, setting.indexOf("=")).trim());
  return new Alternative(config_of_settings(options.set), keys);
}

function recorded_flights(options: WhatIfOptions): readonly string[] {
  const directory = dirname(configured(options).audit.path);
  const hint = "Flights are written by `hosa run` when level 2 is reached (audit.flight_minutes); or name files.";
  let names: readonly string[];
  try {
    names = readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isFile() && FLIGHT_NAME.test(entry.name))
      .map((entry) => entry.name);
  } catch (error) {
    const denied = errno_of(error) === "EACCES";
    throw new OperatorError(`${directory}: flights cannot be listed: ${reason_of(error)}`, denied ? 3 : 1, hint, error);
  }
  if (names.length === 0) throw new OperatorError(`no flights in ${directory}`, 1, hint);
  return names.map((name) => join(directory, name));
}

/** Names of flights begin with their time; a flight's end comes after it. */
function in_order(files: readonly string[]): readonly string[] {
  if (files.length > MOST_FILES)
    throw new OperatorError(`${files.length} files, at most ${MOST_FILES}`, 2, "Try fewer at a time.");
  const key = (file: string) => basename(file).replace(/\.jsonl(\.gz)?$/, "");
  return [...new Set(files)].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}

/** False where the first line is no header of a flight, and nothing was read. */
async function read_flight(file: string, run: WhatIf, progress: Progress, context: Context): Promise<boolean> {
  const reader = new LineReader(file);
  let flight: FlightRun | null = null;
  for await (const lines of reader.lines()) {
    if (flight === null && file !== STANDARD_INPUT && lines[0]?.startsWith('{"seq":') === true) return false;
    flight ??= run.flight(reader.name);
    for (const line of lines) flight.take(line);
    progress.update(reader.progress, run.decisions);
    if (context.signal.aborted) throw new OperatorError(`stopped at ${reader.name}`, 1, "Nothing was changed.");
  }
  (flight ?? run.flight(reader.name)).finish();
  return true;
}

async function read_records(file: string, run: WhatIf, problems: AuditProblems): Promise<void> {
  const audit = run.audit(file);
  for await (const item of read_audit(file)) {
    if (item.type === "problem") problems.say(item);
    else audit.add(item.record);
  }
  audit.finish();
}
