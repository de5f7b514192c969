/**
 * Says how many tests passed, from the runner's own JUnit report and the checks that ran beside it.
 *
 *   bun scripts/count-tests.ts REPORT RUNNER_STATUS [CHECK=STATUS ...]
 *
 * Each check counts as one test. The last line is `N passed, N failed`; the exit status is 0 only when tests ran and
 * none failed.
 */

import { existsSync, readFileSync } from "node:fs";

export interface TestCount {
  readonly passed: number;
  readonly skipped: readonly string[];
  readonly failed: readonly string[];
}

const TEST_CASE = /<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g;

function unescape_xml(text: string): string {
  return text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'")
    .replaceAll("&amp;", "&");
}

function attribute(attributes: string, name: string): string {
  return unescape_xml(new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes)?.[1] ?? "");
}

/** Counts the test cases of a JUnit report; failed and skipped ones are given as `file: group > name`. */
export function count_report(xml: string): TestCount {
  let passed = 0;
  const skipped: string[] = [];
  const failed: string[] = [];
  for (const [, attributes = "", body = ""] of xml.matchAll(TEST_CASE)) {
    const group = attribute(attributes, "classname");
    const name = attribute(attributes, "name");
    const title = `${attribute(attributes, "file")}: ${group === "" ? name : `${group} > ${name}`}`;
    if (/<(failure|error)\b/.test(body)) failed.push(title);
    else if (/<skipped\b/.test(body)) skipped.push(title);
    else passed += 1;
  }
  return { passed, skipped, failed };
}

/** Adds the checks (`name=status`) and a runner that failed without naming a failed test: a crash or a bad import. */
export function count_all(report: string | undefined, runner_status: number, checks: readonly string[]): TestCount {
  const tests = count_report(report ?? "");
  const failed = [...tests.failed];
  let passed = tests.passed;
  for (const check of checks) {
    const at = check.lastIndexOf("=");
    if (check.slice(at + 1) === "0") passed += 1;
    else failed.push(check.slice(0, at));
  }
  if (report === undefined) failed.push(`test runner: left no report (exit status ${runner_status})`);
  else if (runner_status !== 0 && tests.failed.length === 0)
    failed.push(`test runner: exit status ${runner_status} without a failed test; see its output`);
  else if (tests.passed + tests.failed.length === 0) failed.push("test runner: no test ran");
  return { passed, skipped: tests.skipped, failed };
}

/** The lines to print; the last one is the sum. */
export function count_lines(count: TestCount): string[] {
  const lines = count.failed.map((title) => `failed   ${title}`);
  lines.push(...count.skipped.map((title) => `skipped  ${title}`));
  lines.push(`${count.skipped.length} skipped`, `${count.passed} passed, ${count.failed.length} failed`);
  return lines;
}

if (import.meta.main) {
  const [path = "", status = "1", ...checks] = process.argv.slice(2);
  const count = count_all(existsSync(path) ? readFileSync(path, "utf8") : undefined, Number(status), checks);
  console.log(count_lines(count).join("\n"));
  process.exitCode = count.failed.length === 0 ? 0 : 1;
}
