import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { install_failures, install_report, install_text, PARTS } from "../lab/install.ts";
import { scratch_folder } from "../lab/scratch.ts";
import { image, run_vm } from "../lab/vm.ts";

const LAB = join(import.meta.dir, "..", "lab");
const { values } = parseArgs({
  options: {
    deb: { type: "string" },
    "warmup-s": { type: "string", default: "45" },
    parts: { type: "string", default: PARTS.join(",") },
    clock: { type: "string", default: "virtual" },
    out: { type: "string" },
    output: { type: "string", short: "o", default: "text" },
  },
});
const parts = values.parts.split(",");
const unknown = parts.filter((part) => !PARTS.some((known) => known === part));
if (values.deb === undefined || unknown.length > 0) {
  console.error(`usage: scripts/prove-install --deb FILE [--parts LIST]; there are ${PARTS.join(", ")}`);
  process.exit(2);
}
const warmup_s = Number(values["warmup-s"]);

// An end from outside takes the guest with it.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
const scratch = scratch_folder("hosa-install");
try {
  const job = join(scratch.path, "tree", "job");
  const out = values.out ?? join(scratch.path, "out");
  for (const folder of [job, out]) mkdirSync(folder, { recursive: true });
  cpSync(image("workloads"), job, { recursive: true });
  cpSync(values.deb, join(job, "hosa.deb"));
  cpSync(join(LAB, "guest", "install.sh"), join(job, "job.sh"));
  for (const name of ["watch.sh", "between.sh"]) cpSync(join(LAB, "guest", name), join(job, name));
  writeFileSync(join(job, "env"), `WARMUP_S=${warmup_s}\nPARTS='${parts.join(" ")}'\n`);
  const cost = await run_vm({
    kernel: "6.12",
    clock: values.clock === "real" ? "real" : "virtual",
    seed: 1,
    tree: join(scratch.path, "tree"),
    out,
    timeout_s: 3600 + 10 * warmup_s,
    systemd: true,
  });
  const read = (name: string): string => (existsSync(join(out, name)) ? readFileSync(join(out, name), "utf8") : "");
  const report = install_report(read);
  const failures = install_failures(report);
  console.log(values.output === "json" ? JSON.stringify({ ...report, ...cost }) : install_text(report));
  if (values.output !== "json")
    console.log(`\n${report.checks.length} checks, ${failures.length} failed`, JSON.stringify(cost));
  process.exitCode = failures.length === 0 ? 0 : 1;
} finally {
  scratch.remove();
}
