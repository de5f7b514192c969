import { rmSync } from "node:fs";
import { deadline, pause } from "../agent/clock.ts";
import { monotonic_ns } from "../ffi/libc.ts";
import type { HeldNow } from "../model/control.ts";
import type { Act, ActResult, DemoEvent, DemoSetting } from "../model/demo.ts";
import { OperatorError } from "../model/error.ts";
import type { Maybe } from "../model/sample.ts";
import type { BeatView } from "../model/view.ts";
import { DemoAgent } from "./agent.ts";
import { Child, type Said } from "./child.ts";
import { type DemoPlace, SERVICE_PATH, service_memory } from "./place.ts";

const MIB = 1_048_576;
const RESIDENT_MIB = 24;
const READY_WITHIN_MS = 20_000;
/** Requests are answered for so long before the fault. */
const HEALTHY_S = 3;
/**
 * The node is to be at level 0 for so long before the fault, which also teaches what the service itself does; if it never is, the fault comes all
 * the same.
 */
const CALM_S = 6;
const CALM_WITHIN_S = 20;
/** Beyond the warm-up: samples above level 1 teach nothing. */
const LEARNS_WITHIN_FACTOR = 3;
/** The load tells of a second when its last deadline is over. */
const TOLD_AFTER_S = 2.5;

type Emit = (event: EventBody) => void;
type EventBody = DemoEvent extends infer Each ? (Each extends { t_s: number } ? Omit<Each, "t_s"> : never) : never;

/** What one act needs. */
interface Stage {
  readonly setting: DemoSetting;
  readonly place: DemoPlace;
  /** The program of the demonstration. */
  readonly program: string;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** Both acts, one after the other. Throws OperatorError; what was started is ended in any case. */
export async function play(
  stage: Omit<Stage, "emit">,
  tell: (event: DemoEvent) => void,
): Promise<{ readonly without: ActResult; readonly with: ActResult }> {
  const start_ns = monotonic_ns();
  const emit: Emit = (event) => tell({ t_s: (monotonic_ns() - start_ns) / 1e9, ...event } as DemoEvent);
  emit({ kind: "begin", setting: stage.setting });
  const without = await new OneAct({ ...stage, emit }, "without").play();
  const with_hosa = await new OneAct({ ...stage, emit }, "with").play();
  return { without, with: with_hosa };
}

class OneAct {
  readonly #stage: Stage;
  readonly #act: Act;
  readonly #seconds = new Map<number, { readonly sent: number; readonly answered: number }>();
  #latest = { sent: 0, answered: 0 };
  #alive = true;
  #killed_ns: Maybe<number> = null;
  #onset_ns: Maybe<number> = null;
  #acted_ns: Maybe<number> = null;
  #held: readonly HeldNow[] = [];
  #warm = false;
  #calm_ns: Maybe<number> = null;
  #agent_gone: Maybe<string> = null;
  #memory_bytes: Maybe<number> = null;
  #ending = false;

  constructor(stage: Stage, act: Act) {
    this.#stage = stage;
    this.#act = act;
  }

