import { expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { make_accounts } from "../telemetry/api_server.ts";
import { cases_on, guests_wanted } from "./node_cases.ts";

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

/** A quarter of an hour of a processor: scripts/prove-environments asks for it. */
const wanted = process.env.HOSA_LONG_TESTS !== undefined;
if (!wanted)
  console.error("skipped: level 5 in every environment; it has a command of its own, scripts/prove-environments");

test.skipIf(!wanted || !guests_wanted("level 5 in every environment"))(
  "every environment by its evidence: the plan in a dry run, the same done, and all of it released",
  async () => {
    const main = join(import.meta.dir, "environments-guest/main.ts");
    const results = await cases_on(
      "6.12",
      main,
      "{environment: auto, count_refusals: true, evidence_deadline_s: 60}",
      fill,
    );
    expect(results.filter((each) => !each.ok)).toEqual([]);
    expect(results).toHaveLength(8);
  },
  2_500_000,
);
