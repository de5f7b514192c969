import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type HeldReport, held_failures, held_report, held_text } from "../lab/held.ts";
import type { Kernel } from "../lab/options.ts";
import { scratch_folder } from "../lab/scratch.ts";
import { image, run_vm, SYSTEM_DISKS, type SystemDisk } from "../lab/vm.ts";

const ROOT = join(import.meta.dir, "..");
const LAB = join(ROOT, "lab");
const TIMEOUT_S = 3600;
const { values } = parseArgs({
  options: {
    disk: { type: "string", multiple: true, default: ["systemd-252", "systemd-257", "podman-257"] },
    parts: { type: "string" },
    kernel: { type: "string", default: "6.12" },
    out: { type: "string" },
    output: { type: "string", short: "o", default: "text" },
  },
});
const disks = values.disk.filter((name): name is SystemDisk => name in SYSTEM_DISKS);
if (disks.length !== values.disk.length) {
  console.error(`usage: scripts/prove-held --disk DISK; there are ${Object.keys(SYSTEM_DISKS).join(", ")}`);
  process.exit(2);
}

/** One guest, with the parts that its disk is for. */
async function prove(disk: SystemDisk, work: string): Promise<HeldReport> {
  const parts = values.parts ?? (disk.startsWith("podman") ? "containers" : "units,throttled,watchdog,level5");
  const job = join(work, disk, "tree", "job");
  const out = values.out === undefined ? join(work, disk, "out") : join(values.out, disk);
  for (const folder of [job, out]) mkdirSync(folder, { recursive: true });
  cpSync(image("workloads"), job, { recursive: true });
  cpSync(join(ROOT, "dist", "hosa"), join(job, "hosa"));
  const built = Bun.spawnSync(
    [process.execPath, "build", "--compile", join(LAB, "guest", "hold.ts"), "--outfile", join(job, "hold")],
    { stderr: "pipe" },
  );
  if (built.exitCode !== 0) throw new Error(`build hold.ts: ${built.stderr.toString()}`);
  cpSync(join(LAB, "guest", "held.sh"), join(job, "job.sh"));
  cpSync(join(LAB, "guest", "watch.sh"), join(job, "watch.sh"));
  writeFileSync(join(job, "env"), `PARTS='${parts.replaceAll(",", " ")}'\n`);
  await run_vm({
    kernel: values.kernel as Kernel,
    clock: "virtual",
    seed: 1,
    tree: join(work, disk, "tree"),
    out,
    timeout_s: TIMEOUT_S,
    systemd: true,
    system_disk: disk,
  });
  const rows = join(out, "rows.tsv");
  return held_report(existsSync(rows) ? readFileSync(rows, "utf8") : "");
}

// An end from outside takes the guest with it.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
const scratch = scratch_folder("hosa-held");
try {
  for (const disk of disks) {
    const report = await prove(disk, scratch.path);
    const failures = held_failures(report);
    console.log(values.output === "json" ? JSON.stringify({ disk, ...report, failures }) : `${held_text(report)}\n`);
    for (const failure of failures) console.error(`FAILED ${disk}: ${failure}`);
    if (failures.length > 0) process.exitCode = 1;
  }
} finally {
  scratch.remove();
}