  async play(): Promise<ActResult> {
    const { program, place, setting, emit } = this.#stage;
    emit({ kind: "act", act: this.#act });
    const mib_per_s = Math.round(setting.leak_bytes_per_s / MIB);
    const serve = [program, "serve", place.service, place.socket, String(RESIDENT_MIB), String(mib_per_s)];
    await using service = new Child("service", serve);
    await service.until("ready", READY_WITHIN_MS);
    const ask = [program, "ask", place.socket, String(setting.requests_per_s)];
    await using load = new Child("load", ask, (said) => this.#hear(said));
    const begun = await load.until("begin", READY_WITHIN_MS);
    void service.exited.then(() => this.#service_ended(service));
    await using agent =
      this.#act === "with" ? await DemoAgent.start([program, "enter"], place, setting.warmup_s) : null;
    if (agent !== null) void this.#watch(agent);
    await this.#healthy(agent);
    await this.#leak(service, agent);
    await load.stop("SIGTERM");
    await service.stop("SIGKILL");
    this.#ending = true;
    if (agent !== null) await agent.end();
    rmSync(place.socket, { force: true });
    return this.#result(begun["begin"] ?? 0);
  }

  /** Until the fault may come: HOSA knows the node. */
  async #healthy(agent: Maybe<DemoAgent>): Promise<void> {
    if (agent === null) {
      await this.#seconds_pass(HEALTHY_S, null);
      return;
    }
    const learnt_late = deadline(this.#stage.setting.warmup_s * LEARNS_WITHIN_FACTOR);
    while (!this.#warm && !learnt_late.aborted) await this.#seconds_pass(1, agent);
    if (!this.#warm) {
      throw new OperatorError("HOSA could not learn this node in time: it is far too restless", 1, "Try again later.");
    }
    const calm_late = deadline(CALM_WITHIN_S);
    while (!calm_late.aborted && !this.#is_calm()) await this.#seconds_pass(1, agent);
  }

  #is_calm(): boolean {
    return this.#calm_ns !== null && monotonic_ns() - this.#calm_ns >= CALM_S * 1e9;
  }

  async #leak(service: Child, agent: Maybe<DemoAgent>): Promise<void> {
    service.say("leak");
    const said = await service.until("leak", READY_WITHIN_MS);
    this.#onset_ns = said["t_ns"] ?? monotonic_ns();
    this.#stage.emit({ kind: "leak", tid: said["leak"] ?? 0 });
    await this.#seconds_pass(this.#stage.setting.watched_s + TOLD_AFTER_S, agent);
  }

  /** Tells of each second. Throws what ends the demonstration early. */
  async #seconds_pass(seconds: number, agent: Maybe<DemoAgent>): Promise<void> {
    const { emit, place, signal } = this.#stage;
    const end_ns = monotonic_ns() + seconds * 1e9;
    while (monotonic_ns() < end_ns) {
      await pause(Math.min(1000, (end_ns - monotonic_ns()) / 1e6));
      signal.throwIfAborted();
      if (this.#agent_gone !== null) throw new OperatorError(this.#agent_gone, 1, "See `hosa doctor`.");
      this.#memory_bytes = this.#alive ? service_memory(place) : null;
      emit({ kind: "second", ...this.#latest, memory_bytes: this.#memory_bytes, alive: this.#alive });
      if (agent !== null) {
        const { held } = await agent.status();
        if (held.length !== this.#held.length) emit({ kind: "held", held });
        this.#held = held;
      }
    }
  }

  #hear(said: Said): void {
    const { second, sent = 0, answered = 0 } = said;
    if (second === undefined) return;
    this.#latest = { sent, answered };
    this.#seconds.set(second, this.#latest);
  }

  #service_ended(service: Child): void {
    this.#alive = false;
    if (service.was_stopped) return;
    this.#killed_ns = monotonic_ns();
    this.#stage.emit({ kind: "killed" });
  }

  async #watch(agent: DemoAgent): Promise<void> {
    try {
      for await (const view of agent.beats()) this.#beat(view);
    } catch {
      // It ended, or was ended: the last words say which.
    }
    if (this.#ending || this.#stage.signal.aborted) return;
    this.#agent_gone = `the agent of the demonstration ended: ${agent.last_words()}`;
  }

  #beat(view: BeatView): void {
    this.#stage.emit({ kind: "beat", view });
    this.#warm = view.warm;
    if (view.level > 0 || !view.warm) this.#calm_ns = null;
    else this.#calm_ns ??= monotonic_ns();
    const acts = view.actions.some(({ verb, target }) => verb === "apply" && target.path === SERVICE_PATH);
    if (acts && this.#onset_ns !== null) this.#acted_ns ??= view.t_ns;
  }

  /** @param begin_ns when the first request was due */
  #result(begin_ns: number): ActResult {
    const { setting, emit } = this.#stage;
    const onset_ns = this.#onset_ns ?? begin_ns;
    const first = Math.ceil((onset_ns - begin_ns) / 1e9);
    let sent = 0;
    let answered = 0;
    for (let second = first; second < first + setting.watched_s; second++) {
      const one = this.#seconds.get(second);
      sent += one?.sent ?? 0;
      answered += one?.answered ?? 0;
    }
    const since = (t_ns: Maybe<number>): Maybe<number> => (t_ns === null ? null : Math.max(0, (t_ns - onset_ns) / 1e9));
    const [held] = this.#held;
    const result: ActResult = {
      act: this.#act,
      sent,
      answered,
      watched_s: setting.watched_s,
      killed_after_s: since(this.#killed_ns),
      acted_after_s: since(this.#acted_ns),
      held: held === undefined ? null : { rung: held.rung, target: held.target },
      memory_bytes: this.#memory_bytes,
    };
    emit({ kind: "result", result });
    return result;
  }
}
