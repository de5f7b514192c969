import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { cases_on, guests_wanted } from "./node_cases.ts";

const KERNELS = ["6.12"] as const;

const CONFIG = `
learning: {warmup_s: 10, state_dir: /run/hosa-state}
opinions: {enabled: false}
thresholds: {mode: fixed, fixed: [2, 3, 4, 5]}
act: {warmup_cgroup_s: 0, exec_grace_s: 0}
# No service can be contained: every containment fails, which is what level 5 is about.
motor: {rungs: [shield], cooldown_s: 0, max_targets_per_minute: 600}
audit: {path: /out/audit.jsonl}
quarantine:
  environment: edge_remote
  conservative_marker: /out/conservative.json
  watchdog: /dev/watchdog
  evidence_deadline_s: 60
`;

describe.skipIf(!guests_wanted("quarantine on a real kernel"))("quarantine on a real kernel", () => {
  for (const kernel of KERNELS) {
    test(`Linux ${kernel}: entered, survived by a killed agent, released without one`, async () => {
      const results = await cases_on(kernel, join(import.meta.dir, "quarantine-guest/main.ts"), CONFIG);
      expect(results.filter((each) => !each.ok)).toEqual([]);
      expect(results).toHaveLength(9);
    }, 2_500_000);
  }
});
