import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { bits_of, kept_privileges, PRIVILEGES, privilege_findings } from "../../src/agent/privileges.ts";

test("every capability has the number the kernel gives it", () => {
  const header = readFileSync("/usr/include/linux/capability.h", "utf8");
  for (const { name, bit } of PRIVILEGES) {
    expect(header).toMatch(new RegExp(`^#define ${name}\\s+${bit}$`, "m"));
  }
  expect(new Set(PRIVILEGES.map(({ bit }) => bit)).size).toBe(PRIVILEGES.length);
});

test("after the first beat no BPF program can be loaded any more, and whoever only looks keeps less than whoever acts", () => {
  const acting = kept_privileges(true).map(({ name }) => name);
  for (const name of ["CAP_BPF", "CAP_PERFMON", "CAP_SYS_ADMIN"]) expect(acting).not.toContain(name);
  const observing = bits_of(kept_privileges(false));
  expect(observing & ~bits_of(kept_privileges(true))).toBe(0n);
  expect(observing).not.toBe(bits_of(kept_privileges(true)));
});

test("the doctor names a set per level, each within what is kept", () => {
  const kept = kept_privileges(true).map(({ name }) => name);
  const levels = privilege_findings().filter(({ what }) => what.startsWith("level "));
  expect(levels).toHaveLength(6);
  for (const { detail } of levels) for (const name of detail.split(" ")) expect(kept).toContain(name);
});
