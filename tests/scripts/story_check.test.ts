import { expect, test } from "bun:test";
import { type Expected, faults, type Said } from "../../scripts/story/check.ts";
import type { NamedSubject, Story } from "../../src/model/story.ts";
import { escape_html } from "../../src/report/html.ts";
import { carrier } from "../report/carriers.ts";

const NAMED: NamedSubject = { ...carrier(), resource: "memory", unit: "bytes/s", protected: null };
const STORY: Story = {
  pattern: { name: "resource leak", because: "" },
  named: NAMED,
  unnamed: null,
  headline: 'Thread 1240 "filler" of python3 takes 412.0 MiB/s.',
};
const EXPECTED: Expected = {
  comm: /^python3$/,
  pids: new Set([1234]),
  tids: new Set([1240]),
  path: "/user.slice/leak.scope",
  patterns: ["resource leak"],
};

function said(change: Partial<Said> = {}, told: Story = STORY): Said {
  return {
    live: [{ level: 1, story: told }],
    explain: told,
    explain_text: `${told.headline}\nmore\n`,
    report: told,
    page: `<h1>${escape_html(told.headline)}</h1>`,
    status: { headline: told.headline },
    ...change,
  };
}

test("nothing is wrong where all say the same and it is right", () => {
  expect(faults(EXPECTED, said())).toEqual([]);
});

test.each([
  ["the name", { ...NAMED, comm: "bun" }],
  ["the process", { ...NAMED, pid: 5 }],
  ["the thread", { ...NAMED, tid: null }],
  ["the cgroup", { ...NAMED, path: "/" }],
] as const)("%s that is wrong is found in the live view and in explain", (_what, named) => {
  const found = faults(EXPECTED, said({}, { ...STORY, named }));
  expect(found).toHaveLength(2);
});

test("so is another pattern, no name at all, and whoever says something else than explain", () => {
  expect(faults(EXPECTED, said({}, { ...STORY, pattern: { name: "CPU-bound", because: "" } }))).toHaveLength(2);
  expect(faults(EXPECTED, said({}, { ...STORY, named: null }))).toContainEqual(expect.stringContaining("no name"));
  expect(faults(EXPECTED, said({ live: [{ level: 0, story: STORY }] }))).toHaveLength(1);
  for (const other of [
    { explain_text: "numbers first" },
    { report: { ...STORY, headline: "another" } },
    { page: "<h1>another</h1>" },
    { status: null },
  ]) {
    expect(faults(EXPECTED, said(other))).toHaveLength(1);
  }
});
