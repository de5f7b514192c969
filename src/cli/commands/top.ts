import { run_agent } from "../../agent/agent.ts";
import { deadline, pause, time_of_day, wall_s } from "../../agent/clock.ts";
import type { Config } from "../../config/index.ts";
import type { AgentStatus } from "../../model/control.ts";
import { OperatorError } from "../../model/error.ts";
import type { Maybe } from "../../model/sample.ts";
import type { BeatView } from "../../model/view.ts";
import { all_visible } from "../../model/visible.ts";
import { top_screen } from "../../report/top/screen.ts";
import { initial_top, type Source, type TopState, with_beat, with_event, with_key } from "../../report/top/state.ts";
import type { ControlClient } from "../../telemetry/control/client.ts";
import { ask_status, ask_watch, connect } from "../agent_client.ts";
import type { Context, ExitCode } from "../context.ts";
import { configured, type GlobalOptions } from "../options.ts";
import type { Output } from "../output.ts";
import { Terminal } from "../terminal.ts";
import { observe } from "./live.ts";

export interface TopOptions extends GlobalOptions {
  /** Seconds between two beats that are shown. */
  readonly interval?: number;
  readonly duration?: number;
}

const DEFAULT_INTERVAL_S = 1;
/** What is held and what the agent may do is asked for this often. */
const STATUS_EVERY_MS = 2000;
const DRAW_EVERY_MS = 1000;
const QUIT: readonly string[] = ["q", "Q", "\x03", "\x04", "\x1c"];

/** A live screen of the running agent, or of what this process senses. Without a terminal it is `hosa observe`. */
export async function top(options: TopOptions, context: Context): Promise<ExitCode> {
  const interval = options.interval ?? DEFAULT_INTERVAL_S;
  if (!context.output.is_full_screen || options.output === "json")
    return await observe({ ...options, interval }, context);
  const config = configured(options);
  using client = await connect(config);
  if (client === null && process.getuid?.() !== 0) {
    const hint = "Start the agent (`systemctl start hosa`), or run this command as root.";
    throw new OperatorError("no agent runs, and sensing without one needs root", 3, hint);
  }
  const over =
    options.duration === undefined ? context.signal : AbortSignal.any([context.signal, deadline(options.duration)]);
  using display = new Display(context.output, over, interval, client !== null);
  if (client === null) await sense(config, display, context);
  else await follow(client, config, display);
  return 0;
}

/** This process senses by itself, as `hosa observe` does where no agent runs. */
async function sense(config: Config, display: Display, context: Context): Promise<void> {
  let next_ns = 0;
  let level = 0;
  context.output.say("no agent runs: this process senses by itself and touches nothing; the screen begins in a moment");
  await run_agent({
    config,
    mode: "observe",
    service: false,
    dry_run: false,
    duration_s: null,
    count: null,
    on_beat: (view) => {
      display.begin();
      if (view.t_ns >= next_ns || view.level !== level) {
        next_ns = view.t_ns + display.every_s * 1e9;
        level = view.level;
        display.beat(view);
      }
      return display.over.aborted ? false : undefined;
    },
    on_warmup: () => {},
    on_message: (severity, text) => {
      if (severity === "warn" || severity === "error") display.event(text);
    },
    signal: display.over,
    reload: { requested: () => context.hangups.take(), load: () => config, applied: () => {} },
  });
}

/** The beats of the running agent. Where it ends, it is looked for until it is back. */
async function follow(first: ControlClient, config: Config, display: Display): Promise<void> {
  const pid = await ask_watch(first, display.every_s * 1000);
  display.begin();
  display.source({ kind: "agent", pid });
  await Promise.all([watch(first, config, display), ask_again(config, display)]);
}

async function watch(first: ControlClient, config: Config, display: Display): Promise<void> {
  let ended = await show_beats(first, display);
  while (!display.over.aborted) {
    display.source({ kind: "lost", why: ended });
    display.event(`the agent ended: ${ended}`);
    using client = await connected_again(config, display);
    if (client === null) return;
    display.source({ kind: "agent", pid: await ask_watch(client, display.every_s * 1000) });
    display.event("an agent runs again");
    ended = await show_beats(client, display);
  }
}

