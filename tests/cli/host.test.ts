import { expect, test } from "bun:test";
import { realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hosa, hosa_with_file_replaced, in_directory, is_root, may_cover_files } from "./hosa.ts";

const OBJECT = join(import.meta.dir, "../../build/senses.bpf.o");
const NOBODY = ["setpriv", "--reuid", "65534", "--clear-groups"];
const PRIVILEGED = is_root();
const COVERS = may_cover_files();

function one_line(stderr: string): string {
  const lines = stderr.trimEnd().split("\n");
  expect(lines, stderr).toHaveLength(1);
  return lines[0]!;
}

function settings(directory: string): string {
  const file = join(directory, "h.yaml");
  writeFileSync(
    file,
    `learning: {state_dir: ${directory}/state}\naudit: {path: ${directory}/audit.jsonl}\nmotor: {ledger_dir: ${directory}/run}\n`,
  );
  return file;
}

test.skipIf(!PRIVILEGED)("not root: run, observe and release end with 3 and one line", () => {
  for (const command of ["run", "observe"]) {
    const { code, stderr } = hosa([command, "--duration", "1s"], NOBODY);
    expect(code).toBe(3);
    // Where an agent of the machine runs, it is that one which refuses.
    expect(one_line(stderr)).toMatch(/^error: .*[Rr]un as root/);
  }
});

test.skipIf(!PRIVILEGED)("not root: doctor still examines, and ends with 3", () => {
  const { code, stdout, stderr } = hosa(["doctor", "-o", "json"], NOBODY);
  expect(stderr).toBe("");
  expect(code).toBe(3);
  const report = JSON.parse(stdout);
  expect(report.usable).toBe(false);
  const findings = report.sections.flatMap((section: { findings: readonly object[] }) => section.findings);
  expect(findings).toContainEqual(expect.objectContaining({ what: "CAP_BPF", state: "fatal" }));
});

test.skipIf(!COVERS)("no libbpf: 3, one line that says what to install", async () => {
  const library = /=> (.*libbpf\.so\.1)$/m.exec(Bun.spawnSync(["ldconfig", "-p"]).stdout.toString())?.[1];
  if (library === undefined) {
    console.error("SKIPPED: libbpf is not installed, so it cannot be hidden");
    return;
  }
  await in_directory((directory) => {
    const args = ["run", "--duration", "1s", "-c", settings(directory)];
    const { code, stderr } = hosa_with_file_replaced(realpathSync(library), "/dev/null", args);
    expect(code).toBe(3);
    expect(one_line(stderr)).toMatch(/^error: .*libbpf\.so\.1.*install libbpf/);
  });
});

test.skipIf(!COVERS)("no BTF: 3, one line that says which kernel to boot", async () => {
  await in_directory((directory) => {
    const args = ["run", "--duration", "1s", "-c", settings(directory)];
    const { code, stderr } = hosa_with_file_replaced("/sys/kernel/btf/vmlinux", "/dev/null", args);
    expect(code).toBe(3);
    expect(one_line(stderr)).toMatch(/^error: .*BTF.*CONFIG_DEBUG_INFO_BTF/);
  });
});

test.skipIf(!COVERS)("a broken BPF object: 3, one line that says to rebuild", async () => {
  await in_directory((directory) => {
    const junk = join(directory, "junk");
    writeFileSync(junk, "not an object".repeat(100));
    const args = ["observe", "--count", "1", "-c", settings(directory)];
    const { code, stderr } = hosa_with_file_replaced(OBJECT, junk, args);
    expect(code).toBe(3);
    expect(one_line(stderr)).toMatch(/^error: .*BPF object.*rebuild/);
  });
});

test("release with an empty ledger has nothing to do, dry or not", async () => {
  await in_directory((directory) => {
    for (const dry of [[], ["--dry-run"]]) {
      const { code, stdout } = hosa(["release", ...dry, "-c", settings(directory)]);
      expect(code).toBe(0);
      expect(stdout).toBe("nothing to release\n");
    }
  });
});

test("a ledger directory that is none: 1, one line", async () => {
  await in_directory((directory) => {
    const file = join(directory, "h.yaml");
    writeFileSync(join(directory, "file"), "");
    writeFileSync(file, `motor: {ledger_dir: ${directory}/file/run}\n`);
    const { code, stderr } = hosa(["release", "-c", file]);
    expect(code).toBe(1);
    expect(one_line(stderr)).toContain("motor.ledger_dir");
  });
});
