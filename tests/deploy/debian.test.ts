/** The maintainer scripts of the Debian package, as far as they can be tried without installing it. */

import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { in_directory, may_cover_files } from "../cli/hosa.ts";

const SCRIPTS = join(import.meta.dir, "../../deploy/debian");
const MAY_COVER = may_cover_files();

const FLAGS = "fpu sse sse2 pni ssse3 cx16 sse4_1 sse4_2 popcnt lahf_lm";

/** preinst ACTION where /proc/cpuinfo says these flags; null: as it is. */
async function preinst(action: string, flags: string | null): Promise<{ code: number; stderr: string }> {
  let ran = { code: -1, stderr: "" };
  await in_directory((directory) => {
    const file = join(directory, "cpuinfo");
    writeFileSync(file, `processor\t: 0\nflags\t\t: ${flags}\n\nprocessor\t: 1\nflags\t\t: ${flags}\n`);
    const cover = flags === null ? "true" : `mount --bind ${file} /proc/cpuinfo`;
    const command = ["unshare", "--mount", "sh", "-c", `${cover} && exec ${join(SCRIPTS, "preinst")} ${action}`];
    const { exitCode, stderr } = Bun.spawnSync(command);
    ran = { code: exitCode, stderr: stderr.toString() };
  });
  return ran;
}

test.skipIf(!MAY_COVER)(
  "a processor without SSE4.2 is refused before anything is unpacked, in a sentence",
  async () => {
    for (const missing of ["ssse3", "sse4_1", "sse4_2", "popcnt"]) {
      const flags = FLAGS.replace(` ${missing}`, "");
      for (const action of ["install", "upgrade 0.1.0"]) {
        const { code, stderr } = await preinst(action, flags);
        expect(code).toBe(1);
        expect(stderr).toContain(
          `hosa: not installed: this processor lacks ${missing}, and HOSA needs x86-64-v2 (SSE4.2).`,
        );
        expect(stderr).toContain("choose another CPU model");
      }
    }
    expect((await preinst("install", FLAGS.replace("sse4_2", "sse4_2_not"))).code).toBe(1);
  },
);

test.skipIf(!MAY_COVER)("any other is not, nor is what is undone kept from being undone", async () => {
  expect(await preinst("install", FLAGS)).toEqual({ code: 0, stderr: "" });
  expect(await preinst("install", null)).toEqual({ code: 0, stderr: "" });
  expect(await preinst("abort-upgrade 0.1.0", "fpu")).toEqual({ code: 0, stderr: "" });
});

test("no script looks up HOSA by PATH, and the package has all of them", () => {
  const scripts = readdirSync(SCRIPTS).filter((name) => /^(pre|post)(inst|rm)$/.test(name));
  const packaged = /for script in ([a-z ]+); do put 755 "DEBIAN\/.script"/.exec(
    readFileSync(join(SCRIPTS, "../../scripts/package"), "utf8"),
  );
  expect(packaged?.[1]?.split(" ").sort()).toEqual(scripts.sort());
  for (const name of scripts) {
    const code = readFileSync(join(SCRIPTS, name), "utf8")
      .replace(/#.*/g, "")
      .replace(/"[^"]*"/g, '""');
    expect(code).not.toMatch(
      /(?<!\/usr\/bin\/)\bhosa (release|run|config|status|doctor|man|arm|disarm|pause|resume)\b/,
    );
  }
});

test("the unit clears what acts before the binary does, and does not restart what a restart cannot mend", () => {
  const unit = readFileSync(join(SCRIPTS, "../hosa.service"), "utf8");
  const cleared = [...unit.matchAll(/^UnsetEnvironment=(.*)$/gm)].flatMap(([, names = ""]) => names.split(" "));
  for (const name of [
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "LD_AUDIT",
    "GLIBC_TUNABLES",
    "BUN_BE_BUN",
    "BUN_OPTIONS",
    "NODE_OPTIONS",
  ]) {
    expect(cleared).toContain(name);
  }
  expect(unit).toMatch(/^RestartPreventExitStatus=2 3$/m);
  for (const [, program = ""] of unit.matchAll(/^Exec\w+=(\S+)/gm)) expect(program).toStartWith("/");
});
