import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fill_node_guest, run } from "../../lab/node_guest.ts";
import type { Kernel } from "../../lab/options.ts";
import { run_vm } from "../../lab/vm.ts";
import type { CaseResult } from "./guest_cases.ts";

const HOSA = join(import.meta.dir, "../../dist/hosa");

/** Whether guests may be booted here; says what is missing when not. */
export function guests_wanted(what: string): boolean {
  const wanted =
    process.env.HOSA_VM_TESTS !== undefined && Bun.which("qemu-system-x86_64") !== null && existsSync(HOSA);
  if (!wanted) console.error(`skipped: ${what}; build dist/hosa, set HOSA_VM_TESTS=1 and install qemu-system-x86`);
  return wanted;
}

/** Boots a node (lab/guest/world.ts), runs the cases of a script in it, and says what came of each. @param fill adds to its job */
export async function cases_on(
  kernel: Kernel,
  main: string,
  config: string,
  fill: (job: string) => void = () => {},
): Promise<readonly CaseResult[]> {
  const scratch = mkdtempSync(join(tmpdir(), "hosa-vm-node-"));
  try {
    const tree = join(scratch, "tree");
    const job = join(tree, "job");
    const out = process.env.HOSA_VM_OUT ?? join(scratch, "out");
    mkdirSync(out, { recursive: true });
    const service = join(scratch, "threads");
    run(["gcc", "-static", "-O1", "-pthread", "-o", service, join(import.meta.dir, "motor-guest/threads.c")]);
    fill_node_guest(job, { kernel, hosa: HOSA, main, service, config });
    fill(job);
    await run_vm({ kernel, clock: "virtual", seed: 1, tree, out, timeout_s: 2400, network_card: true });
    const results: readonly CaseResult[] = JSON.parse(readFileSync(join(out, "report.json"), "utf8"));
    for (const { ok, name, detail } of results) console.error(`${kernel} ${ok ? "ok" : "FAILED"} ${name}: ${detail}`);
    return results;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
