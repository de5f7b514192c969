import { expect, test } from "bun:test";
import { natural } from "../../src/report/number.ts";
import { is_unlearned, service_lines } from "../../src/report/service_log.ts";
import { action_entry, view } from "./fixtures.ts";

test("a change of level is one line, with the reason why nothing is done at its end", () => {
  const watched = view({ level: 1, level_name: "vigilance", culprit: null, actions: [], inaction: "watched only" });
  const [line, ...rest] = service_lines(watched, 0, "");
  expect(rest).toEqual([]);
  expect(line!.severity).toBe("info");
  expect(line!.text).toMatch(/^level 0 → 1 vigilance: D̄ 7\.90 \(θ1 3\.00\), slope \+4\.25\/s; .*; watched only$/);
});

test("a reason that changes while the level stays is a line of its own, and is said once", () => {
  const protected_now = view({ level: 2, actions: [], inaction: "the culprit is protected" });
  expect(service_lines(protected_now, 2, "watched only")).toEqual([
    { severity: "info", text: "the culprit is protected" },
  ]);
  expect(service_lines(protected_now, 2, "the culprit is protected")).toEqual([]);
});

test("within an episode a reason is told when the episode says that it has changed", () => {
  const { story } = view();
  const within = (news: readonly ("began" | "reason")[]) => ({
    ...view({ level: 2, actions: [], inaction: "the culprit is protected" }),
    episode: { number: 1, news, rises: 1, max_level: 2, lasted_s: 3, story } as const,
  });
  expect(service_lines(within([]), 2, "watched only")).toEqual([]);
  expect(service_lines(within(["reason"]), 2, "the culprit is protected").map(({ text }) => text)).toEqual([
    "the culprit is protected",
  ]);
});

test("a reason whose numbers move on is no news", () => {
  const growing = (text: string) =>
    view({ level: 2, actions: [], inaction: `watched only: grows ${text} against a reserve of 5 s` });
  const first = growing("50.5 MiB/s for 2307 ms; TTF 22.4 s");
  expect(service_lines(first, 2, "")).toHaveLength(1);
  expect(service_lines(growing("900.1 KiB/s for 2.9 s; TTF 103.6 s"), 2, first.inaction)).toEqual([]);
});

test("a level is a guess until the self is learned, but what is done is no guess", () => {
  const guessed = view({ warm: false, level: 1, actions: [] });
  expect(is_unlearned(guessed)).toBe(true);
  expect(is_unlearned({ ...guessed, warm: true })).toBe(false);
  expect(is_unlearned({ ...guessed, actions: action_entry().decision.actions })).toBe(false);
});

test.each([
  ["memory_growth_bytes_per_s", -1.5 * 2 ** 30, "-1.5 GiB/s"],
  ["block_throughput_mib_per_s", 463.8, "463.8 MiB/s"],
  ["block_latency_ms", 44.32, "44.32 ms"],
  ["syscall_entropy_bits", 2.54, "2.54 bit"],
  ["cpu_busy_fraction", 0.25, "25 %"],
  ["context_switches_per_s", 4790, "4790 /s"],
  ["run_queue_per_core", 1.5, "1.50"],
])("%s is shown in its unit", (name, value, shown) => {
  expect(natural(name, value)).toBe(shown);
});
