import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load_rows, save_rows } from "../../src/agent/rows_file.ts";
import { Cortex } from "../../src/cortex/cortex.ts";
import type { LearnedRows } from "../../src/cortex/opinions/learned_rows.ts";
import type { CortexOptions } from "../../src/cortex/self.ts";
import { DEFAULT_BUDGETS } from "../../src/cortex/thresholds.ts";
import { dimensions, normal, sample } from "../cortex/fixtures.ts";

const WIDTH = 3;
const OPTIONS: CortexOptions = {
  warmup_s: 30,
  half_life_s: 3600,
  lambda: 1e-3,
  thresholds: "learned",
  budgets: DEFAULT_BUDGETS,
  // A row of a minute needs no more of them than twenty blocks of an hour: those are soon invented.
  opinions: { every_s: 0.1, row_s: 60, alarms_per_s: 1 / 86_400 },
};
const NOTHING = { search: null, containments: [] };

/** A node that was watched for as many rows as the opinions need, and some more. */
function watched(): Cortex {
  const cortex = new Cortex(dimensions(WIDTH), OPTIONS);
  const next = normal(3);
  for (let k = 1; k <= 2000; k++) {
    cortex.assess(sample(k * 1e8, [next(), next(), next()]), NOTHING);
    cortex.learn(0);
  }
  return cortex;
}

/** What a new run makes of a self and of these rows. */
function taken_up(cortex: Cortex, rows: LearnedRows): { readonly refused: string | null; readonly judges: boolean } {
  const restored = Cortex.restore(dimensions(WIDTH), OPTIONS, cortex.save());
  if ("refused" in restored) throw new Error(restored.refused);
  const refused = restored.cortex.take_up_rows(rows, 600);
  const { opinions } = restored.cortex.assess(sample(1e12, [0, 0, 0]), NOTHING);
  return { refused, judges: opinions !== null };
}

let directory = "";
const file = () => join(directory, "opinions.json");

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "hosa-rows-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

interface Written {
  readonly [key: string]: unknown;
  readonly opinions: { readonly [key: string]: unknown; readonly rows: string };
}

/** Why the file is refused once something of it is changed; null when it is taken. */
function refused_with(change: (saved: Written) => object): string | null {
  const text = readFileSync(file(), "utf8");
  writeFileSync(file(), JSON.stringify(change(JSON.parse(text) as Written)));
  const loaded = load_rows(directory);
  writeFileSync(file(), text);
  return "refused" in loaded ? loaded.refused : null;
}

describe("what the second opinions learn from, on disk", () => {
  test("comes back to the bit, and the opinions of a new run judge at its first beat", async () => {
    const cortex = watched();
    const learned = cortex.learned_rows()!;
    expect(learned.odd.length).toBe(2000);
    await save_rows(directory, learned, 1234.5);
    expect(existsSync(`${file()}.new`)).toBe(false);
    expect(load_rows(directory)).toEqual({ rows: learned, saved_s: 1234.5 });
    expect(taken_up(cortex, learned)).toEqual({ refused: null, judges: true });
  });

  test("that is absent, cut short, of another host or kernel, or no such file is refused with its reason", async () => {
    expect(load_rows(directory)).toEqual({ refused: "nothing was learned here before" });
    await save_rows(directory, watched().learned_rows()!, 0);
    expect(refused_with((saved) => ({ ...saved, host: "elsewhere" }))).toBe("it was learned on host elsewhere");
    expect(refused_with((saved) => ({ ...saved, kernel: "2.6.32" }))).toBe("it was learned on kernel 2.6.32");
    for (const opinions of [null, 7, [], {}, { rows: "" }]) {
      expect(refused_with((saved) => ({ ...saved, opinions }))).toContain("damaged");
    }
    expect(refused_with((saved) => ({ ...saved, saved_s: "yesterday" }))).toContain("damaged");
    expect(refused_with((saved) => saved)).toBeNull();
    const text = readFileSync(file(), "utf8");
    writeFileSync(file(), text.slice(0, text.length / 2));
    expect(load_rows(directory)).toMatchObject({ refused: expect.stringContaining("cannot be read") });
  });

  test("with one bit of its numbers changed, or some of them missing, is refused", async () => {
    await save_rows(directory, watched().learned_rows()!, 0);
    const with_rows = (change: (bytes: Buffer) => Buffer) =>
      refused_with((saved) => {
        const rows = change(Buffer.from(saved.opinions.rows, "base64")).toString("base64");
        return { ...saved, opinions: { ...saved.opinions, rows } };
      });
    expect(
      with_rows((bytes) => {
        bytes[101]! ^= 1;
        return bytes;
      }),
    ).toContain("damaged");
    expect(with_rows((bytes) => bytes.subarray(4))).toContain("damaged");
    expect(with_rows((bytes) => bytes.subarray(1))).toContain("damaged");
  });

  test("of another meaning, host or configuration is refused by the cortex, whose opinions then learn anew", () => {
    const cortex = watched();
    const learned = cortex.learned_rows()!;
    const cases: [Partial<LearnedRows>, string][] = [
      [{ version: 99 }, "version 99"],
      [{ dimensions: learned.dimensions.slice(1) }, "it has 2 dimensions, this host has 3"],
      [{ dimensions: null as never }, "its dimensions are missing"],
      [{ row_s: 1 }, "every 1 s, 60 s is configured"],
      [{ rows: learned.rows.slice(1) }, "damaged: 5999 numbers for 2000 rows of 3"],
      [{ rows: learned.rows.with(7, Number.NaN) }, "not every number is finite"],
      [{ rows: new Float32Array(30_003), odd: new Uint8Array(10_001) }, "they are 10001, more than the 10000"],
    ];
    for (const [change, reason] of cases) {
      const { refused, judges } = taken_up(cortex, { ...learned, ...change });
      expect(refused).toContain(reason);
      expect(judges).toBe(false);
    }
  });

  test("where no opinions are asked there is nothing to save or to take up", () => {
    const cortex = new Cortex(dimensions(WIDTH), { ...OPTIONS, opinions: null });
    expect(cortex.learned_rows()).toBeNull();
    expect(cortex.take_up_rows(watched().learned_rows()!, 0)).toBe("no opinions are asked");
  });
});
