import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  type CrashResult,
  crash_plan,
  crash_text,
  plan_text,
  type WriterResult,
  writer_failure,
} from "../lab/crash.ts";
import { image, run_vm } from "../lab/vm.ts";

const LAB = join(import.meta.dir, "..", "lab");
const { values } = parseArgs({
  options: {
    count: { type: "string", default: "50" },
    seed: { type: "string", default: "1" },
    clock: { type: "string", default: "virtual" },
    hosa: { type: "string", default: join(LAB, "..", "dist", "hosa") },
    out: { type: "string" },
    output: { type: "string", short: "o", default: "text" },
  },
});
const count = Number(values.count);
const seed = Number(values.seed);
const clock = values.clock === "real" ? "real" : "virtual";

function json_lines<T>(path: string): T[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
}

const work = mkdtempSync(join(tmpdir(), "hosa-crash-"));
try {
  const tree = join(work, "tree");
  const job = join(tree, "job");
  const out = values.out ?? join(work, "out");
  for (const folder of [job, out]) mkdirSync(folder, { recursive: true });
  cpSync(image("workloads"), job, { recursive: true });
  cpSync(values.hosa, join(job, "hosa"));
  cpSync("/usr/bin/nice", join(job, "nice"));
  cpSync(join(LAB, "crash.yaml"), join(job, "hosa.yaml"));
  cpSync(join(LAB, "guest", "crash.sh"), join(job, "job.sh"));
  cpSync(join(LAB, "guest", "watch.sh"), join(job, "watch.sh"));
  writeFileSync(join(job, "plan"), plan_text(crash_plan(count, seed)));
  const cost = await run_vm({ kernel: "6.12", clock, seed, tree, out, timeout_s: 600 + 60 * count });
  const results = json_lines<CrashResult>(join(out, "crash.jsonl"));
  const writers = json_lines<WriterResult>(join(out, "writer.jsonl"));
  const restored = results.filter((r) => r.failed === "").length;
  const summary = { restored, asked: count, seed, ...cost, cases: results, writers };
  console.log(values.output === "json" ? JSON.stringify(summary) : crash_text(results, count, writers));
  if (values.output !== "json") console.log(JSON.stringify({ restored, asked: count, seed, ...cost }));
  process.exitCode = restored === count && writers.every((w) => writer_failure(w) === "") ? 0 : 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
