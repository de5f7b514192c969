import { expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { make_accounts } from "../telemetry/api_server.ts";
import { cases_on, guests_wanted } from "./node_cases.ts";

const CONFIG = `
learning: {warmup_s: 10, state_dir: /run/hosa-state}
opinions: {enabled: false}
thresholds: {mode: fixed, fixed: [2, 3, 4, 5]}
act: {warmup_cgroup_s: 0, exec_grace_s: 0}
# No service can be contained: every containment fails, which is what level 5 is about.
motor: {rungs: [shield], cooldown_s: 0, max_targets_per_minute: 600}
audit: {path: /out/audit.jsonl}
quarantine: {environment: auto, evidence_deadline_s: 60}
`;

/** What the pod of a cluster is given, and the certificate of its API server. */
function fill(job: string): void {
  const scratch = mkdtempSync(join(tmpdir(), "hosa-vm-cluster-"));
  try {
    make_accounts(scratch, { account: "ca" });
    for (const name of ["account", "server.crt", "server.key"]) {
      cpSync(join(scratch, name), join(job, name), { recursive: true });
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
  writeFileSync(join(job, "epoch_s"), String(Math.floor(Date.now() / 1000) + 60));
}

test.skipIf(!guests_wanted("level 5 in every environment"))(
  "every environment by its evidence: the plan in a dry run, the same done, and all of it released",
  async () => {
    const main = join(import.meta.dir, "environments-guest/main.ts");
    const results = await cases_on("6.12", main, CONFIG, fill);
    expect(results.filter((each) => !each.ok)).toEqual([]);
    expect(results).toHaveLength(7);
  },
  2_500_000,
);
