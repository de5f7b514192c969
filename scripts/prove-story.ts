/** See scripts/prove-story. */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { run } from "../lab/node_guest.ts";
import { KERNELS, type Kernel } from "../lab/options.ts";
import { scratch_folder } from "../lab/scratch.ts";
import { GuestFailure, run_vm } from "../lab/vm.ts";

const words = process.argv.slice(2);
function option(name: string, otherwise: string): string {
  const at = words.indexOf(`--${name}`);
  return at < 0 ? otherwise : (words.splice(at, 2)[1] ?? otherwise);
}

const names = option("only", "vm,leak,fork,dd,cpu");
const runs = option("runs", "3");
const warmup_s = option("warmup", "40");
const kernel = option("guest", "");
const seed = Number(option("seed", "1"));
const hosa = resolve(option("hosa", "dist/hosa"));
const cgroup = option("cgroup", "");
const out = option("out", "");
if (words.length > 0) {
  console.error(`prove-story: unknown: ${words.join(" ")}`);
  process.exit(2);
}

interface Line {
  readonly run: number;
  readonly name: string;
  readonly faults: readonly string[];
}

/** Python's own modules, without which no interpreter starts. */
function copy_python(job: string): void {
  const home = "/usr/lib/python3.11";
  const to = join(job, "python", "lib", "python3.11");
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(home)) if (name.endsWith(".py")) cpSync(join(home, name), join(to, name));
  for (const name of ["encodings", "collections", "importlib", "re"]) {
    cpSync(join(home, name), join(to, name), { recursive: true, filter: (path) => !path.includes("__pycache__") });
  }
  mkdirSync(join(to, "lib-dynload"));
}

function fill_job(job: string): void {
  mkdirSync(join(job, "bin"), { recursive: true });
  run([process.execPath, "build", "--target=bun", "scripts/story/run.ts", "--outfile", join(job, "story.js")]);
  // Programs lie beside the job's script, where the libraries they need are looked for.
  for (const [name, path] of [
    ["hosa", hosa],
    ["stress-ng", "/usr/bin/stress-ng"],
    ["dd", "/usr/bin/dd"],
    ["python3", "/usr/bin/python3.11"],
    ["timeout", "/usr/bin/timeout"],
  ] as const) {
    cpSync(path, join(job, name), { dereference: true });
  }
  copy_python(job);
  writeFileSync(
    join(job, "job.sh"),
    `export PATH=/job:$PATH PYTHONHOME=/job/python PYTHONDONTWRITEBYTECODE=1
mount -o size=64M -t tmpfs tmp /var/tmp 2>/dev/null
BUN_BE_BUN=1 /job/hosa /job/story.js /job/hosa /out guest ${runs} ${names} ${warmup_s} /sys/fs/cgroup
`,
  );
}

async function in_guest(which: Kernel, to: string): Promise<void> {
  const scratch = scratch_folder("prove-story");
  try {
    fill_job(join(scratch.path, "tree", "job"));
    const request = { kernel: which, clock: "virtual" as const, seed, tree: join(scratch.path, "tree"), out: to };
    await run_vm({ ...request, timeout_s: 7200 });
  } finally {
    scratch.remove();
  }
}

function here(to: string): void {
  const command = [process.execPath, "scripts/story/run.ts", hosa, to, "host", runs, names, warmup_s, cgroup];
  const { exitCode } = Bun.spawnSync(command, { stdout: "inherit", stderr: "inherit" });
  if (exitCode !== 0) throw new Error(`scripts/story/run.ts ended with status ${exitCode}`);
}

const kept = out === "" ? scratch_folder("prove-story-out") : null;
const to = kept?.path ?? resolve(out);
mkdirSync(to, { recursive: true });
try {
  if (kernel === "") here(to);
  else if ((KERNELS as readonly string[]).includes(kernel)) await in_guest(kernel as Kernel, to);
  else throw new Error(`--guest takes one of ${KERNELS.join(", ")}`);
} catch (error) {
  if (!(error instanceof GuestFailure)) throw error;
  console.error(`${error.message}\n${error.console_tail}`);
}
const text = (() => {
  try {
    return readFileSync(join(to, "story.jsonl"), "utf8").trim();
  } catch {
    return "";
  }
})();
const lines = text === "" ? [] : text.split("\n").map((line) => JSON.parse(line) as Line);
kept?.remove();
for (const name of names.split(",")) {
  const of_it = lines.filter((line) => line.name === name);
  const right = of_it.filter(({ faults }) => faults.length === 0).length;
  console.log(`${name.padEnd(6)} ${right} of ${of_it.length} right`);
  for (const { run: nth, faults } of of_it) for (const fault of faults) console.log(`       run ${nth}: ${fault}`);
}
const expected = Number(runs) * names.split(",").length;
process.exit(lines.length === expected && lines.every(({ faults }) => faults.length === 0) ? 0 : 1);
