import { KernelError } from "../ffi/errors.ts";
import type { Dial } from "../model/dial.ts";
import { type Level, level_name } from "../model/level.ts";
import type { Pause } from "../model/pause.ts";
import { dial_words } from "../report/dial.ts";
import { ServiceManager } from "../telemetry/service_manager.ts";
import type { BeatResult } from "./beat.ts";

/** What a beat was made under. */
export interface Standing {
  readonly dial: Dial;
  readonly pause: Pause | undefined;
  /** What HOSA cannot do. */
  readonly degraded: readonly string[];
}

/** What the agent tells whoever started it as a service; without a manager nothing of it is sent. */
export class Service {
  readonly #manager: ServiceManager;
  #ready = false;
  /** What the latest status was made of. */
  #told: readonly unknown[] | null = null;

  constructor(manager: ServiceManager) {
    this.#manager = manager;
  }

  /** Never throws: who cannot be told is said by `on_trouble`, and the agent works without. */
  static open(on_trouble: (text: string) => void): Service {
    try {
      return new Service(new ServiceManager(process.env, process.pid));
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      on_trouble(`the service manager cannot be told that hosa is ready: ${error.message}`);
      return new Service(new ServiceManager({}, process.pid));
    }
  }

  /** One beat was sensed, judged and acted on: the first makes the service ready, each of them feeds the watchdog. */
  beaten({ assessment, decision }: BeatResult, held: number, { dial, pause, degraded }: Standing): void {
    this.#manager.beaten(decision.t_ns);
    if (this.#is_told(decision.level, assessment.warm, held, { dial, pause, degraded })) return;
    const level = `level ${decision.level} ${level_name(decision.level)}`;
    const learning = assessment.warm ? "" : ", learning this node";
    const holding = held === 0 ? "" : `, ${held} ${dial.acts ? "held" : "would be held"}`;
    const paused = pause === undefined ? "" : `, paused until ${pause.until}`;
    const cannot = degraded.length === 0 ? "" : `, degraded: ${degraded.join(", ")}`;
    const status = `${level}${learning}${holding}${paused}${cannot}; ${dial_words(dial)}`;
    if (this.#ready) this.#manager.status(status);
    else this.#manager.ready(status);
    this.#ready = true;
  }

  /** Whether the manager has these words already: putting them together again at every beat would cost more than the rest of this. */
  #is_told(level: Level, warm: boolean, held: number, { dial, pause, degraded }: Standing): boolean {
    const told = this.#told;
    this.#told = [level, warm, held, dial, pause, degraded];
    return told?.every((one, i) => one === this.#told?.[i]) ?? false;
  }

  /** Messages the manager did not take. */
  get lost(): number {
    return this.#manager.lost;
  }

  /** @param now_ns CLOCK_MONOTONIC */
  reloading(now_ns: number): void {
    this.#manager.reloading(now_ns);
  }

  reloaded(outcome: string): void {
    this.#told = null;
    this.#manager.ready(outcome);
  }

  stopping(): void {
    this.#manager.stopping("undoing everything");
  }

  close(): void {
    this.#manager[Symbol.dispose]();
  }
}
