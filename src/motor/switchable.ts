import type { Action, Motor, Outcome } from "../model/containment.ts";
import type { HeldItem } from "../model/control.ts";
import type { Maybe } from "../model/sample.ts";
import type { MotorLimits } from "./limits.ts";
import type { CgroupMotor } from "./motor.ts";
import type { RecordingMotor } from "./recording.ts";
import type { MissingRung } from "./rehearsal.ts";

/**
 * The motor of an agent whose dial may move while it runs. It acts through the real motor, or only records through the other. Either
 * way the real one keeps the ledger: what a predecessor left is undone, what takes its time to be undone is looked after, and no other
 * process acts meanwhile.
 */
export class SwitchableMotor implements Motor {
  /** Null: nothing can ever be done here (a dry run, no cgroup v2). */
  readonly real: Maybe<CgroupMotor>;
  readonly #recording: RecordingMotor;
  #acts: boolean;
  readonly #untold: Outcome[] = [];

  constructor(real: Maybe<CgroupMotor>, recording: RecordingMotor, acts: boolean) {
    this.real = real;
    this.#recording = recording;
    this.#acts = acts && real !== null;
  }

  get name(): Motor["name"] {
    return this.#acts ? "cgroup" : "recording";
  }

  /** What was undone at start because a predecessor had died on it. */
  get recovered(): readonly Outcome[] {
    return this.real?.recovered ?? [];
  }

  /** Containments that would have been begun since the start. */
  get would_do(): number {
    return this.#recording.applied;
  }

  /** From now on actions are carried out, or only recorded. Whatever is held, or would be, is released first. */
  switch_to(acts: boolean, now_ns: number, reason: string): readonly Outcome[] {
    if (acts && this.real === null) throw new Error("this agent has no motor that could act");
    if (acts === this.#acts) return [];
    const released = this.release_held(now_ns, reason);
    this.#acts = acts;
    return released;
  }

  /** Releases whatever is held, or would be; the next poll tells it too, so that the decision learns of it. */
  release_held(now_ns: number, reason: string): readonly Outcome[] {
    const released = this.#in_use.release_all(now_ns, reason);
    this.#untold.push(...released);
    return released;
  }

  reconfigure(limits: MotorLimits): void {
    this.real?.reconfigure(limits);
    this.#recording.reconfigure(limits);
  }

  missing(): readonly MissingRung[] {
    return (this.real ?? this.#recording).missing();
  }

  perform(action: Action, now_ns: number): Outcome {
    return this.#in_use.perform(action, now_ns);
  }

  renew(id: string, now_ns: number): void {
    this.#in_use.renew(id, now_ns);
  }

  poll(now_ns: number): readonly Outcome[] {
    const real = this.real === null ? NOTHING : this.real.poll(now_ns);
    if (this.#acts && this.#untold.length === 0) return real;
    return [...this.#untold.splice(0), ...real, ...this.#recording.poll(now_ns)];
  }

  release_all(now_ns: number, reason: string): readonly Outcome[] {
    const real = this.real?.release_all(now_ns, reason) ?? NOTHING;
    return [...real, ...this.#recording.release_all(now_ns, reason)];
  }

  /** What is held, and what would be: those have no ledger id. */
  held(): readonly HeldItem[] {
    const real = this.real?.held() ?? [];
    const recorded = this.#recording.held();
    return recorded.length === 0 ? real : [...real, ...recorded];
  }

  let_go(items: readonly HeldItem[], now_ns: number, reason: string): readonly Outcome[] {
    const of_ledger = items.filter((item) => item.ledger_id !== null);
    const recorded = items.filter((item) => item.ledger_id === null);
    const real = this.real?.let_go(of_ledger, now_ns, reason) ?? NOTHING;
    return [...real, ...this.#recording.let_go(recorded, now_ns, reason)];
  }

  /** Gives the ledger back. Containments not released stay in force and in the ledger. */
  close(): void {
    this.real?.close();
  }

  get #in_use(): CgroupMotor | RecordingMotor {
    return this.#acts && this.real !== null ? this.real : this.#recording;
  }
}

const NOTHING: readonly Outcome[] = [];
