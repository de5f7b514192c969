import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, release, tmpdir } from "node:os";
import { join } from "node:path";
import { pause } from "../../agent/clock.ts";
import { read_host, refusal } from "../../demo/host.ts";
import { play } from "../../demo/play.ts";
import { type Recorded, recorded_demo, write_record } from "../../demo/recorded.ts";
import { clean_leftovers, DemoStage } from "../../demo/stage.ts";
import { type ActResult, DEMO_SLICE, type DemoEvent, type DemoResult, type DemoSetting } from "../../model/demo.ts";
import type { Maybe } from "../../model/sample.ts";
import { all_visible, visible } from "../../model/visible.ts";
import {
  after_event,
  comparison,
  DEMO_BEGINS,
  type DemoState,
  demo_progress,
  event_lines,
  missed,
  recorded_line,
} from "../../report/demo.ts";
import type { Context, ExitCode } from "../context.ts";
import { configured, type GlobalOptions, refuse_dry_run } from "../options.ts";
import type { Output } from "../output.ts";
import { require_own, write_own } from "../own_file.ts";
import { most_severe, PAGE, page_of } from "./report.ts";

export interface DemoOptions extends GlobalOptions {
  readonly html?: string;
  readonly recorded?: boolean;
  /** How much faster than it happened a record is played. */
  readonly speed?: number;
  readonly clean?: boolean;
  /** File for a new record. */
  readonly record?: string;
}

const DEFAULT_PAGE = "hosa-demo.html";
const DEFAULT_SPEED = 4;
const MIB = 1_048_576;
const LIMIT_BYTES = 256 * MIB;
const REQUESTS_PER_S = 50;
const LEAK_BYTES_PER_S = 24 * MIB;
const WATCHED_S = 18;
const WARMUP_S = 30;
/** Starting, both acts, ending. */
const EXPECTED_S = 90;

/** The same leak without HOSA and with it, on a service of its own; a recorded one where this host cannot. Exit code 1 when HOSA did not help. */
export async function demo(options: DemoOptions, context: Context): Promise<ExitCode> {
  refuse_dry_run("demo", options);
  if (options.clean === true) return await clean(options, context);
  const page = options.html ?? DEFAULT_PAGE;
  require_own(page, PAGE);
  const facts = options.recorded === true ? null : await read_host(configured(options));
  const refused = facts === null ? null : refusal(facts);
  if (refused !== null) context.output.say(`This node cannot run the demonstration: ${refused.why}. ${refused.remedy}`);
  const show = new Show(context.output, options);
  try {
    if (facts?.cgroup2 == null || refused !== null) {
      return await play_recorded(page, options, show, refused?.why ?? null, context);
    }
    return await play_here(facts.cgroup2.mount, page, options, show, context);
  } catch (error) {
    if (!context.signal.aborted) throw error;
    context.output.undraw();
    context.output.say("interrupted: everything of the demonstration was removed");
    return 1;
  }
}

async function clean(options: DemoOptions, { output }: Context): Promise<ExitCode> {
  const removed = await clean_leftovers();
  if (options.output === "json") output.print_answer("demo_clean", { removed });
  else output.print(removed.length === 0 ? "nothing to remove\n" : `removed ${removed.join(" and ")}\n`);
  return 0;
}

async function play_here(
  mount: string,
  page: string,
  options: DemoOptions,
  show: Show,
  context: Context,
): Promise<ExitCode> {
  const setting = setting_of(context.version);
  const events: DemoEvent[] = [];
  let acts: Acts;
  {
    await using stage = await DemoStage.open(mount, LIMIT_BYTES);
    const { place, program } = stage;
    const { signal } = context;
    acts = await play({ setting, place, program, signal }, (event) => {
      if (options.record !== undefined) events.push(event);
      show.event(event);
    });
    await write_page(page, place.audit, context);
    if (options.record !== undefined) {
      const record: Recorded = { events, audit: readFileSync(place.audit, "utf8") };
      writeFileSync(options.record, write_record(record));
    }
  }
  return finish(acts, page, { recorded: false, why_recorded: null }, options, show, context.output);
}

