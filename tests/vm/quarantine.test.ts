import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { cases_on, guests_wanted } from "./node_cases.ts";

const KERNELS = ["6.12"] as const;

const QUARANTINE = `
  count_refusals: true
  environment: edge_remote
  conservative_marker: /out/conservative.json
  watchdog: /dev/watchdog
  evidence_deadline_s: 60
`;

describe.skipIf(!guests_wanted("quarantine on a real kernel"))("quarantine on a real kernel", () => {
  for (const kernel of KERNELS) {
    test(`Linux ${kernel}: entered, survived by a killed agent, released without one`, async () => {
      const results = await cases_on(kernel, join(import.meta.dir, "quarantine-guest/main.ts"), QUARANTINE);
      expect(results.filter((each) => !each.ok)).toEqual([]);
      expect(results).toHaveLength(9);
    }, 2_500_000);
  }
});
