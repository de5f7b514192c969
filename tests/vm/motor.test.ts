import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run_vm } from "../../lab/vm.ts";

const KERNELS = ["6.1", "6.12", "6.18"] as const;
const WANTED = process.env.HOSA_VM_TESTS !== undefined && Bun.which("qemu-system-x86_64") !== null;
if (!WANTED)
  console.error("skipped: the motor on real kernels; set HOSA_VM_TESTS=1 and install qemu-system-x86 to run it");

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

/** One guest runs every case of motor-guest/ and reports them. */
async function cases_on(kernel: (typeof KERNELS)[number]): Promise<readonly CaseResult[]> {
  const tree = join(scratch, `tree-${kernel}`);
  const out = join(scratch, `out-${kernel}`);
  mkdirSync(join(tree, "job"), { recursive: true });
  mkdirSync(out);
  for (const name of ["motor-guest", "threads"]) cpSync(join(scratch, name), join(tree, "job", name));
  const reserve = "mkdir /reserve && mke2fs -qF -t ext4 /dev/vdb && mount -t ext4 /dev/vdb /reserve\n";
  const small = "mkdir /small && mount -t tmpfs -o size=16k small /small\n";
  writeFileSync(join(tree, "job", "job.sh"), `${reserve}${small}/job/motor-guest\n`);
  await run_vm({ kernel, clock: "real", seed: 1, tree, out, timeout_s: 400, second_disk_bytes: 512 * 1024 ** 2 });
  return JSON.parse(readFileSync(join(out, "report.json"), "utf8"));
}

describe.skipIf(!WANTED)("the motor on a real kernel", () => {
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), "hosa-vm-motor-"));
    const guest = join(import.meta.dir, "motor-guest");
    built(["gcc", "-static", "-O1", "-pthread", "-o", join(scratch, "threads"), join(guest, "threads.c")]);
    built([process.execPath, "build", "--compile", join(guest, "main.ts"), "--outfile", join(scratch, "motor-guest")]);
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  for (const kernel of KERNELS) {
    test(`Linux ${kernel}: every rung, layout, drift and crash`, async () => {
      const results = await cases_on(kernel);
      for (const each of results) console.error(`${kernel} ${each.ok ? "ok" : "FAILED"} ${each.name}: ${each.detail}`);
      expect(results.filter((each) => !each.ok)).toEqual([]);
      expect(results.length).toBeGreaterThan(34);
    }, 600_000);
  }
});
