import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type AnswersReport, type AnswersRun, answers_report, answers_text } from "./answers_met.ts";
import { KERNELS, type Kernel, UsageError } from "./options.ts";
import { scratch_folder } from "./scratch.ts";
import { image, run_vm } from "./vm.ts";

/** A service that logs its own answers, and what happens to it. */
export interface AnswersScenario {
  readonly about: string;
  /** Program and arguments; LOG stands for where it logs. */
  readonly service: string;
  readonly max_bytes: number | null;
  /** Seconds after the onset at which the node's memory begins to go to huge pages; 0: never. */
  readonly huge_after_s: number;
  readonly after_s: number;
  /** Nothing that the agent could hold carries what happens: whatever is said to be effective is untrue. */
  readonly blameless: boolean;
}

const GIB = 1024 ** 3;
const SPIN = { max_bytes: GIB, huge_after_s: 0, after_s: 70, blameless: false } as const;

export const ANSWERS_SCENARIOS: Readonly<Record<string, AnswersScenario>> = {
  spin: { ...SPIN, about: "a leaking thread shares a spin lock with four workers", service: "spin 40 40 400 LOG spin" },
  "spin-yield": {
    ...SPIN,
    about: "the same, and threads that wait for the lock yield",
    service: "spin 40 40 400 LOG yield",
  },
  "spin-nap": {
    ...SPIN,
    about: "the same, and threads that wait for the lock sleep 50 us again and again",
    service: "spin 40 40 400 LOG nap",
  },
  "spin-write": {
    ...SPIN,
    about: "as spin-nap, and each answer is a write(2)",
    service: "spin 40 200 400 LOG nap write",
  },
  snapshot: {
    ...{ ...SPIN, blameless: true },
    about: "an in-memory store with one serving thread forks a snapshot of 300 MiB that lives for 25 s",
    service: "snapshot 300 8000 25 LOG",
  },
  shm: {
    ...{ ...SPIN, blameless: true },
    about: "16 writers fill a tmpfs at 62 MiB/s beside a thread that allocates and frees 3.9 MiB/s",
    service: "shm 16 4 /dev/shm/service LOG 600",
  },
  huge: {
    ...{
      about: "huge pages are reserved at 242 MiB/s while a service grows 5.8 MiB/s",
      service: "spin 6 40 10 LOG spin",
    },
    ...{ max_bytes: null, huge_after_s: 20, after_s: 60, blameless: true },
  },
};

const LABELS = Object.entries(ANSWERS_SCENARIOS).map(([name, { about }]) => `  ${name.padEnd(12)} ${about}`);
export const ANSWERS_USAGE = `usage: scripts/lab ${Object.keys(ANSWERS_SCENARIOS).join("|")} [options]
                     the longest stretch in which a service gave no answer, and what the agent said meanwhile

${LABELS.join("\n")}

  --agent NAME   hosa | none (hosa); or both: none,hosa
  --kernel V     ${KERNELS.join(" | ")} (6.12); or a comma-separated list
  --seed N       (1)
  --age S        seconds before the onset (110)
  --hosa FILE    the binary under test (dist/hosa)
  --config FILE  its configuration (lab/answers.yaml)
  --out DIR      keep everything the guests recorded, a folder each
  -o text|json   (text)

Exit status 1 when an untrue "effective" was said.`;

const AGENTS = ["hosa", "none"] as const;
const AGE_S = 110;

interface Request {
  readonly scenario: string;
  readonly agent: string;
  readonly kernel: Kernel;
  readonly seed: number;
  readonly age_s: number;
  readonly hosa: string;
  readonly config: string;
  readonly out: string;
}

async function run_one(request: Request): Promise<AnswersReport> {
  const { scenario, agent, kernel, seed, age_s, hosa, config, out } = request;
  const { service, max_bytes, huge_after_s, after_s, blameless } = ANSWERS_SCENARIOS[scenario]!;
  const scratch = scratch_folder("hosa-answers");
  try {
    const tree = join(scratch.path, "tree");
    const job = join(tree, "job");
    for (const folder of [job, out]) mkdirSync(folder, { recursive: true });
    const program = service.split(" ")[0]!;
    for (const each of [program, "sampler"]) cpSync(join(image("workloads"), each), join(job, each));
    if (agent === "hosa") {
      cpSync(hosa, join(job, "hosa"));
      cpSync(config, join(job, "hosa.yaml"));
    }
    cpSync(join(import.meta.dir, "guest", "answers.sh"), join(job, "job.sh"));
    cpSync(join(import.meta.dir, "guest", "watch.sh"), join(job, "watch.sh"));
    const environment = {
      AGENT: agent,
      AGE_S: age_s,
      AFTER_S: after_s,
      SERVICE_MAX: max_bytes ?? "max",
      SERVICE_COMMAND: `"/job/${service.replace("LOG", "/out/answers.log")}"`,
      HUGE_AFTER_S: huge_after_s,
    };
    const lines = Object.entries(environment).map(([key, value]) => `${key}=${value}\n`);
    writeFileSync(join(job, "env"), lines.join(""));
    await run_vm({ kernel, clock: "virtual", seed, tree, out, timeout_s: 600 + 6 * (age_s + after_s) });
    const read = (name: string) => (existsSync(join(out, name)) ? readFileSync(join(out, name), "utf8") : "");
    return answers_report(read, blameless);
  } finally {
    scratch.remove();
  }
}

function chosen<T extends string>(name: string, text: string, allowed: readonly T[]): readonly T[] {
  return text.split(",").map((each) => {
    const found = allowed.find((one) => one === each);
    if (found === undefined) throw new UsageError(`--${name}: "${each}" is not one of ${allowed.join(", ")}`);
    return found;
  });
}

function whole(name: string, value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1)
    throw new UsageError(`--${name}: "${value}" is not a whole number above 0`);
  return number;
}

/** One guest after the other. @throws {GuestFailure} {UsageError} */
export async function run_answers(scenario: string, argv: readonly string[]): Promise<number> {
  const text = { type: "string" } as const;
  const { values: v } = parseArgs({
    args: [...argv],
    options: {
      ...{ agent: text, kernel: text, seed: text, age: text, hosa: text, config: text, out: text },
      output: { ...text, short: "o" },
    },
  });
  const agents = chosen("agent", v.agent ?? "hosa", AGENTS);
  const kernels = chosen("kernel", v.kernel ?? "6.12", KERNELS);
  const seed = whole("seed", v.seed ?? "1");
  const scratch = scratch_folder("hosa-answers-out");
  const runs: AnswersRun[] = [];
  try {
    for (const kernel of kernels) {
      for (const agent of agents) {
        const out = join(v.out ?? scratch.path, `${scenario}-${kernel}-${agent}-${seed}`);
        const more = { age_s: whole("age", v.age ?? String(AGE_S)), hosa: v.hosa ?? "dist/hosa", out };
        const config = v.config ?? join(import.meta.dir, "answers.yaml");
        const report = await run_one({ scenario, agent, kernel, seed, config, ...more });
        runs.push({ scenario, agent, kernel, seed, report });
      }
    }
  } finally {
    scratch.remove();
  }
  console.log(v.output === "json" ? runs.map((run) => JSON.stringify(run)).join("\n") : answers_text(runs));
  return runs.some(({ report }) => report.verdicts.some(({ untrue }) => untrue)) ? 1 : 0;
}
