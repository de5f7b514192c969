import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { image, run_vm } from "../../lab/vm.ts";

const KERNELS = ["6.12"] as const;
const ROOT = join(import.meta.dir, "../..");
const HOSA = join(ROOT, "dist/hosa");
const WANTED = process.env.HOSA_VM_TESTS !== undefined && Bun.which("qemu-system-x86_64") !== null && existsSync(HOSA);
if (!WANTED)
  console.error(
    "skipped: quarantine on a real kernel; build dist/hosa, set HOSA_VM_TESTS=1 and install qemu-system-x86",
  );

/** Drivers of the guest's card, its wires and its watchdog. */
const MODULES = ["virtio_net", "veth", "softdog"];

const CONFIG = `
learning: {warmup_s: 10, state_dir: /run/hosa-state}
opinions: {enabled: false}
thresholds: {mode: fixed, fixed: [2, 3, 4, 5]}
act: {warmup_cgroup_s: 0, exec_grace_s: 0}
# No service can be contained: every containment fails, which is what level 5 is about.
motor: {rungs: [shield], cooldown_s: 0, max_targets_per_minute: 600}
audit: {path: /out/audit.jsonl}
quarantine:
  environment: edge_remote
  conservative_marker: /out/conservative.json
  watchdog: /dev/watchdog
  evidence_deadline_s: 60
`;

interface CaseResult {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

let scratch = "";

function built(command: readonly string[]): string {
  const run = Bun.spawnSync([...command], { stderr: "pipe" });
  if (run.exitCode !== 0) throw new Error(`${command.join(" ")}: ${run.stderr.toString()}`);
  return run.stdout.toString();
}

/** Copies modules with all they need, in the order in which they are loaded. */
function copy_modules(kernel: (typeof KERNELS)[number], to: string): void {
  const folder = image("kernel", kernel);
  const version = readFileSync(join(folder, "version"), "utf8").trim();
  mkdirSync(to);
  const order: string[] = [];
  for (const module of MODULES) {
    const lines = built(["modprobe", "-d", join(folder, "x"), "-S", version, "--show-depends", module])
      .trim()
      .split("\n");
    for (const line of lines) {
      const [verb, path = ""] = line.split(" ");
      const name = basename(path).replace(/\.xz$/, "");
      if (verb !== "insmod" || order.includes(name)) continue;
      order.push(name);
      const packed = Bun.spawnSync(["sh", "-c", `case "$1" in *.xz) xz -dc "$1";; *) cat "$1";; esac`, "sh", path]);
      writeFileSync(join(to, name), packed.stdout);
    }
  }
  writeFileSync(join(to, "order"), `${order.join("\n")}\n`);
}

async function cases_on(kernel: (typeof KERNELS)[number]): Promise<readonly CaseResult[]> {
  const tree = join(scratch, `tree-${kernel}`);
  const out = process.env.HOSA_VM_OUT ?? join(scratch, `out-${kernel}`);
  mkdirSync(join(tree, "job"), { recursive: true });
  mkdirSync(out, { recursive: true });
  for (const name of readdirSync(join(scratch, "job"))) cpSync(join(scratch, "job", name), join(tree, "job", name));
  copy_modules(kernel, join(tree, "job", "modules"));
  // The binary under test is the runtime of the guest's own script, too: one copy of it less to boot with.
  writeFileSync(join(tree, "job", "job.sh"), "mkdir -p /run/hosa\nBUN_BE_BUN=1 /job/hosa /job/main.js\n");
  await run_vm({ kernel, clock: "virtual", seed: 1, tree, out, timeout_s: 2400, network_card: true });
  return JSON.parse(readFileSync(join(out, "report.json"), "utf8"));
}

describe.skipIf(!WANTED)("quarantine on a real kernel", () => {
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), "hosa-vm-quarantine-"));
    const job = join(scratch, "job");
    mkdirSync(job);
    const guest = join(import.meta.dir, "quarantine-guest");
    built([
      "gcc",
      "-static",
      "-O1",
      "-pthread",
      "-o",
      join(job, "threads"),
      join(import.meta.dir, "motor-guest/threads.c"),
    ]);
    for (const name of ["main", "outside"]) {
      built([
        process.execPath,
        "build",
        "--target=bun",
        join(guest, `${name}.ts`),
        "--outfile",
        join(job, `${name}.js`),
      ]);
    }
    cpSync(HOSA, join(job, "hosa"));
    writeFileSync(join(job, "hosa.yaml"), CONFIG);
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  for (const kernel of KERNELS) {
    test(`Linux ${kernel}: entered, survived by a killed agent, released without one`, async () => {
      const results = await cases_on(kernel);
      for (const each of results) console.error(`${kernel} ${each.ok ? "ok" : "FAILED"} ${each.name}: ${each.detail}`);
      expect(results.filter((each) => !each.ok)).toEqual([]);
      expect(results).toHaveLength(9);
    }, 2_500_000);
  }
});
