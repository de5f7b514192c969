import type {
  Action,
  ContainmentObservation,
  Outcome,
  Rung,
  ShieldObservation,
  SwapObservation,
  Target,
} from "../model/containment.ts";
import type { Maybe, Sample } from "../model/sample.ts";
import type { GrowthBounds, PeerScope, Progress, ThreadSearch } from "../model/search.ts";
import type { PeerReading } from "../sensor/peer_progress.ts";
import { steps_per_s } from "../sensor/progress.ts";

/** Longest look-back of a watched slope; at 10 ms beats the ring holds more than that. */
const RING = 64;
const SLOPE_WINDOW_NS = 250e6;
/** Readings that cost a walk over threads are taken no closer than this. */
const SPACING_NS = 24e6;
/** … and, once a hold has stood for so many readings, no closer than this. */
const SETTLED_READINGS = 80;
const SETTLED_SPACING_NS = 190e6;
/** Rungs under which what is not used may go to swap. */
const SWAPPING: readonly Rung[] = ["memory_governor", "swap_reserve"];
/** Reads of the kernel the watch needs, for one cgroup. */
export interface WatchPort {
  /** How the peers of a held thread get on, since the previous change of its hold; null when they cannot be read. @param afresh it changed */
  peers(target: Target, scope: PeerScope, afresh: boolean, now_ns: number): Maybe<PeerReading>;
  /** What bounds the growth of the process of a held thread, once a second; null or absent where nothing is known. */
  bounds?(target: Target, now_ns: number): Maybe<GrowthBounds>;
  /** Whether a thread sleeps (state S); null when it cannot be read. */
  asleep(pid: number, tid: number): boolean | null;
  /** Cumulative memory PSI "full" of the cgroup, µs; null when it cannot be read. */
  stall_full_us(path: string): number | null;
  /** What of the cgroup lies in swap; null where it cannot be read. */
  swap?(path: string): Maybe<SwapObservation>;
  /** What the network shield does; null while there is nothing to tell. */
  network?(t_ns: number): Maybe<ShieldObservation>;
  /** The containment is over: whatever was kept for it may go. */
  forget(target: Target): void;
}

interface Watched {
  readonly action: Action;
  /** What its peers did just before it began; null where they were not looked at. */
  readonly before: Maybe<NonNullable<ThreadSearch["peers"]>>;
  peers: Maybe<PeerReading>;
  bounds: Maybe<GrowthBounds>;
  /** A thaw, or a freeze, that waits for the next reading: what the peers did before it says nothing of them now. */
  afresh: boolean;
  outcome: Outcome;
  frozen: boolean | null;
  /** What the freezer was last asked for; it confirms later. */
  asked_frozen: boolean | null;
  alive: boolean;
  in_force: boolean;
  memory_bytes: number | null;
  swap: Maybe<SwapObservation>;
  /** Of the cgroup's own limits; null without one. Unknown until a sample has brought it: the node's may be far larger. */
  headroom_bytes: number | null | undefined;
  count: number;
  readonly t_ns: Float64Array;
  readonly memory: Float64Array;
  readonly stall_us: Float64Array;
}

/** Follows every live containment from beat to beat, so that the decision can verify and steer it (SPEC §7.4). */
export class ContainmentWatch {
  readonly #port: WatchPort;
  readonly #live = new Map<string, Watched>();
  /** False while actions are only recorded: nothing changes then, so nothing can be verified. */
  verifiable: boolean;

  constructor(port: WatchPort, verifiable: boolean) {
    this.#port = port;
    this.verifiable = verifiable;
  }

  get size(): number {
    return this.#live.size;
  }

