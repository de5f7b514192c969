import type { Config } from "../../config/index.ts";
import { distrust_program } from "../../files/trust.ts";
import type { HookEntry } from "../../model/audit.ts";
import type { Outcome } from "../../model/containment.ts";
import { counted } from "../../model/counted.ts";
import { type HookResult, hook_sentence } from "../../model/hook.ts";
import type { Level } from "../../model/level.ts";
import { type HookFigures, HookTally } from "./figures.ts";
import { type HookBeat, HookMoments, type LeveledCall } from "./moments.ts";
import { type HookProcess, type ProcessOptions, start_hook } from "./process.ts";
import { type HookJob, HookQueue } from "./queue.ts";

export interface HooksOptions extends ProcessOptions {
  readonly hooks: Config["hooks"];
  readonly node: string;
  /** Nothing is run: what would have been is said. */
  readonly dry_run: boolean;
  readonly record: (entry: HookEntry) => void;
  readonly on_message: (level: "warn" | "info" | "debug", text: string) => void;
}

/** From the signal to the end of a process; one that waits for a disk may take longer, and is left to it. */
const KILLED_WITHIN_MS = 500;

/** Who is run besides the agent when it acts. Starts at most one process a turn, and waits for none. */
export class Hooks {
  readonly #options: HooksOptions;
  readonly #moments: HookMoments;
  readonly #queue: HookQueue;
  readonly #processes = new Map<HookJob, HookProcess>();
  readonly #running = new Set<Promise<HookResult>>();
  readonly #tally = new HookTally();
  #hooks: Config["hooks"];

  constructor(options: HooksOptions) {
    this.#options = options;
    this.#hooks = options.hooks;
    this.#moments = new HookMoments(options.node);
    this.#queue = new HookQueue(options.hooks.at_once);
    this.#begin_tally();
  }

  get figures(): { readonly hooks: readonly HookFigures[]; readonly dropped: number } {
    return { hooks: this.#tally.figures, dropped: this.#queue.dropped };
  }

  /** Something waits or runs: the event loop should get its turns. */
  get busy(): boolean {
    return this.#queue.waiting > 0 || this.#queue.running > 0;
  }

  /** Holds for what is told from now on; what waits or runs goes on as it was. */
  reconfigure(hooks: Config["hooks"]): void {
    this.#hooks = hooks;
    this.#queue.at_once = hooks.at_once;
    this.#begin_tally();
  }

  #begin_tally(): void {
    for (const list of ["pre", "post"] as const)
      for (const i of this.#hooks[list].keys()) this.#tally.begin(hook_name(list, i));
  }

  /** Takes note of a beat; only queues. */
  noticed(beat: HookBeat): void {
    for (const told of this.#moments.note(beat)) this.#tell(told);
  }

  /** What was undone without a decision. */
  undone(outcomes: readonly Outcome[], level: Level, reason: string, time: string): void {
    for (const told of this.#moments.undone(outcomes, level, reason, time)) this.#tell(told);
  }

  /** Ends whoever is too late, and starts the next one. Call between two beats. */
  turn(now_ns: number): void {
    for (const running of this.#processes.values()) if (now_ns >= running.deadline_ns) running.kill(true);
    const job = this.#queue.take();
    if (job !== null) void this.#run(job);
  }

  /** Runs the hooks `pre` before the network is closed, past the queue, and says what came of them within so many milliseconds. */
  async last_word(beat: HookBeat, within_ms: number): Promise<{ readonly any: boolean; readonly detail: string }> {
    const told = this.#moments.quarantine(beat);
    const jobs = this.#options.dry_run ? [] : jobs_for(this.#hooks, told);
    if (this.#options.dry_run) this.#tell(told);
    const said = jobs.map(() => "still runs");
    const results = jobs.map(async (job, i) => {
      this.#queue.begun(job);
      said[i] = hook_sentence(await this.#run(job));
    });
    await Promise.race([Promise.all(results), this.#options.pause(within_ms)]);
    const detail = jobs.map(({ hook }, i) => `hook ${hook}: ${said[i]}`).join("; ");
    return { any: said.some((each) => each === "exit 0"), detail };
  }

  /** Runs what waits, and resolves when nothing runs any more. Nobody's deadline is kept meanwhile: `close` ends whoever is left. */
  async drain(): Promise<void> {
    for (;;) {
      for (let job = this.#queue.take(); job !== null; job = this.#queue.take()) void this.#run(job);
      if (this.#running.size === 0) return;
      await Promise.race(this.#running);
    }
  }

  /** Nothing is left behind: what waits is not begun, and whoever runs is ended. */
  async close(): Promise<void> {
    const left = this.#queue.clear().length;
    for (const running of this.#processes.values()) running.kill(false);
    await Promise.race([Promise.all(this.#running), this.#options.pause(KILLED_WITHIN_MS)]);
    if (left === 0) return;
    this.#options.on_message("warn", `${counted(left, "hook")} not run before the end; the audit has what was done`);
  }

  #tell({ call, highest_level }: LeveledCall): void {
    for (const job of jobs_for(this.#hooks, { call, highest_level })) {
      if (this.#options.dry_run) {
        this.#options.on_message("info", `dry run: hook ${job_sentence(job)} would be run`);
        continue;
      }
      const gone = this.#queue.push(job);
      if (gone !== null) this.#options.on_message("warn", `hook ${job_sentence(gone)} is left out: too many wait`);
    }
  }

  #run(job: HookJob): Promise<HookResult> {
    const running = this.#carry_out(job).finally(() => this.#running.delete(running));
    this.#running.add(running);
    return running;
  }

  async #carry_out(job: HookJob): Promise<HookResult> {
    const { record, on_message } = this.#options;
    const result = await this.#result(job);
    this.#processes.delete(job);
    this.#queue.ended(job);
    this.#tally.add(job.hook, result);
    const { hook, command, call } = job;
    record({ kind: "hook", hook, command: [...command], event: call.event, action_id: call.action_id, result });
    const said = result.output === "" || result.exit === 0 ? "" : `: ${result.output.split("\n", 1)[0]}`;
    on_message(
      result.exit === 0 ? "debug" : "warn",
      `hook ${job_sentence(job)}: ${hook_sentence(result)} after ${result.duration_ms} ms${said}`,
    );
    return result;
  }

  async #result(job: HookJob): Promise<HookResult> {
    const [program = ""] = job.command;
    // It was looked at when the configuration was read; much may have changed since.
    const why = distrust_program(program);
    if (why !== null) return { ...NEVER_BEGUN, trouble: `not run: ${why}` };
    const running = start_hook(job, this.#options);
    this.#processes.set(job, running);
    return await running.result;
  }
}

const NEVER_BEGUN: HookResult = {
  exit: null,
  signal: null,
  timed_out: false,
  duration_ms: 0,
  output: "",
  trouble: "",
};

function hook_name(list: "pre" | "post", i: number): string {
  return `${list} ${i + 1}`;
}

function jobs_for(hooks: Config["hooks"], { call, highest_level }: LeveledCall): readonly HookJob[] {
  const list = call.event === "decided" || call.event === "quarantine" ? "pre" : "post";
  return hooks[list].flatMap(({ command, min_level, timeout_s }, i) =>
    highest_level < min_level ? [] : [{ hook: hook_name(list, i), command, timeout_s, call }],
  );
}

function job_sentence({ hook, command, call }: HookJob): string {
  return `${hook} (${command[0]}) for ${call.action_id} ${call.event}`;
}
