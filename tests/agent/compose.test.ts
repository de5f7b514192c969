import { expect, test } from "bun:test";
import { counts_on_shield } from "../../src/agent/compose.ts";
import { default_config } from "../../src/config/index.ts";

const MISSING = { missing: "no interface has a default route" };
const config = default_config();
const without_rung = {
  ...config,
  motor: { ...config.motor, rungs: config.motor.rungs.filter((rung) => rung !== "shield") },
};
const disabled = { ...config, motor: { ...config.motor, enabled: false } };

test.each([
  ["a dry run decides as if it could be put on", { config, mode: "run", dry_run: true }, true],
  [
    "one that only observes, and may be armed, counts on none it lacks",
    { config: disabled, mode: "run", dry_run: false },
    false,
  ],
  ["a run does not leave the load to one it lacks", { config, mode: "run", dry_run: false }, false],
  ["nobody counts on one that is not enabled", { config: without_rung, mode: "run", dry_run: true }, false],
  ["who only observes does nothing", { config, mode: "observe", dry_run: false }, false],
] as const)("without a shield %s", (_what, asked, expected) => {
  expect(counts_on_shield(asked, MISSING)).toBe(expected);
});
