import { expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { with_safe_hooks } from "../../src/agent/hook_programs.ts";
import { reload } from "../../src/agent/reload.ts";
import { default_config, parse_config } from "../../src/config/index.ts";
import { hosa, in_directory } from "../cli/hosa.ts";

const load = (text: string) => () => with_safe_hooks(parse_config(text, "h.yaml"));

test("hooks change with a reload, unless one of them must not be run: then nothing does", () => {
  const good = reload(default_config(), load("hooks: {pre: [{command: [/bin/true]}]}"));
  expect(good.plan?.config.hooks.pre).toHaveLength(1);
  const bad = "hooks: {pre: [{command: [/bin/true]}], post: [{command: [/nowhere/hook]}]}\nbeat: {relax_s: 9}";
  const { plan, entry } = reload(default_config(), load(bad));
  expect(plan).toBeNull();
  expect(entry.problems).toEqual(["hooks.post.0.command: /nowhere/hook is not run: /nowhere/hook does not exist"]);
});

test("`run` and `config check` refuse a program that others may write, and say what to do", async () => {
  await in_directory(async (directory) => {
    const program = join(directory, "hook");
    writeFileSync(program, "#!/bin/sh\n");
    chmodSync(program, 0o777);
    const file = join(directory, "h.yaml");
    writeFileSync(file, `hooks: {pre: [{command: [${program}]}]}\n`);
    for (const command of [
      ["run", "--dry-run", "--duration", "1s"],
      ["config", "check"],
    ]) {
      const { code, stderr } = hosa([...command, "-c", file]);
      expect(code).toBe(2);
      expect(stderr).toMatch(/hooks\.pre\.0\.command: .* is (not run: .*writable by everybody|belongs to user)/);
      expect(stderr).toContain("chmod go-w");
    }
  });
});
