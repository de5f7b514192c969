import { run_agent } from "../../agent/agent.ts";
import type { AgentOptions } from "../../agent/agent_options.ts";
import { deadline } from "../../agent/clock.ts";
import type { Config } from "../../config/index.ts";
import { counted } from "../../model/counted.ts";
import type { Level } from "../../model/level.ts";
import type { BeatView } from "../../model/view.ts";
import { all_visible } from "../../model/visible.ts";
import { Seen } from "../../report/closing.ts";
import { has_own_line } from "../../report/level_lines.ts";
import {
  continued,
  event_lines,
  type History,
  type ObserveLayout,
  observe_header,
  observe_layout,
  observe_line,
} from "../../report/observe.ts";
import { is_unlearned, service_lines } from "../../report/service_log.ts";
import type { ControlClient } from "../../telemetry/control/client.ts";
import { ask_watch, connect } from "../agent_client.ts";
import type { Context, ExitCode } from "../context.ts";
import { configured, type GlobalOptions, LOG_LEVELS, trusted } from "../options.ts";
import type { Output } from "../output.ts";
import { WarmupLine } from "../warmup.ts";

export interface LiveOptions extends GlobalOptions {
  readonly duration?: number;
  readonly daemon?: boolean;
  /** Seconds between two printed beats. */
  readonly interval?: number;
  /** Printed beats after which to end. */
  readonly count?: number;
}

/** Act: silent in homeostasis but for the heartbeat; every change of level and every action is a line (or an object). */
export async function run(options: LiveOptions, context: Context): Promise<ExitCode> {
  return await live("run", options, context, null);
}

/** Look only: nothing is ever touched. Text shows one line a second, JSON every beat, unless an interval is given. */
export async function observe(options: LiveOptions, context: Context): Promise<ExitCode> {
  const interval_s = options.interval ?? (options.output === "text" ? 1 : 0);
  const config = configured(options);
  using client = await connect(config);
  return client === null
    ? await live("observe", options, context, interval_s)
    : await watch(client, config, options, context, interval_s);
}

/** The beats of the agent that runs, as it shows them. */
async function watch(
  client: ControlClient,
  config: Config,
  options: LiveOptions,
  context: Context,
  interval_s: number,
): Promise<ExitCode> {
  const printer = new Printer(options, context, interval_s);
  const say = (text: string): void => {
    if (LOG_LEVELS.indexOf(config.log.level) >= LOG_LEVELS.indexOf("info")) context.output.say(`info: ${text}`);
  };
  say(`watching the agent that runs (process ${await ask_watch(client, interval_s * 1000)})`);
  const over =
    options.duration === undefined ? context.signal : AbortSignal.any([context.signal, deadline(options.duration)]);
  over.addEventListener("abort", () => client[Symbol.dispose](), { once: true });
  let shown = 0;
  const seen = new Seen();
  const end = (reason: string): void => {
    if (!context.output.closed) say(seen.text(shown, reason));
  };
  try {
    const beats = client.beats();
    for (let next = await beats.next(); !over.aborted; next = await beats.next()) {
      if (next.done === true) {
        end(next.value);
        return 0;
      }
      shown++;
      seen.beat(next.value as BeatView);
      if (printer.beat(next.value as BeatView) === false) break;
    }
  } catch (error) {
    if (!over.aborted) throw error;
  }
  const stopped = context.signal.aborted ? String(context.signal.reason) : `${options.duration} s`;
  end(printer.complete ? `${options.count} shown` : stopped);
  return 0;
}

async function live(
  mode: AgentOptions["mode"],
  options: LiveOptions,
  context: Context,
  interval_s: number | null,
): Promise<ExitCode> {
  const load = (): Config => (mode === "run" ? trusted(options) : configured(options));
  const config = load();
  let shown = LOG_LEVELS.indexOf(config.log.level);
  const { output, hangups } = context;
  const is_daemon = options.daemon === true;
  if (is_daemon) {
    output.become_daemon();
    hangups.become_daemon();
  }
  const printer =
    is_daemon && options.output === "text" ? new Reporter(output) : new Printer(options, context, interval_s);
  const seen = new Seen();
  const warmup = new WarmupLine(output, !is_daemon, mode === "observe" ? "hosa doctor" : "hosa doctor, hosa observe");
  const informs = (): boolean => shown >= LOG_LEVELS.indexOf("info");
  const result = await run_agent({
    config,
    mode,
    dry_run: options.dryRun === true,
    service: is_daemon,
    duration_s: options.duration ?? null,
    count: null,
    on_beat: (view) => {
      seen.beat(view);
      return printer.beat(view);
    },
    on_warmup: (progress) => {
      if (progress === null) seen.learned();
      if (informs()) warmup.update(progress);
    },
    on_message: (level, text) => {
      if (LOG_LEVELS.indexOf(level) <= shown) output.log(level, text);
    },
    output_dropped: () => output.dropped,
    signal: context.signal,
    reload: {
      requested: () => hangups.take(),
      load,
      applied: (now) => {
        shown = LOG_LEVELS.indexOf(now.log.level);
      },
    },
  });
  output.undraw();
  const lines = counted(output.dropped, "line");
  const dropped = output.dropped === 0 ? "" : `; ${lines} dropped, because the reader did not take them`;
  if (informs() && !output.closed) {
    const reason = printer.complete ? `${options.count} shown` : result.reason;
    output.log("info", `${seen.text(result.beats, reason)}${dropped}`);
  }
  return result.audit_lost > 0 ? 1 : 0;
}

