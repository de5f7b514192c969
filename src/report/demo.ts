import type { ActResult, DemoEvent, DemoResult, DemoSetting } from "../model/demo.ts";
import { level_name } from "../model/level.ts";
import type { Maybe } from "../model/sample.ts";
import type { BeatView } from "../model/view.ts";
import { bar } from "./backtest.ts";
import { bytes, num, percent } from "./number.ts";
import { target_text } from "./release.ts";
import { by_level, type Style } from "./style.ts";

/** What is known of a demonstration so far. */
export interface DemoState {
  readonly setting: Maybe<DemoSetting>;
  readonly act: Maybe<"without" | "with">;
  readonly leaking: boolean;
  readonly view: Maybe<BeatView>;
  readonly second: Maybe<Extract<DemoEvent, { kind: "second" }>>;
  readonly level: number;
  /** Played from a record. */
  readonly recorded: boolean;
}

export const DEMO_BEGINS: DemoState = {
  setting: null,
  act: null,
  leaking: false,
  view: null,
  second: null,
  level: 0,
  recorded: false,
};

export function after_event(state: DemoState, event: DemoEvent): DemoState {
  switch (event.kind) {
    case "begin":
      return { ...state, setting: event.setting };
    case "act":
      return { ...DEMO_BEGINS, setting: state.setting, recorded: state.recorded, act: event.act };
    case "leak":
      return { ...state, leaking: true };
    case "second":
      return { ...state, second: event };
    case "beat":
      return { ...state, view: event.view, level: event.view.level };
    default:
      return state;
  }
}

/** What is said of an event, each a line that stays; empty where it only moves the progress. */
export function event_lines(event: DemoEvent, state: DemoState, paint: Style): readonly string[] {
  const at = paint.dim(clock(event.t_s));
  switch (event.kind) {
    case "begin":
      return begin_lines(event.setting, state.recorded);
    case "act":
      return ["", paint.bold(ACT_WORDS[event.act]), ...(event.act === "with" ? learning_line(state, at) : [])];
    case "leak":
      return [`  ${at}  thread ${event.tid} "cache-filler" begins to leak ${leak_text(state)}`];
    case "killed":
      return [`  ${at}  ${paint.red(`the kernel kills the service: its limit of ${limit_text(state)} is reached`)}`];
    case "beat":
      return state.leaking ? beat_lines(event.view, state, at, paint) : [];
    case "result":
      return [`  ${at}  ${answered_text(event.result)}`];
    case "held":
    case "second":
      return [];
  }
}

const ACT_WORDS = {
  without: "1. Without HOSA",
  with: "2. The same service with HOSA",
} as const;

/** Before a record is played. */
export function recorded_line(speed: number): string {
  return `A recorded demonstration, played ${num(speed, 0)} times as fast: nothing happens on this node.`;
}

function begin_lines(setting: DemoSetting, recorded: boolean): readonly string[] {
  const { node, kernel, slice, limit_bytes, requests_per_s, expected_s } = setting;
  const service = `A small service answers ${requests_per_s} requests/s and may take ${bytes(limit_bytes)} of memory.`;
  if (recorded) return [`It was recorded on ${node} (kernel ${kernel}) with hosa ${setting.version}.`, service];
  return [
    `Demonstration on ${node} (kernel ${kernel}), about ${expected_s} s.`,
    `Only the cgroup ${slice} is touched, and it is removed at the end, also after Ctrl-C.`,
    service,
  ];
}

function learning_line({ setting }: DemoState, at: string): readonly string[] {
  if (setting === null) return [];
  return [`  ${at}  HOSA learns this node for ${setting.warmup_s} s (installed, it learns for 5 min)`];
}

/** Changes of the level, and what is done. */
function beat_lines(view: BeatView, state: DemoState, at: string, paint: Style): readonly string[] {
  const level =
    view.level > state.level
      ? [`  ${at}  ${by_level(paint, view.level, `level ${view.level} ${level_name(view.level)}`)}`]
      : [];
  const actions = view.actions
    .filter(({ verb }) => verb === "apply")
    .map(({ setting, target, reason }) => {
      const what = `HOSA holds ${target_text({ target })} (${setting.rung})`;
      return `  ${at}  ${paint.green(what)}: ${reason}`;
    });
  return [...level, ...actions];
}

function leak_text({ setting }: DemoState): string {
  return setting === null ? "memory" : `${bytes(setting.leak_bytes_per_s)}/s`;
}

function limit_text({ setting }: DemoState): string {
  return setting === null ? "memory.max" : bytes(setting.limit_bytes);
}

function answered_text({ sent, answered }: ActResult): string {
  return `answered ${answered} of ${sent} requests (${part_text(answered, sent)})`;
}

/** Never 100 % where one is missing. */
function part_text(part: number, whole: number): string {
  if (whole === 0) return "none was sent";
  const floor = Math.floor((part / whole) * 1000) / 10;
  return `${num(floor, floor % 1 === 0 ? 0 : 1)} %`;
}

const BAR_CELLS = 12;

/** The line that moves. */
export function demo_progress(state: DemoState, t_s: number, paint: Style): string {
  const { setting, act, second, view, leaking } = state;
  if (setting === null || act === null) return "";
  const done = bar(Math.min(1, t_s / setting.expected_s), paint, BAR_CELLS);
  const learning = act === "with" && !leaking && view?.warm !== true ? "HOSA learns this node · " : "";
  const level = act === "with" && view !== null && learning === "" ? `level ${view.level} · ` : "";
  const memory =
    second?.memory_bytes == null ? "" : ` · ${bytes(second.memory_bytes)} of ${bytes(setting.limit_bytes)}`;
  const service = second === null ? "starting the service" : second.alive ? served_text(second) : "the service is dead";
  return `${done} ${clock(t_s)} of ${clock(setting.expected_s)}  ${learning}${level}${service}${memory}`;
}

function served_text({ sent, answered }: { readonly sent: number; readonly answered: number }): string {
  return sent === 0 ? "the service starts" : `${percent(answered / sent)} of ${sent} requests/s answered`;
}

function clock(t_s: number): string {
  const whole = Math.floor(t_s);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** The comparison, a line for each act. */
export function comparison(result: Pick<DemoResult, "without" | "with">, paint: Style): readonly string[] {
  return [
    `${paint.bold("without HOSA")}  ${end_text(result.without).padEnd(34)} ${answered_text(result.without)}`,
    `${paint.bold("with HOSA   ")}  ${end_text(result.with).padEnd(34)} ${answered_text(result.with)}${flat_text(result.with)}`,
  ];
}

function end_text({ killed_after_s, acted_after_s, held }: ActResult): string {
  if (killed_after_s !== null) return `killed after ${num(killed_after_s, 1)} s`;
  if (acted_after_s === null) return "not killed";
  const what = held?.rung === "thread_hold" ? "the leaking thread held" : "contained";
  return `${what} after ${num(acted_after_s, 1)} s`;
}

function flat_text({ memory_bytes, killed_after_s }: ActResult): string {
  return memory_bytes === null || killed_after_s !== null ? "" : `, memory stays at ${bytes(memory_bytes)}`;
}

/** Whether it showed what it promises; null, or what it did not. */
export function missed(result: ActResult): Maybe<string> {
  if (result.killed_after_s !== null) return "the kernel killed the service although HOSA ran";
  if (result.acted_after_s === null) return "HOSA did not act; the report says what it saw";
  return null;
}
