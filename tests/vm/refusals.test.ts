/** Nodes on which HOSA cannot run: it says why. */

import { expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run_vm, type VmRequest } from "../../lab/vm.ts";
import { guests_wanted } from "./node_cases.ts";

const HOSA = join(import.meta.dir, "../../dist/hosa");
const wanted = guests_wanted("a node on which HOSA cannot run");

/** Runs the lines of a job in a guest and returns what each file of /out holds. */
async function said_in(
  lines: readonly string[],
  request: Partial<VmRequest>,
  files_of_job: Readonly<Record<string, string>> = {},
): Promise<(name: string) => string> {
  const scratch = mkdtempSync(join(tmpdir(), "hosa-vm-refusal-"));
  try {
    const tree = join(scratch, "tree");
    const out = join(scratch, "out");
    mkdirSync(join(tree, "job"), { recursive: true });
    mkdirSync(out);
    cpSync(HOSA, join(tree, "job/hosa"));
    for (const [name, text] of Object.entries(files_of_job)) writeFileSync(join(tree, "job", name), text);
    writeFileSync(join(tree, "job/job.sh"), `export NO_COLOR=1\n${lines.join("\n")}\n`);
    await run_vm({ kernel: "6.12", clock: "real", seed: 1, tree, out, timeout_s: 900, ...request });
    const files = new Map(lines.map((_, i) => [`${i}`, readFileSync(join(out, `${i}`), "utf8")]));
    return (name) => files.get(name) ?? "";
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

const noted = (commands: readonly string[]): readonly string[] =>
  commands.map((command, i) => `${command} > /out/${i} 2>&1; echo "exit code $?" >> /out/${i}`);

test.skipIf(!wanted)(
  "a processor without SSE4.2: one sentence and exit code 3, no signal",
  async () => {
    const said = await said_in(noted(["/job/hosa --version", "/job/hosa run --daemon"]), { cpu: "qemu64" });
    for (const name of ["0", "1"]) {
      expect(said(name)).toStartWith("hosa: cannot start on this processor: it lacks SSE4.2");
      expect(said(name)).toEndWith("\nexit code 3\n");
    }
  },
  900_000,
);

test.skipIf(!wanted)(
  "the oldest processor with SSE4.2 is enough",
  async () => {
    // Long enough for the just-in-time compiler to have its say, which picks instructions by itself.
    const rows = Array.from(
      { length: 2000 },
      (_, i) => `${i < 1000 ? "train" : "test"},0,${(i * 7919) % 97},${(i * 104729) % 89}`,
    );
    const csv = `split,label,a,b\n${rows.join("\n")}\n`;
    const commands = [
      "/job/hosa --version",
      "/job/hosa replay /job/rows.csv",
      "/job/hosa run --dry-run --duration 5s -c /dev/null",
    ];
    const said = await said_in(noted(commands), { cpu: "Nehalem" }, { "rows.csv": csv });
    for (const name of ["0", "1", "2"]) expect(said(name)).toEndWith("\nexit code 0\n");
  },
  900_000,
);

test.skipIf(!wanted)(
  "lockdown=confidentiality is named as the cause, with what still works",
  async () => {
    const commands = [
      "/job/hosa doctor -c /dev/null",
      "/job/hosa run --dry-run -c /dev/null",
      "/job/hosa release -c /dev/null",
    ];
    const mount = "mount -t securityfs securityfs /sys/kernel/security";
    const [first = "", ...rest] = noted(commands);
    const said = await said_in([`${mount}; ${first}`, ...rest], { kernel_words: "lockdown=confidentiality" });
    expect(said("0")).toContain("fatal   lockdown  confidentiality (/sys/kernel/security/lockdown)");
    expect(said("0")).toEndWith("exit code 3\n");
    expect(said("1")).toContain('kernel lockdown is in mode "confidentiality"');
    expect(said("1")).toContain("explain, report, replay, what-if and release still work");
    expect(said("1")).toEndWith("exit code 3\n");
    expect(said("2")).toEndWith("exit code 0\n");
  },
  900_000,
);
