import { describe, expect, test } from "bun:test";
import { count_all, count_lines, count_report } from "../../scripts/count-tests.ts";

const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="9" failures="9">
  <testsuite name="tests/a.test.ts">
    <testcase name="ok" classname="g &lt;x&gt; &amp; &quot;y&quot;" file="tests/a.test.ts" />
    <testcase name="later" classname="g" file="tests/a.test.ts">
      <skipped />
    </testcase>
    <testcase name="bad &lt;/testcase&gt; &lt;skipped/&gt;" classname="g" file="tests/a.test.ts">
      <failure type="AssertionError" message="&lt;skipped /&gt;">text</failure>
    </testcase>
    <testcase name="alone" classname="" file="tests/a.test.ts" />
  </testsuite>
</testsuites>`;

const EMPTY = '<testsuites name="bun test"></testsuites>';

describe("count-tests", () => {
  test("counts the cases themselves, not what the report claims about them", () => {
    expect(count_report(REPORT)).toEqual({
      passed: 2,
      skipped: ["tests/a.test.ts: g > later"],
      failed: ["tests/a.test.ts: g > bad </testcase> <skipped/>"],
    });
  });

  test("each check counts as one test", () => {
    const count = count_all(REPORT, 1, ["type check=0", "lint=1", "format=0"]);
    expect(count.passed).toBe(4);
    expect(count.failed).toContain("lint");
  });

  test("the sum is the last line", () => {
    const lines = count_lines(count_all(REPORT, 1, ["lint=0"]));
    expect(lines.at(-1)).toBe("3 passed, 1 failed");
    expect(lines.at(-2)).toBe("1 skipped");
  });

  test("a runner that crashed, found no test, or failed without a failed test is a failure", () => {
    expect(count_all(undefined, 139, []).failed).toEqual(["test runner: left no report (exit status 139)"]);
    expect(count_all(EMPTY, 0, ["lint=0"]).failed).toEqual(["test runner: no test ran"]);
    const passing = REPORT.replace(/<failure[\s\S]*<\/failure>/, "");
    expect(count_all(passing, 0, []).failed).toEqual([]);
    expect(count_all(passing, 1, []).failed).toHaveLength(1);
  });
});
