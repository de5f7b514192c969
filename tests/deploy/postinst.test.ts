/** deploy/debian/postinst as dpkg calls it, with the commands of the system replaced. */
import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const POSTINST = join(ROOT, "deploy/debian/postinst");
const HAS_DPKG = Bun.which("dpkg") !== null;
if (!HAS_DPKG) console.error("SKIPPED: dpkg compares the versions, and is not here");

/** What the script said, and what it called. @param config what `hosa config show -o json` prints; null: it fails */
function configure(config: object | null, ...old: readonly string[]) {
  return configure_with(1, config, ...old);
}

/** @param armed exit code of `hosa arm` */
function configure_with(armed: number, config: object | null, ...old: readonly string[]) {
  const directory = mkdtempSync(join(tmpdir(), "hosa-postinst-"));
  try {
    const bin = join(directory, "bin");
    const calls = join(directory, "calls");
    mkdirSync(bin);
    const put = (name: string, script: string) => {
      writeFileSync(join(bin, name), `#!/bin/sh\necho "${name} $*" >> ${calls}\n${script}\n`);
      chmodSync(join(bin, name), 0o755);
    };
    const shown = config === null ? "exit 2" : `cat << 'END'\n${JSON.stringify(config)}\nEND`;
    // An agent that still runs is of the old version: that the file is not in force yet must not fail the upgrade.
    put(
      "hosa",
      `case "$1 $2" in "config show") ${config === null ? shown : `\n${shown}\n`} ;; arm*) exit ${armed} ;; esac`,
    );
    for (const name of ["getent", "groupadd", "deb-systemd-helper", "deb-systemd-invoke", "systemctl"]) put(name, "");
    const script = join(directory, "postinst");
    writeFileSync(script, readFileSync(POSTINST, "utf8").replaceAll("/usr/bin/hosa", join(bin, "hosa")));
    const run = Bun.spawnSync(["sh", script, "configure", ...old], {
      env: { PATH: `${bin}:/usr/bin:/bin` },
    });
    const said = run.stdout.toString();
    return {
      code: run.exitCode,
      said,
      errors: run.stderr.toString(),
      calls: existsSync(calls) ? readFileSync(calls, "utf8") : "",
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const shown = (autonomy: string, enabled = true) => ({
  autonomy,
  max_level: 5,
  opinions: { enabled: true },
  motor: { enabled, rungs: [] },
});

test("installed anew it says in one line what it does and how to let it act, and arms nothing", () => {
  const { code, said, errors, calls } = configure(shown("auto"), "");
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  expect(said).toBe(
    "hosa: it observes this node: it learns, judges and records what it would do, and contains nothing. 'hosa arm' lets it act.\n",
  );
  expect(calls).not.toContain("hosa arm");
});

test("installed anew beside a configuration that arms it, it says that it acts", () => {
  expect(configure(shown("correction"), "").said).toContain("it acts on this node");
});

test.skipIf(!HAS_DPKG)("an upgrade that cannot arm says that it only observes from now on", () => {
  const { code, said } = configure_with(2, shown("auto"), "0.1.0");
  expect(code).toBe(0);
  expect(said).toContain("this one only observes, because 'hosa arm --up-to 5' failed");
  expect(said).not.toContain("so does this one");
});

test.skipIf(!HAS_DPKG)(
  "an upgrade from before the dial keeps a service acting that acted, and says where that stands",
  () => {
    const { code, said, calls } = configure(shown("auto"), "0.1.0");
    expect(code).toBe(0);
    expect(calls).toContain("hosa arm --up-to 5 --yes\n");
    expect(said).toContain("the earlier version acted, up to level 5, and so does this one");
    expect(said).toContain("'hosa disarm' makes it only observe");
  },
);

test.skipIf(!HAS_DPKG)("an upgrade arms nothing that was told to be still, or whose dial is set", () => {
  const still = configure(shown("auto", false), "0.1.0");
  expect(still.calls).not.toContain("hosa arm");
  expect(still.said).toContain("it only observes, as before");
  for (const autonomy of ["detection", "monitoring", "correction"])
    expect(configure(shown(autonomy), "0.1.0")).toMatchObject({ code: 0, said: "" });
});

test.skipIf(!HAS_DPKG)(
  "an upgrade from a version with the dial changes nothing, nor does a configuration with an error",
  () => {
    expect(configure(shown("auto"), "0.2.0")).toMatchObject({ code: 0, said: "" });
    expect(configure(shown("auto"), "0.2.0").calls).not.toContain("hosa arm");
    expect(configure(null, "0.1.0")).toMatchObject({ code: 0 });
    expect(configure(null, "0.1.0").calls).not.toContain("hosa arm");
  },
);

test("the version that has the dial is the one that the script compares with, or a later one", () => {
  const [, wanted = ""] = /lt ([\d.]+)/.exec(readFileSync(POSTINST, "utf8")) ?? [];
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
  expect(Bun.semver.order(version, wanted)).toBeGreaterThanOrEqual(0);
});
