import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load_self, save_self } from "../../src/agent/self_file.ts";
import { Cortex } from "../../src/cortex/cortex.ts";
import type { CortexOptions, LearnedSelf } from "../../src/cortex/self.ts";
import { DEFAULT_BUDGETS } from "../../src/cortex/thresholds.ts";
import { dimensions, normal, sample } from "../cortex/fixtures.ts";

const OPTIONS: CortexOptions = {
  warmup_s: 30,
  half_life_s: 3600,
  lambda: 1e-3,
  thresholds: "learned",
  budgets: DEFAULT_BUDGETS,
  opinions: null,
};

function learned(): LearnedSelf {
  const cortex = new Cortex(dimensions(3), OPTIONS);
  const next = normal(3);
  for (let k = 1; k <= 400; k++) {
    cortex.assess(sample(k * 1e8, [next(), next(), next()]), { search: null, containments: [] });
    cortex.learn(0);
  }
  return cortex.save();
}

let directory = "";
const file = () => join(directory, "state", "self.json");
const state = () => join(directory, "state");

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "hosa-self-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function reason(): string {
  const loaded = load_self(state());
  return "refused" in loaded ? loaded.refused : "taken";
}

/** The saved file with something of it changed. */
async function saved_with(change: (saved: Record<string, unknown>) => void): Promise<void> {
  await save_self(state(), learned());
  const saved = JSON.parse(readFileSync(file(), "utf8"));
  change(saved);
  writeFileSync(file(), JSON.stringify(saved));
}

describe("the saved self on disk", () => {
  test("comes back as it was, and leaves no half-written file", async () => {
    const self = learned();
    await save_self(state(), self);
    expect(load_self(state())).toEqual({ self });
    expect(existsSync(`${file()}.new`)).toBe(false);
    await save_self(state(), self);
    expect(reason()).toBe("taken");
  });

  test("that is absent, cut short or no JSON is refused with its reason", async () => {
    expect(reason()).toBe("nothing was learned here before");
    await save_self(state(), learned());
    const text = readFileSync(file(), "utf8");
    writeFileSync(file(), text.slice(0, text.length / 2));
    expect(reason()).toContain("cannot be read");
    writeFileSync(file(), "");
    expect(reason()).toContain("cannot be read");
  });

  test("that is larger than any self can be is refused", async () => {
    await save_self(state(), learned());
    writeFileSync(file(), `"${"x".repeat(9 * 1024 * 1024)}"`);
    expect(reason()).toContain("larger than");
  });

  test("of another host or kernel is refused", async () => {
    await saved_with((saved) => {
      saved["host"] = "elsewhere";
    });
    expect(reason()).toBe("it was learned on host elsewhere");
    await saved_with((saved) => {
      saved["kernel"] = "2.6.32";
    });
    expect(reason()).toBe("it was learned on kernel 2.6.32");
    await saved_with((saved) => {
      saved["machine"] = "of a clone";
    });
    expect(reason()).toBe("it was learned on another machine of the same name");
  });

  test("that is JSON but no self is refused, by the file or by the cortex, and never ends the agent", async () => {
    const shapes = [null, 7, [], {}, { version: 1 }, { version: 1, warm: true }];
    for (const shape of shapes) {
      await saved_with((saved) => {
        saved["self"] = shape;
      });
      const loaded = load_self(state());
      if ("refused" in loaded) continue;
      expect(Cortex.restore(dimensions(3), OPTIONS, loaded.self)).toHaveProperty("refused");
    }
    for (const text of ["null", "7", "[]", "{}"]) {
      writeFileSync(file(), text);
      expect(reason()).not.toBe("taken");
    }
  });

  test("a crash while writing leaves the former self", async () => {
    const self = learned();
    await save_self(state(), self);
    writeFileSync(`${file()}.new`, '{"host": "half a ');
    expect(load_self(state())).toEqual({ self });
  });
});
