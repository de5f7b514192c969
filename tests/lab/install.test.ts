import { expect, test } from "bun:test";
import { install_failures, install_report, install_text } from "../../lab/install.ts";

const FILES: Record<string, string> = {
  "checks.tsv": "dpkg -i\tok\tstatus 0, 9.10 s\nno file is left\tok\t\nend\n",
  "moments.tsv": "dpkg -i begins\t12000\nexplained\t75500\n",
  "journal.txt": "level 0 → 2 soft containment: D̄ 16\n\n",
};
const report = (more: Record<string, string> = {}) => install_report((name) => ({ ...FILES, ...more })[name] ?? "");

test("moments count from the first, and a check without a value is one", () => {
  expect(report()).toEqual({
    checks: [
      { name: "dpkg -i", ok: true, value: "status 0, 9.10 s" },
      { name: "no file is left", ok: true, value: "" },
    ],
    moments: [
      { name: "dpkg -i begins", t_s: 0 },
      { name: "explained", t_s: 63.5 },
    ],
    journal: ["level 0 → 2 soft containment: D̄ 16"],
    whole: true,
  });
  expect(install_failures(report())).toEqual([]);
  expect(install_text(report())).toContain("    63.50 s  explained");
});

test("one check that failed is enough, and so is an end that never came", () => {
  const broken = report({ "checks.tsv": "no file is left\tFAILED\t> /usr/bin/hosa\n" });
  expect(install_failures(broken)).toEqual([
    "no file is left: > /usr/bin/hosa",
    "the guest's script did not come to its end",
  ]);
  expect(install_text(broken)).toContain("FAILED  no file is left  > /usr/bin/hosa");
  expect(install_failures(report({ "checks.tsv": "" }))).toHaveLength(1);
});
