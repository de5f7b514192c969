import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const scripts = join(import.meta.dir, "../../scripts");

function bash(command: string, environment: Record<string, string> = {}) {
  const run = Bun.spawnSync(["bash", "-c", `. ${scripts}/common.sh; ${command}`], {
    env: { ...process.env, ...environment },
  });
  return { status: run.exitCode, output: run.stdout.toString().trim() };
}

describe("fingerprint", () => {
  let folder = "";
  const take = () => bash(`fingerprint ${folder} ${folder}/absent`).output;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "hosa-scripts-"));
    writeFileSync(join(folder, "a b"), "one");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("follows content and names, not times and not the caller's language", () => {
    const before = take();
    expect(before).toMatch(/^[0-9a-f]{64}$/);
    utimesSync(join(folder, "a b"), 1, 1);
    expect(take()).toBe(before);
    expect(bash(`fingerprint ${folder}`, { LC_ALL: "C.UTF-8" }).output).toBe(before);
    writeFileSync(join(folder, "a b"), "two");
    const changed = take();
    expect(changed).not.toBe(before);
    renameSync(join(folder, "a b"), join(folder, "c"));
    expect(take()).not.toBe(changed);
  });

  test("of nothing is a word that no hash can be", () => {
    expect(bash(`fingerprint ${folder}/absent`)).toEqual({ status: 0, output: "none" });
  });
});

describe("scripts", () => {
  test("find the Bun that package.json pins first", () => {
    expect(bash("bun --version").output).toBe(Bun.version);
  });

  test.each(["setup", "build", "run", "test"])("%s is sound shell", (name) => {
    expect(Bun.spawnSync(["bash", "-n", join(scripts, name)]).exitCode).toBe(0);
  });
});