/** Why no more beats come. */
async function show_beats(client: ControlClient, display: Display): Promise<string> {
  const leave = (): void => client[Symbol.dispose]();
  display.over.addEventListener("abort", leave, { once: true });
  try {
    const beats = client.beats();
    for (let next = await beats.next(); !display.over.aborted; next = await beats.next()) {
      if (next.done === true) return next.value;
      display.beat(next.value as BeatView);
    }
    return "";
  } catch (error) {
    if (error instanceof OperatorError) return error.message;
    throw error;
  } finally {
    display.over.removeEventListener("abort", leave);
  }
}

async function connected_again(config: Config, display: Display): Promise<ControlClient | null> {
  while (!display.over.aborted) {
    await display.wait(STATUS_EVERY_MS);
    const client = display.over.aborted ? null : await connect(config).catch(() => null);
    if (client !== null) return client;
  }
  return null;
}

/** What is held changes without a beat that says so: it is asked for, on a connection of its own. */
async function ask_again(config: Config, display: Display): Promise<void> {
  let client: ControlClient | null = null;
  try {
    while (!display.over.aborted) {
      try {
        client ??= await connect(config);
        display.status(client === null ? null : await ask_status(client));
      } catch (error) {
        if (!(error instanceof OperatorError)) throw error;
        client?.[Symbol.dispose]();
        client = null;
        display.status(null);
      }
      await display.wait(STATUS_EVERY_MS);
    }
  } finally {
    client?.[Symbol.dispose]();
  }
}

/** What is shown, and the keys that change it. */
class Display implements Disposable {
  readonly over: AbortSignal;
  readonly every_s: number;
  readonly #output: Output;
  readonly #terminal: Terminal;
  readonly #quit = new AbortController();
  /** What is known, and what stands still since `at` on the screen. */
  #state: TopState;
  #paused: Maybe<{ readonly state: TopState; readonly at: string }> = null;
  #begun = false;

  constructor(output: Output, over: AbortSignal, every_s: number, of_agent: boolean) {
    this.#output = output;
    this.every_s = every_s;
    this.over = AbortSignal.any([over, this.#quit.signal]);
    this.#state = initial_top(of_agent ? { kind: "agent", pid: 0 } : { kind: "own" }, every_s);
    this.#terminal = new Terminal(output, { key: (key) => this.#key(key), resized: () => this.#draw() });
  }

  /** Takes the terminal, once: whatever keeps the screen from beginning is said before. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#terminal.enter();
    void this.#tick();
  }

  beat(view: BeatView): void {
    this.#state = with_beat(this.#state, all_visible(view), time_of_day());
    this.#draw();
  }

  status(status: Maybe<AgentStatus>): void {
    this.#state = { ...this.#state, status: all_visible(status) };
  }

  source(source: Source): void {
    this.#state = { ...this.#state, source: all_visible(source) };
  }

  event(text: string): void {
    this.#state = with_event(this.#state, all_visible(text), time_of_day());
  }

  /** Ends early when the screen does. */
  async wait(ms: number): Promise<void> {
    const { over } = this;
    if (over.aborted) return;
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    over.addEventListener("abort", end, { once: true });
    await Promise.race([pause(ms), ended]);
    over.removeEventListener("abort", end);
  }

  [Symbol.dispose](): void {
    this.#quit.abort();
    this.#terminal.leave();
  }

  /** The clock goes on where no beat comes. */
  async #tick(): Promise<void> {
    while (!this.over.aborted) {
      this.#draw();
      await this.wait(DRAW_EVERY_MS);
    }
  }

  #key(key: string): void {
    if (QUIT.includes(key)) {
      this.#quit.abort();
      return;
    }
    if (key === "p" || key === " ") {
      this.#paused = this.#paused === null ? { state: this.#state, at: time_of_day() } : null;
    } else {
      const next = with_key(this.#state, key);
      if (next === null) return;
      this.#state = next;
    }
    this.#draw();
  }

  #draw(): void {
    const { screen, paint } = this.#output;
    const { help, sort } = this.#state;
    const state = this.#paused === null ? this.#state : { ...this.#paused.state, help, sort };
    const lines = top_screen(state, {
      columns: this.#terminal.columns,
      rows: this.#terminal.rows,
      ascii: screen.ascii,
      paint,
      clock: time_of_day(),
      now_ms: wall_s() * 1000,
      paused: this.#paused?.at ?? null,
    });
    this.#terminal.draw(lines);
  }
}
