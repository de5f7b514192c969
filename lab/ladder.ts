import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type AuditLine, audit_lines } from "./audit_lines.ts";
import { climb_failures, type LadderStep, ladder_steps, type Reached, reached } from "./ladder_steps.ts";
import { fill_node_guest } from "./node_guest.ts";
import { KERNELS, type Kernel, UsageError } from "./options.ts";
import { scratch_folder } from "./scratch.ts";
import { image, run_vm } from "./vm.ts";

export const LADDER_USAGE = `usage: scripts/lab ladder [options]    a fault that no containment ends: levels 0 to 5, and back

  --kernel V     ${KERNELS.join(" | ")} (6.12)
  --seed N       (1)
  --config FILE  what the agent runs with (lab/ladder.yaml)
  --hosa FILE    the binary under test (dist/hosa)
  --out DIR      keep everything the guest recorded, ladder.svg among it
  -o text|json   (text)`;

interface Reachable {
  readonly neighbour: boolean;
  readonly operator: boolean;
  readonly outward: boolean;
}

/** What the guest saw (guest/ladder.ts); a part is missing where it did not get so far. */
interface Found {
  readonly broken?: string;
  readonly onset_ms?: number;
  /** The second fault, from outside. */
  readonly flood_ms?: number;
  readonly release_ms?: number;
  readonly open?: Reachable;
  readonly closed?: Reachable;
  readonly reopened?: Reachable;
  readonly links?: { readonly eth0: boolean; readonly uplink: boolean };
  readonly release_code?: number;
  /** Lines of the node's state that are not as they were before the agent came. */
  readonly difference?: readonly string[];
  /** What a second release says. */
  readonly left?: string;
  /** Of the decision that first reached each level. */
  readonly explain_codes?: readonly number[];
  readonly timeline_code?: number;
  readonly svg_code?: number;
  /** Of each recorded flight, decided again. */
  readonly replay_codes?: readonly number[];
}

export interface LadderReport {
  readonly levels: readonly Reached[];
  readonly steps: readonly LadderStep[];
  readonly found: Found;
  readonly failures: readonly string[];
}

const OPEN: Reachable = { neighbour: true, operator: true, outward: true };
const CLOSED: Reachable = { neighbour: false, operator: true, outward: false };

/** What the guest wrote, as steps and broken promises. Pure. @param read text of one of its files, empty when there is none */
export function ladder_report(read: (name: string) => string): LadderReport {
  const found = JSON.parse(read("found.json") || "{}") as Found;
  const audit = audit_lines(read("audit.jsonl"));
  const onset_ms = found.onset_ms ?? 0;
  const levels = reached(audit, onset_ms);
  const failures = [
    ...(found.broken === undefined ? [] : [`the guest gave up: ${found.broken}`]),
    ...climb_failures(audit, onset_ms),
    ...quarantine_failures(audit, found),
    ...release_failures(found),
    ...explain_failures(read, found, levels.length),
  ];
  return { levels, steps: ladder_steps(audit, onset_ms), found, failures };
}

function differs(what: string, found: unknown, wanted: unknown): readonly string[] {
  const [is, should] = [JSON.stringify(found), JSON.stringify(wanted)];
  return is === should ? [] : [`${what}: ${is}, not ${should}`];
}

function quarantine_failures(audit: readonly AuditLine[], { open, closed, links }: Found): readonly string[] {
  const steps = audit.flatMap(({ outcome }) => (outcome === undefined ? [] : [outcome]));
  const order = [...new Set(steps.map(({ step }) => step))];
  return [
    ...differs("the network before", open, OPEN),
    ...differs("the network in quarantine", closed, CLOSED),
    ...differs("links up in quarantine", links, { eth0: false, uplink: true }),
    ...differs("the steps of the quarantine", order, ["evidence", "isolate", "links_down", "freeze"]),
    ...steps
      .filter(({ status }) => status !== "done")
      .map(({ step, subject, status, detail }) => `${step} ${subject} is ${status}: ${detail}`),
  ];
}

function release_failures({ release_code, difference, left, reopened }: Found): readonly string[] {
  return [
    ...differs("status of the release", release_code, 0),
    ...differs("what is not as it was", difference, []),
    ...differs("what a second release says", left, "nothing to release"),
    ...differs("the network after the release", reopened, OPEN),
  ];
}

