import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run_vm } from "../../lab/vm.ts";
import { built_hosa } from "../built.ts";

const KERNELS = ["6.1", "6.12", "6.18"] as const;
const WANTED = process.env.HOSA_VM_TESTS !== undefined && Bun.which("qemu-system-x86_64") !== null;
if (!WANTED)
  console.error(
    "skipped: answers on a node that has nothing left; set HOSA_VM_TESTS=1 and install qemu-system-x86 to run it",
  );

interface CaseResult {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

let scratch = "";

function built(command: readonly string[]): void {
  const run = Bun.spawnSync([...command], { stderr: "pipe" });
  if (run.exitCode !== 0) throw new Error(`${command.join(" ")}: ${run.stderr.toString()}`);
}

/** One guest runs every case of need-guest/ and reports them. */
async function cases_on(kernel: (typeof KERNELS)[number]): Promise<readonly CaseResult[]> {
  const tree = join(scratch, `tree-${kernel}`);
  const out = join(scratch, `out-${kernel}`);
  mkdirSync(join(tree, "job"), { recursive: true });
  mkdirSync(out);
  for (const name of ["need-guest", "threads"]) cpSync(join(scratch, name), join(tree, "job", name));
  cpSync(built_hosa(), join(tree, "job", "hosa"));
  writeFileSync(join(tree, "job", "job.sh"), "/job/need-guest\n");
  await run_vm({ kernel, clock: "real", seed: 1, tree, out, timeout_s: 900 });
  return JSON.parse(readFileSync(join(out, "report.json"), "utf8"));
}

describe.skipIf(!WANTED)("a node that has nothing left", () => {
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), "hosa-vm-need-"));
    const guests = import.meta.dir;
    const threads = join(guests, "motor-guest/threads.c");
    built(["gcc", "-static", "-O1", "-pthread", "-o", join(scratch, "threads"), threads]);
    const main = join(guests, "need-guest/main.ts");
    built([process.execPath, "build", "--compile", main, "--outfile", join(scratch, "need-guest")]);
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  for (const kernel of KERNELS) {
    test(`Linux ${kernel}: status, explain and release answer and undo`, async () => {
      const results = await cases_on(kernel);
      for (const each of results) console.error(`${kernel} ${each.ok ? "ok" : "FAILED"} ${each.name}: ${each.detail}`);
      expect(results.filter((each) => !each.ok)).toEqual([]);
      expect(results.length).toBeGreaterThan(16);
    }, 1_200_000);
  }
});
