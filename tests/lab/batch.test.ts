import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { read_batch, run_batch } from "../../lab/batch.ts";
import { parse_options, UsageError } from "../../lab/options.ts";

const SETTINGS = { age_s: 60, after_s: 120, rps: 100, hosa: null };
const FAILED = { ...label("restart"), failed: "Kernel panic" };

let out = "";
beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), "hosa-lab-batch-"));
});
afterEach(() => {
  rmSync(out, { recursive: true, force: true });
});

function label(agent: string) {
  return { scenario: "payment", agent, kernel: "6.12", clock: "virtual", seed: 1 };
}

function put(folder: string, file: string, value: object): void {
  mkdirSync(join(out, folder), { recursive: true });
  writeFileSync(join(out, folder, file), `${JSON.stringify(value)}\n`);
}

function put_result(folder: string, agent: string, settings: object): void {
  put(folder, "result.json", { ...label(agent), transactions: {}, neighbour: {}, settings });
}

function compare(...more: string[]) {
  return run_batch(parse_options(["compare", "payment", "--agent", "none,memory-high", "--out", out, ...more]));
}

describe("a batch that is complete", () => {
  beforeEach(() => {
    put_result("payment-6.12-none-1", "none", SETTINGS);
    put_result("payment-6.12-memory-high-512M-1", "memory-high 512M", SETTINGS);
  });

  test("runs nothing, and says what failed on the way", async () => {
    put("payment-6.12-none-1", "failures.jsonl", { ...label("none"), failed: "Kernel panic" });
    const batch = await compare();
    expect(batch.results.map((r) => r.agent)).toEqual(["none", "memory-high 512M"]);
    expect(batch.failures.map((f) => f.failed)).toEqual(["Kernel panic"]);
    expect(batch.skipped).toEqual([]);
  });

  test.each([
    ["--age", "45"],
    ["--after", "40"],
    ["--rps", "50"],
    ["--clock", "real"],
  ])("is not mixed with other settings: %s", async (option: string, value: string) => {
    await expect(compare(option, value)).rejects.toThrow(UsageError);
  });
});

test("read_batch finds results and failures, whatever the folders are called", () => {
  put_result("a", "none", SETTINGS);
  put("b", "failures.jsonl", FAILED);
  put("c", "plan.json", {});
  const { results, failures } = read_batch(out);
  expect(results.map((r) => r.agent)).toEqual(["none"]);
  expect(failures).toEqual([FAILED]);
});

test("a folder without results is the operator's error", () => {
  expect(() => read_batch(out)).toThrow(UsageError);
  expect(() => read_batch(join(out, "none"))).toThrow("does not exist");
});