  /** Takes note of what became of an action. */
  performed(action: Action, outcome: Outcome, memory_bytes: number | null, search: ThreadSearch | null): void {
    const known = this.#live.get(action.id);
    if (action.verb === "release") {
      if (known !== undefined) this.#forget(action.id, known);
      return;
    }
    if (known !== undefined) {
      known.outcome = outcome;
      if ("frozen" in action.setting) {
        known.asked_frozen = action.setting.frozen;
        if (is_done(outcome) || !action.setting.frozen) known.frozen = action.setting.frozen;
        // Slope and progress are judged anew from each change of the hold on. A ceiling moves too often to begin anew with each.
        known.count = 0;
        known.afresh = true;
      }
      return;
    }
    const searched = search !== null && search.threads[0]?.tid === action.target.tid;
    this.#live.set(action.id, {
      action,
      before: searched ? (search.peers ?? null) : null,
      peers: null,
      bounds: null,
      afresh: true,
      outcome,
      frozen: is_done(outcome) && "frozen" in action.setting ? action.setting.frozen : null,
      asked_frozen: "frozen" in action.setting ? action.setting.frozen : null,
      alive: true,
      in_force: is_done(outcome) || outcome.status === "pending" || outcome.status === "drifted",
      memory_bytes,
      swap: null,
      headroom_bytes: undefined,
      count: 0,
      t_ns: new Float64Array(RING),
      memory: new Float64Array(RING),
      stall_us: new Float64Array(RING).fill(Number.NaN),
    });
  }

  /** Takes note of what the motor saw by itself: freezer confirmations, drift, vanished targets. */
  noticed(outcome: Outcome): void {
    const known = this.#live.get(outcome.id);
    if (known === undefined) return;
    known.outcome = outcome;
    if (outcome.status === "gone") known.alive = false;
    if (outcome.verb === "release") known.in_force = false;
    if (is_done(outcome) && (outcome.rung === "thread_hold" || outcome.rung === "freeze")) {
      known.frozen = known.asked_frozen;
    }
  }

  #forget(id: string, watched: Watched): void {
    this.#live.delete(id);
    this.#port.forget(watched.action.target);
  }

  /** The state of every live containment at this beat. One that the motor no longer holds is told once, then forgotten. */
  observe(sample: Sample, aims: (id: string) => boolean): readonly ContainmentObservation[] {
    if (this.#live.size === 0) return [];
    const observations: ContainmentObservation[] = [];
    for (const [id, watched] of this.#live) {
      observations.push(this.#observe_one(id, watched, sample, aims(id)));
      if (!watched.in_force) this.#forget(id, watched);
    }
    return observations;
  }

  #read(watched: Watched, t_ns: number): void {
    const { target, setting } = watched.action;
    const slot = watched.count % RING;
    const holds = setting.rung === "thread_hold";
    watched.t_ns[slot] = t_ns;
    watched.memory[slot] = watched.memory_bytes ?? Number.NaN;
    if (holds) this.#read_peers(watched, t_ns);
    watched.stall_us[slot] = (holds ? null : this.#port.stall_full_us(target.path)) ?? Number.NaN;
    watched.count += 1;
    if (SWAPPING.includes(setting.rung)) watched.swap = this.#port.swap?.(target.path) ?? null;
  }

  #read_peers(watched: Watched, t_ns: number): void {
    const { target } = watched.action;
    watched.peers = this.#port.peers(target, watched.before?.scope ?? "process", watched.afresh, t_ns);
    // Of a process without forks nothing bounds the growth that was not known before the hold.
    const forks = watched.peers?.forks ?? 0;
    watched.bounds = forks > 0 ? (this.#port.bounds?.(target, t_ns) ?? null) : null;
    watched.afresh = false;
  }

  #observe_one(id: string, watched: Watched, sample: Sample, aims: boolean): ContainmentObservation {
    const { target } = watched.action;
    for (const cgroup of sample.cgroups) {
      if (cgroup.id !== target.cgroup_id) continue;
      watched.memory_bytes = cgroup.memory_bytes;
      watched.headroom_bytes = cgroup.memory_headroom_bytes;
    }
    if (sample.gone.includes(target.cgroup_id)) watched.alive = false;
    const newest = watched.count === 0 ? Number.NEGATIVE_INFINITY : watched.t_ns[(watched.count - 1) % RING]!;
    const spacing_ns = watched.count > SETTLED_READINGS ? SETTLED_SPACING_NS : SPACING_NS;
    if (sample.t_ns - newest >= spacing_ns) this.#read(watched, sample.t_ns);
    const { headroom_bytes } = watched;
    const node_headroom = sample.node_memory.available_bytes;
    // Until the first reading after a change there is none of the time after it.
    const reading = this.verifiable && !watched.afresh ? watched.peers : null;
    const now = reading?.progress ?? null;
    const stall = rate(watched, watched.stall_us, SLOPE_WINDOW_NS);
    const { rung } = watched.action.setting;
    return {
      id,
      rung,
      status: watched.outcome.status,
      detail: watched.outcome.detail,
      ...(watched.outcome.wait_s === undefined ? {} : { wait_s: watched.outcome.wait_s }),
      ...(watched.outcome.unmet === undefined ? {} : { unmet: watched.outcome.unmet }),
      frozen: watched.frozen,
      alive: watched.alive,
      in_force: watched.in_force,
      memory_bytes: watched.memory_bytes,
      headroom_bytes: headroom_bytes === undefined ? null : Math.min(headroom_bytes ?? node_headroom, node_headroom),
      slope_bytes_per_s: this.verifiable ? rate(watched, watched.memory, SLOPE_WINDOW_NS) : null,
      rest_steps_per_s: now === null ? null : steps_per_s(now),
      rest_steps_before_per_s: watched.before === null ? null : steps_per_s(watched.before),
      rest_window_s: now === null ? null : (reading?.window_s ?? null),
      asleep: aims && target.pid !== null && target.tid !== null ? this.#port.asleep(target.pid, target.tid) : null,
      ...(rung === "thread_hold" ? of_hold(watched, now) : {}),
      verifiable: this.verifiable,
      stall_full: stall === null ? null : Math.min(1, stall / 1e6),
      ...(SWAPPING.includes(rung) ? { swap: watched.swap } : {}),
      ...(rung === "shield" ? { network: this.#port.network?.(sample.t_ns) ?? null } : {}),
    };
  }
}

/** Carried out, or, where actions are only recorded, taken as if it were. */
function is_done({ status }: Outcome): boolean {
  return status === "done" || status === "would_do";
}

/** What is told of a held thread only. */
function of_hold({ peers, before, bounds }: Watched, now: Maybe<Progress>): Partial<ContainmentObservation> {
  return {
    wakes: peers?.wakes ?? null,
    peers: now,
    peers_before: before,
    ...(peers === null ? {} : { forks: peers.forks }),
    ...(bounds === null ? {} : { bounds }),
  };
}

/** Rate of a cumulative series over at least the window, per second; null until the window is full. */
function rate(watched: Watched, series: Float64Array, window_ns: number): number | null {
  const last = watched.count - 1;
  const now_ns = watched.t_ns[last % RING]!;
  const now = series[last % RING]!;
  const oldest = Math.max(0, watched.count - RING);
  for (let i = last - 1; i >= oldest; i--) {
    const dt_ns = now_ns - watched.t_ns[i % RING]!;
    if (dt_ns < window_ns) continue;
    const value = ((now - series[i % RING]!) / dt_ns) * 1e9;
    return Number.isFinite(value) ? value : null;
  }
  return null;
}
