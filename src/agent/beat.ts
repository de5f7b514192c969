import type { SpentBeat } from "../audit/index.ts";
import type { Cortex } from "../cortex/cortex.ts";
import type { DecisionConfig } from "../decision/config.ts";
import { type Desk, decide } from "../decision/decide.ts";
import { type DecisionState, initial_state } from "../decision/state.ts";
import type { Assessment, CgroupChange, KernelMemory } from "../model/assessment.ts";
import type { Attribution } from "../model/attribution.ts";
import type { AuditEntry } from "../model/audit.ts";
import type { Action, Motor, Outcome } from "../model/containment.ts";
import type { OperatorRelease } from "../model/control.ts";
import type { Decision } from "../model/decision.ts";
import type { Level } from "../model/level.ts";
import type { PauseInput } from "../model/pause.ts";
import type { Maybe, Sample } from "../model/sample.ts";
import type { ThreadSearch } from "../model/search.ts";
import type { ContainmentWatch } from "./containment_watch.ts";
import type { EpisodeLog, Logged } from "./episode_log.ts";
import type { OwnStall } from "./own_stall.ts";

/** What the beat is made of. Everything with an effect is behind one of these. */
export interface BeatParts {
  readonly sense: () => Sample | null;
  readonly search_threads: (wanted: NonNullable<Decision["search"]>) => Maybe<ThreadSearch>;
  readonly cortex: Cortex;
  readonly config: DecisionConfig;
  readonly motor: Motor;
  readonly watch: ContainmentWatch;
  readonly own_stall: OwnStall;
  /** The operator's pause in force at that time; absent: nothing can be paused here. */
  readonly pause?: (now_ns: number) => PauseInput | undefined;
  /** What the kernel itself takes of the node's memory; absent where it is not read. */
  readonly kernel_memory?: { observe(t_ns: number, wanted: boolean): Maybe<KernelMemory> };
  /** Conversations begun from outside, per second; absent where nothing could be done about them. */
  readonly arrivals?: { observe(sample: Sample): Maybe<number> };
  /** What carries the node's load, asked above level 0 only; absent: nothing is named. */
  readonly attribute?: (sparing: boolean) => Attribution | undefined;
  /** Follows what happens above level 0; absent: nothing is told of it. */
  readonly episodes?: EpisodeLog;
  readonly record: (entry: AuditEntry) => void;
  /** Gives values of a beat that nobody keeps any more (`FlightRecorder.refill`); absent: every beat makes its own. */
  readonly refill?: (desk: SpentBeat) => void;
  /** The level of a node in which a predecessor left a quarantine; absent: 0. */
  readonly level_found?: Level;
}

/**
 * What a beat came to. Its assessment and decision, and the state before it, stay as they are until the next beat; afterwards
 * those of a beat that is not `kept` may be written over as soon as the flight recorder lets go of them. Whoever holds on
 * to any of them for longer sets `kept` before the beat is over; what is put into words or numbers at once needs no such thing.
 */
export interface BeatResult {
  readonly sample: Sample;
  readonly assessment: Assessment;
  readonly decision: Decision;
  /** What became of its actions, in their order. */
  readonly outcomes: readonly Outcome[];
  /** Something worth telling happened: a level changed, an action, a verdict or an outcome of one, or news of the episode. */
  readonly eventful: boolean;
  /** What it means for the episode it belongs to; absent or null outside of one. */
  readonly episode?: Maybe<Logged>;
  /** Never written over. From the first where anything happens or the level is not 0: records hold on to those. */
  kept: boolean;
}

const ROUTINE_NS = 1e9;
const NO_RELEASES: readonly OperatorRelease[] = [];
const NO_OUTCOMES: readonly Outcome[] = [];

/** One beat: sense → assess → decide → act → record. Nothing in it waits. */
export class Beat {
  #parts: BeatParts;
  #state: DecisionState | null = null;
  #search: Maybe<ThreadSearch> = null;
  /** The cgroup that changed most at the beat before, followed while the node is not at level 0. */
  #leader: Maybe<CgroupChange> = null;
  #routine_ns = Number.NEGATIVE_INFINITY;
  #releases: readonly OperatorRelease[] = NO_RELEASES;
  /** At the beat before the node itself grew by more than any cgroup explains. */
  #node_grows = false;
  readonly #desk: SpentBeat & Desk = { assessment: null, state: null, decision: null };
  readonly #aims = (id: string) => this.#state?.containments.some((live) => live.id === id && live.aims) ?? false;

  constructor(parts: BeatParts) {
    this.#parts = parts;
  }

  /** The decision's state after the latest beat; null before the first. */
  get state(): DecisionState | null {
    return this.#state;
  }

  /** An operator wants something released: the next beat decides on it. */
  ask_release(release: OperatorRelease): void {
    this.#releases = [...this.#releases, release];
  }

  /** From the next beat on. What each decision was given is in its record, so a replay needs to know nothing of it. */
  reconfigure(config: DecisionConfig): void {
    this.#parts = { ...this.#parts, config };
  }

