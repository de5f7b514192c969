import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { install_failures, install_report, install_text } from "../lab/install.ts";
import type { Kernel } from "../lab/options.ts";
import { scratch_folder } from "../lab/scratch.ts";
import { image, run_vm } from "../lab/vm.ts";

const ROOT = join(import.meta.dir, "..");
const PARTS = ["whole", "interrupted", "killed", "beside"] as const;
const { values } = parseArgs({
  options: {
    kernel: { type: "string", default: "6.12" },
    plain: { type: "boolean", default: false },
    parts: { type: "string", default: PARTS.join(",") },
    seed: { type: "string", default: "1" },
    clock: { type: "string", default: "virtual" },
    out: { type: "string" },
    output: { type: "string", short: "o", default: "text" },
  },
});
const parts = values.parts.split(",");
if (parts.some((part) => !PARTS.some((known) => known === part))) {
  console.error(`usage: scripts/prove-demo [--parts LIST]; there are ${PARTS.join(", ")}`);
  process.exit(2);
}

// An end from outside takes the guest with it.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
const scratch = scratch_folder("hosa-demo-proof");
try {
  const job = join(scratch.path, "tree", "job");
  const out = values.out ?? join(scratch.path, "out");
  for (const folder of [job, out]) mkdirSync(folder, { recursive: true });
  cpSync(image("workloads"), job, { recursive: true });
  cpSync(join(ROOT, "dist/hosa"), join(job, "hosa"));
  cpSync(join(ROOT, "lab/guest/demo.sh"), join(job, "job.sh"));
  writeFileSync(join(job, "env"), `SEED=${Number(values.seed)}\nPARTS='${parts.join(" ")}'\n`);
  const cost = await run_vm({
    kernel: values.kernel as Kernel,
    clock: values.clock === "real" ? "real" : "virtual",
    seed: Number(values.seed),
    tree: join(scratch.path, "tree"),
    out,
    timeout_s: 5400,
    systemd: !values.plain,
  });
  const read = (name: string): string => (existsSync(join(out, name)) ? readFileSync(join(out, name), "utf8") : "");
  const report = install_report(read);
  const failures = install_failures(report);
  if (values.output === "json") console.log(JSON.stringify({ ...report, ...cost }));
  else
    console.log(
      `${install_text(report)}\n\n${report.checks.length} checks, ${failures.length} failed`,
      JSON.stringify(cost),
    );
  process.exitCode = failures.length === 0 ? 0 : 1;
} finally {
  scratch.remove();
}