/** What was recorded, as if it happened now. */
async function play_recorded(
  page: string,
  options: DemoOptions,
  show: Show,
  why: Maybe<string>,
  context: Context,
): Promise<ExitCode> {
  const { events, audit } = recorded_demo();
  const speed = options.speed ?? DEFAULT_SPEED;
  show.recorded(speed);
  let t_s = 0;
  for (const event of events) {
    await pause(((event.t_s - t_s) * 1000) / speed);
    context.signal.throwIfAborted();
    t_s = event.t_s;
    show.event(event);
  }
  const folder = mkdtempSync(join(tmpdir(), "hosa-demo-"));
  try {
    const file = join(folder, "audit.jsonl");
    writeFileSync(file, audit);
    await write_page(page, file, context, "a recorded demonstration");
  } finally {
    rmSync(folder, { recursive: true });
  }
  const [without, with_hosa] = events.flatMap((event) => (event.kind === "result" ? [event.result] : []));
  if (without === undefined || with_hosa === undefined) throw new Error("the record lacks a result");
  const from = { recorded: true, why_recorded: why };
  return finish({ without, with: with_hosa }, page, from, options, show, context.output);
}

interface Acts {
  readonly without: ActResult;
  readonly with: ActResult;
}

function setting_of(version: string): DemoSetting {
  return {
    node: hostname(),
    kernel: release(),
    version,
    slice: DEMO_SLICE,
    limit_bytes: LIMIT_BYTES,
    requests_per_s: REQUESTS_PER_S,
    leak_bytes_per_s: LEAK_BYTES_PER_S,
    watched_s: WATCHED_S,
    warmup_s: WARMUP_S,
    expected_s: EXPECTED_S,
  };
}

async function write_page(file: string, audit: string, context: Context, said_to_be = "hosa demo"): Promise<void> {
  const { id } = await most_severe(audit);
  const { page } = await page_of(id, audit, context, said_to_be);
  write_own(file, page, PAGE);
}

function finish(
  acts: Acts,
  page: string,
  from: Pick<DemoResult, "recorded" | "why_recorded">,
  options: DemoOptions,
  show: Show,
  output: Output,
): ExitCode {
  const result: DemoResult = { ...from, ...acts, report: page, took_s: show.took_s };
  show.end();
  const failed = missed(acts.with);
  if (options.output === "json") output.print_answer("demo", result);
  else {
    const removed = from.recorded ? [] : ["Everything of the demonstration was removed."];
    const lines = [
      "",
      ...comparison(result, output.paint),
      "",
      `Why HOSA did it, and the proof: ${visible(page)}`,
      ...removed,
    ];
    output.print(`${lines.join("\n")}\n`);
  }
  if (failed !== null) output.say(`error: ${failed}`);
  return failed === null ? 0 : 1;
}

/** What is seen of a demonstration: lines that stay on standard output, and on a terminal a line that moves. */
class Show {
  readonly #output: Output;
  readonly #in_text: boolean;
  #state: DemoState = DEMO_BEGINS;
  took_s = 0;

  constructor(output: Output, options: DemoOptions) {
    this.#output = output;
    this.#in_text = options.output === "text";
  }

  recorded(speed: number): void {
    this.#state = { ...this.#state, recorded: true };
    if (this.#in_text) this.#output.print(`${recorded_line(speed)}\n`);
  }

  event(told: DemoEvent): void {
    const event = all_visible(told);
    this.took_s = event.t_s;
    const lines = event_lines(event, this.#state, this.#output.paint);
    this.#state = after_event(this.#state, event);
    if (!this.#in_text) return;
    if (lines.length > 0) this.#output.print(`${lines.join("\n")}\n`);
    if (this.#output.is_terminal) this.#output.draw(demo_progress(this.#state, event.t_s, this.#output.paint_errors));
  }

  end(): void {
    this.#output.undraw();
  }
}
