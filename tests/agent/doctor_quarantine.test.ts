import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { no_way_out } from "../../src/agent/doctor_quarantine.ts";

let sys = "";
beforeEach(() => {
  sys = mkdtempSync(join(tmpdir(), "hosa-sys-"));
  mkdirSync(join(sys, "class/watchdog/watchdog0"), { recursive: true });
});
afterEach(() => rmSync(sys, { recursive: true }));

test("doctor says beforehand that a watchdog cannot be stopped again, and that it is opened all the same", () => {
  const of = (nowayout: string) => {
    writeFileSync(join(sys, "class/watchdog/watchdog0/nowayout"), `${nowayout}\n`);
    return no_way_out("/dev/watchdog0", sys);
  };
  expect(of("0")).toBeNull();
  expect(of("1")).toMatchObject({ state: "missing", detail: expect.stringContaining("opened all the same") });
  expect(no_way_out("/dev/watchdog7", sys)).toBeNull();
});
