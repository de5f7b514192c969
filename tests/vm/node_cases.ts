import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fill_node_guest, run } from "../../lab/node_guest.ts";
import type { Kernel } from "../../lab/options.ts";
import { run_vm } from "../../lab/vm.ts";
import type { CaseResult } from "./guest_cases.ts";

/** What the agent runs with, but for its quarantine. */
const CONFIG = `
autonomy: autonomous
learning: {warmup_s: 10, state_dir: /run/hosa-state}
opinions: {enabled: false}
thresholds: {mode: fixed, fixed: [2, 3, 4, 5]}
act: {warmup_cgroup_s: 0, exec_grace_s: 0}
# No service can be contained: every containment fails, which is what level 5 is about.
motor: {rungs: [shield], cooldown_s: 0, max_targets_per_minute: 600}
audit: {path: /out/audit.jsonl}
`;

const HOSA = join(import.meta.dir, "../../dist/hosa");

/** Whether guests may be booted here; says what is missing when not. */
export function guests_wanted(what: string): boolean {
  const wanted =
    process.env.HOSA_VM_TESTS !== undefined && Bun.which("qemu-system-x86_64") !== null && existsSync(HOSA);
  if (!wanted) console.error(`skipped: ${what}; build dist/hosa, set HOSA_VM_TESTS=1 and install qemu-system-x86`);
  return wanted;
}

/**
 * Boots a node (lab/guest/world.ts), runs the cases of a script in it, and says what came of each.
 *
 * @param quarantine the section of that name of hosa.yaml
 * @param fill adds to the guest's job
 */
export async function cases_on(
  kernel: Kernel,
  main: string,
  quarantine: string,
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
    fill_node_guest(job, { kernel, hosa: HOSA, main, service, config: `${CONFIG}quarantine: ${quarantine}\n` });
    fill(job);
    await run_vm({ kernel, clock: "virtual", seed: 1, tree, out, timeout_s: 2400, network_card: true });
    const results: readonly CaseResult[] = JSON.parse(readFileSync(join(out, "report.json"), "utf8"));
    for (const { ok, name, detail } of results) console.error(`${kernel} ${ok ? "ok" : "FAILED"} ${name}: ${detail}`);
    return results;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