/** The log of a daemon: a line for every change of level, every action and every reason to do nothing. */
class Reporter {
  readonly complete = false;
  readonly #output: Output;
  #level: Level = 0;
  #inaction = "";

  constructor(output: Output) {
    this.#output = output;
  }

  beat(view: BeatView): undefined {
    if (is_unlearned(view)) return;
    for (const { severity, text } of service_lines(view, this.#level, this.#inaction))
      this.#output.report(severity, text);
    this.#level = view.level;
    this.#inaction = view.inaction;
  }
}

/** The step of a sparkline's values where every beat is shown, and where only events are. */
const LEAST_STEP_S = 0.1;
const EVENT_STEP_S = 1;

/** Chooses which beats are shown. */
class Printer {
  readonly #options: LiveOptions;
  readonly #context: Context;
  readonly #interval_ns: number;
  #history: History = [];
  #shown_ns: number | null = null;
  #start_ns: number | null = null;
  #next_ns = 0;
  #level = 0;
  #inaction = "";
  #printed = 0;
  #columns: number | null = null;
  #layout: ObserveLayout | null = null;

  constructor(options: LiveOptions, context: Context, interval_s: number | null) {
    this.#options = options;
    this.#context = context;
    this.#interval_ns = interval_s === null ? Number.POSITIVE_INFINITY : interval_s * 1e9;
    if (interval_s === null) this.#next_ns = Number.POSITIVE_INFINITY;
  }

  /** As many were printed as were asked for. */
  get complete(): boolean {
    return this.#printed === this.#options.count;
  }

  beat(view: BeatView): false | undefined {
    const looked_at = Number.isFinite(this.#interval_ns);
    if (!looked_at && is_unlearned(view)) return undefined;
    this.#start_ns ??= view.t_ns;
    const json = this.#options.output === "json";
    // A program is told of every change; a person is not told the same thing sixteen times.
    const moved = json ? view.level !== this.#level : has_own_line(view, this.#level);
    const news = (view.episode?.news.length ?? 0) > 0;
    this.#level = view.level;
    const due = view.t_ns >= this.#next_ns;
    const whole = due || moved || view.actions.length > 0;
    if (!whole && !news) return undefined;
    if (due) this.#next_ns = view.t_ns + this.#interval_ns;
    if (json) this.#context.output.print_json(view);
    else {
      const text = this.#text(view, whole);
      if (text === "") return undefined;
      this.#context.output.print(text);
    }
    // Coming back to the same reason is no news.
    if (view.inaction !== "") this.#inaction = view.inaction;
    this.#printed++;
    return this.complete ? false : undefined;
  }

  /** @param whole with the line of the beat itself; otherwise what is new alone */
  #text(seen: BeatView, whole: boolean): string {
    const { paint, screen } = this.#context.output;
    const view = all_visible(seen);
    const events = event_lines(view, this.#inaction, paint);
    if (!whole) return events.map((line) => `${line}\n`).join("");
    const since_s = this.#shown_ns === null ? null : (view.t_ns - this.#shown_ns) / 1e9;
    const every_s = Number.isFinite(this.#interval_ns) ? Math.max(LEAST_STEP_S, this.#interval_ns / 1e9) : EVENT_STEP_S;
    this.#history = continued(this.#history, view.d_smooth, since_s, every_s);
    this.#shown_ns = view.t_ns;
    // A terminal that was resized gets other columns, and a header for them.
    if (this.#columns !== screen.columns) this.#layout = null;
    this.#columns = screen.columns;
    const header = this.#layout === null ? [observe_header(paint, observe_layout(screen))] : [];
    this.#layout ??= observe_layout(screen);
    const line = observe_line(view, this.#history, this.#start_ns ?? view.t_ns, paint, this.#layout);
    return `${[...header, line, ...events].join("\n")}\n`;
  }
}
