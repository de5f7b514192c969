import type { CgroupChange, LeaderStall } from "../model/assessment.ts";

/** Cumulative PSI "some" of a cgroup, µs; null where it cannot be read. */
export interface StallPort {
  stall_some_us(path: string, resource: StallResource): number | null;
  /** Another cgroup leads now: what was kept open for this one may go. */
  leave(path: string): void;
}

export type StallResource = "cpu" | "memory" | "io";

const WINDOW_NS = 300e6;
/** Three files are read at most this often. */
const SPACING_NS = 48e6;
const RING = 64;
const RESOURCES = ["cpu", "memory", "io"] as const;

/** Follows the stalls of the one cgroup that changed most, and begins anew when another takes its place. */
export class OwnStall {
  readonly #port: StallPort;
  readonly #t_ns = new Float64Array(RING);
  readonly #total_us = { cpu: new Float64Array(RING), memory: new Float64Array(RING), io: new Float64Array(RING) };
  #leader: CgroupChange | null = null;
  #count = 0;

  constructor(port: StallPort) {
    this.#port = port;
  }

  /** Shares of time over about 300 ms; null while no leader was followed that long. */
  observe(leader: CgroupChange | null, t_ns: number): LeaderStall | null {
    if (leader?.cgroup_id !== this.#leader?.cgroup_id) {
      if (this.#leader !== null) this.#port.leave(this.#leader.path);
      this.#leader = leader;
      this.#count = 0;
    }
    if (leader === null) return null;
    if (this.#count === 0 || t_ns - this.#t_ns[(this.#count - 1) % RING]! >= SPACING_NS) this.#read(leader, t_ns);
    const slot = (this.#count - 1) % RING;
    const base = this.#base(this.#t_ns[slot]!);
    if (base < 0) return null;
    const { cpu, memory, io } = this.#total_us;
    const share = (series: Float64Array) =>
      share_of(series[slot]! - series[base]!, this.#t_ns[slot]! - this.#t_ns[base]!);
    return { cgroup_id: leader.cgroup_id, cpu: share(cpu), memory: share(memory), io: share(io) };
  }

  #read(leader: CgroupChange, t_ns: number): void {
    const slot = this.#count % RING;
    this.#t_ns[slot] = t_ns;
    for (const resource of RESOURCES) {
      this.#total_us[resource][slot] = this.#port.stall_some_us(leader.path, resource) ?? Number.NaN;
    }
    this.#count += 1;
  }

  /** Newest slot at least a window old; −1 when there is none. */
  #base(t_ns: number): number {
    const oldest = Math.max(0, this.#count - RING);
    for (let i = this.#count - 2; i >= oldest; i--) {
      if (t_ns - this.#t_ns[i % RING]! >= WINDOW_NS) return i % RING;
    }
    return -1;
  }
}

function share_of(stalled_us: number, elapsed_ns: number): number | null {
  const share = (stalled_us * 1e3) / elapsed_ns;
  return Number.isFinite(share) ? Math.min(1, Math.max(0, share)) : null;
}
