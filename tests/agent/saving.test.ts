import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Saving } from "../../src/agent/saving.ts";
import type { Cortex } from "../../src/cortex/cortex.ts";

test("a baseline that cannot be saved is counted with its cause, said once, and saved when it can be", async () => {
  const directory = mkdtempSync(join(tmpdir(), "hosa-saving-"));
  try {
    const place = join(directory, "state");
    writeFileSync(place, "a file where the directory should be");
    const said: string[] = [];
    const cortex = { save: () => ({}), learned_rows: () => null } as unknown as Cortex;
    const saving = new Saving(place, cortex, (text) => said.push(text));
    await saving.finish();
    await saving.finish();
    expect([saving.lost, said.length]).toEqual([2, 1]);
    expect(saving.trouble).toContain(place);
    rmSync(place);
    await saving.finish();
    expect([saving.lost, saving.trouble]).toEqual([2, ""]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