  step(): BeatResult | null {
    const { cortex, config, motor, watch } = this.#parts;
    const sample = this.#parts.sense();
    if (sample === null) return null;
    const now_ns = sample.t_ns;
    const before = this.#state ?? initial_state(now_ns, this.#parts.level_found);

    const noticed = motor.poll(now_ns);
    for (const outcome of noticed) watch.noticed(outcome);
    this.#search = before.searching === null ? null : (this.#parts.search_threads(before.searching) ?? this.#search);
    const leader = somebody_stalls(sample, config) ? this.#leader : null;
    const leader_stall = this.#parts.own_stall.observe(leader, now_ns);
    const containments = watch.observe(sample, this.#aims);
    const arrivals_per_s = this.#parts.arrivals?.observe(sample) ?? null;
    const kernel_memory = this.#parts.kernel_memory?.observe(now_ns, this.#node_grows) ?? null;
    const releases = this.#releases === NO_RELEASES ? undefined : this.#releases;
    this.#releases = NO_RELEASES;
    const pause = this.#parts.pause?.(now_ns);
    // A growth is searched for before it has raised the level: what grows is known when it does.
    const looks = before.level > 0 || before.searching !== null;
    const attribution = looks ? this.#attribution(before) : undefined;
    const more = { arrivals_per_s, releases, pause, attribution };
    const told = { search: this.#search, containments, leader_stall, kernel_memory, ...more };
    const desk = this.#clean_desk();
    const assessment = cortex.assess(sample, told, desk.assessment);

    const { decision, state } = decide(assessment, before, config, now_ns, desk);
    this.#state = state;
    // The first reading is taken at once, so that the next beat has something to compare.
    if (decision.level > 0 && !looks) this.#attribution(before);
    this.#node_grows = decision.level > 0 && assessment.growth.some(({ path }) => path === "/");
    this.#leader = decision.level > 0 ? (assessment.changes[0] ?? null) : null;
    cortex.learn(decision.level, decision.habituates);

    const outcomes = this.#act(decision, assessment, now_ns);
    const recorded = this.#record(decision, assessment, before, outcomes, noticed);
    const episode = this.#follow_episode(assessment, decision, before);
    const eventful = recorded || (episode !== null && episode.news.length > 0);
    const kept = eventful || decision.level > 0 || before.level > 0;
    return { sample, assessment, decision, outcomes, eventful, episode, kept };
  }

  #follow_episode(assessment: Assessment, decision: Decision, state: DecisionState): Maybe<Logged> {
    const { episodes, config, record } = this.#parts;
    if (episodes === undefined || (decision.level === 0 && !episodes.is_open)) return null;
    const logged = episodes.note({ assessment, decision, state, config });
    if (logged !== null) for (const entry of logged.entries) record(entry);
    return logged;
  }

  /** Not while a held thread runs in a dose: the walk over all threads could take longer than the dose. */
  #attribution({ containments }: DecisionState): Attribution | undefined {
    const { attribute } = this.#parts;
    if (attribute === undefined) return undefined;
    for (const { phase } of containments) if (phase === "dose" || phase === "pulse") return undefined;
    return attribute(containments.length > 0);
  }

  /** What lay there was handed out at the beat before and is not ours any more. */
  #clean_desk(): SpentBeat & Desk {
    const desk = this.#desk;
    desk.assessment = null;
    desk.state = null;
    desk.decision = null;
    this.#parts.refill?.(desk);
    return desk;
  }

  #act(decision: Decision, assessment: Assessment, now_ns: number): readonly Outcome[] {
    if (decision.actions.length === 0) return NO_OUTCOMES;
    const { motor, watch } = this.#parts;
    return decision.actions.map((action) => {
      const outcome = motor.perform(action, now_ns);
      const growth = assessment.growth.find((one) => one.cgroup_id === action.target.cgroup_id);
      watch.performed(action, outcome, growth?.memory_bytes ?? null, assessment.search);
      return outcome;
    });
  }

  #record(
    decision: Decision,
    assessment: Assessment,
    state: DecisionState,
    outcomes: readonly Outcome[],
    noticed: readonly Outcome[],
  ): boolean {
    const { record, config } = this.#parts;
    const t_ns = decision.t_ns;
    const moved = decision.level !== decision.previous_level;
    if (!moved && decision.actions.length === 0) return this.#record_noticed(decision, noticed);
    const routine = !moved && decision.actions.every((action) => this.#is_routine(action, t_ns));
    if (outcomes.length > 0 && routine) return this.#record_noticed(decision, noticed);
    if (outcomes.length > 0) {
      record({ t_ns, kind: "action", input: { assessment, state, config }, decision, outcomes });
    } else if (moved) {
      record({ t_ns, kind: "transition", input: { assessment, state, config }, decision });
    }
    return this.#record_noticed(decision, noticed) || moved || outcomes.length > 0;
  }

  #record_noticed(decision: Decision, noticed: readonly Outcome[]): boolean {
    if (decision.verdicts.length === 0 && noticed.length === 0) return false;
    const { t_ns, verdicts } = decision;
    this.#parts.record({ t_ns, kind: "verification", verdicts, outcomes: noticed });
    return true;
  }

  /** The governor re-plans its ceiling many times a second: one record a second says as much as all of them. */
  #is_routine(action: Action, t_ns: number): boolean {
    if (action.verb !== "adjust" || action.setting.rung !== "memory_governor") return false;
    if (t_ns - this.#routine_ns < ROUTINE_NS) return true;
    this.#routine_ns = t_ns;
    return false;
  }
}

/** Only then does it matter how much of it the leader suffers itself: three files need not be read at every beat. */
function somebody_stalls({ stall }: Sample, { stall_floor }: DecisionConfig): boolean {
  return (["cpu", "memory", "io"] as const).some((resource) => (stall[resource] ?? 0) > stall_floor[resource] / 2);
}
