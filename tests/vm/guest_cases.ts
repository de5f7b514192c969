/** Cases of a guest's own script, one after the other; every case stands on the one before. */
import { writeFileSync } from "node:fs";

export interface CaseResult {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

const results: CaseResult[] = [];

export function check(what: string, found: unknown, wanted: unknown): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`${what}: found ${a}, wanted ${b}`);
}

/** Runs one case and writes down what came of it; ends the guest when it failed. */
export async function run_case(name: string, body: () => Promise<string> | string): Promise<void> {
  let result: CaseResult;
  try {
    result = { name, ok: true, detail: await body() };
  } catch (error) {
    result = { name, ok: false, detail: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  results.push(result);
  console.log(`${result.ok ? "ok  " : "FAIL"} ${name}: ${result.detail}`);
  writeFileSync("/out/report.json", JSON.stringify(results));
  if (!result.ok) process.exit(0);
}