function explain_failures(read: (name: string) => string, found: Found, levels: number): readonly string[] {
  const { explain_codes, timeline_code, svg_code, replay_codes } = found;
  const wrong = [
    ...differs("status of `hosa explain` of each level", explain_codes, Array(levels).fill(0)),
    ...differs("status of the timelines", [timeline_code, svg_code], [0, 0]),
  ];
  const identical = read("explain.txt").split("decision re-run: identical").length - 1;
  if (identical < levels) wrong.push(`${identical} of ${levels} levels are re-run to the same decision`);
  if (replay_codes === undefined || replay_codes.length === 0) wrong.push("no flight was recorded");
  if (replay_codes?.some((code) => code !== 0)) wrong.push("a flight is not replayed to the same decisions");
  if (!read("ladder.svg").includes("</svg>")) wrong.push("there is no drawing of the run");
  return wrong;
}

function table({ levels, steps, found }: LadderReport): string {
  const width = Math.max(8, ...steps.map(({ subject }) => subject.length));
  const lines = steps.map(({ at_s, level, kind, subject, status, detail }) =>
    [
      `${at_s.toFixed(2)} s`.padStart(9),
      String(level ?? "").padStart(5),
      kind.padEnd(10),
      subject.padEnd(width),
      status.padEnd(9),
      detail,
    ].join("  "),
  );
  const network = (each?: Reachable) =>
    each === undefined
      ? "–"
      : Object.entries(each)
          .map(([name, open]) => `${name} ${open ? "open" : "closed"}`)
          .join(", ");
  return [
    `${"moment".padStart(9)}  level  ${"kind".padEnd(10)}  ${"what".padEnd(width)}  ${"status".padEnd(9)}  why`,
    ...lines,
    "",
    `levels:         ${levels.map(({ level, at_s }) => `${level} after ${at_s.toFixed(2)} s`).join(", ")}`,
    `network before: ${network(found.open)}`,
    `in quarantine:  ${network(found.closed)}`,
    `after release:  ${network(found.reopened)}; not as before: ${found.difference?.length ?? "unknown"} line(s)`,
  ].join("\n");
}

/** One guest. Exit status 1 when something that must hold does not. @throws {GuestFailure} {UsageError} */
export async function run_ladder(argv: readonly string[]): Promise<number> {
  const text = { type: "string" } as const;
  const { values: v } = parseArgs({
    args: [...argv],
    options: { kernel: text, seed: text, config: text, hosa: text, out: text, output: { ...text, short: "o" } },
  });
  const kernel = KERNELS.find((each) => each === (v.kernel ?? "6.12")) as Kernel | undefined;
  if (kernel === undefined) throw new UsageError(`--kernel: "${v.kernel}" is not one of ${KERNELS.join(", ")}`);
  const seed = Number(v.seed ?? "1");
  if (!Number.isInteger(seed) || seed < 1) throw new UsageError(`--seed: "${v.seed}" is not a whole number above 0`);
  const scratch = scratch_folder("hosa-ladder");
  try {
    const tree = join(scratch.path, "tree");
    const job = join(tree, "job");
    const out = v.out ?? join(scratch.path, "out");
    mkdirSync(out, { recursive: true });
    fill_node_guest(job, {
      kernel,
      hosa: v.hosa ?? "dist/hosa",
      main: join(import.meta.dir, "guest", "ladder.ts"),
      service: join(image("workloads"), "hydra"),
      flood: join(image("workloads"), "flood"),
      config: readFileSync(v.config ?? join(import.meta.dir, "ladder.yaml"), "utf8"),
    });
    const cost = await run_vm({ kernel, clock: "virtual", seed, tree, out, timeout_s: 1800, network_card: true });
    const report = ladder_report((name) => (existsSync(join(out, name)) ? readFileSync(join(out, name), "utf8") : ""));
    console.log(v.output === "json" ? JSON.stringify({ kernel, ...cost, ...report }) : table(report));
    for (const failure of report.failures) console.error(`FAILED: ${failure}`);
    return report.failures.length === 0 ? 0 : 1;
  } finally {
    scratch.remove();
  }
}
