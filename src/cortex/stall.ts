import type { Assessment } from "../model/assessment.ts";
import type { Maybe, Sample } from "../model/sample.ts";
import { BlockTail, type BlockTailState } from "./block_tail.ts";

type Stall = Sample["stall"];
const RESOURCES = ["cpu", "memory", "io"] as const;
/** A stall share below this is within the clock's own jitter. */
const FLOOR = 0.01;

/** No stall beyond this share is ever normal: a burst that was seen once must not blind the witness. */
const MOST = 0.9;

/** The tails of the three PSI shares as plain JSON. */
export type LearnedStalls = Readonly<Record<(typeof RESOURCES)[number], BlockTailState>>;

/** Learned upper tails of the node's PSI shares. */
export class StallTails {
  readonly #tails: Readonly<Record<(typeof RESOURCES)[number], BlockTail>>;
  readonly #known = { cpu: false, memory: false, io: false };
  /** What was last handed out; tails change only when a block is learned. */
  #current: Assessment["stall_tail"] | null = null;

  constructor(half_life_s: number, learned?: LearnedStalls) {
    this.#tails = {
      cpu: new BlockTail(half_life_s, learned?.cpu),
      memory: new BlockTail(half_life_s, learned?.memory),
      io: new BlockTail(half_life_s, learned?.io),
    };
  }

  update(stall: Stall): void {
    for (const resource of RESOURCES) {
      const share = stall[resource];
      this.#known[resource] = share !== null;
      if (share !== null) this.#tails[resource].observe(share);
    }
  }

  learn(step: "close" | "discard" | "wait"): void {
    if (step === "wait") return;
    this.#current = null;
    for (const resource of RESOURCES) if (this.#known[resource]) this.#tails[resource][step]();
  }

  get(): Assessment["stall_tail"] {
    this.#current ??= { cpu: this.#tail("cpu"), memory: this.#tail("memory"), io: this.#tail("io") };
    return this.#current;
  }

  snapshot(): LearnedStalls {
    const { cpu, memory, io } = this.#tails;
    return { cpu: cpu.snapshot(), memory: memory.snapshot(), io: io.snapshot() };
  }

  /** A share cannot double beyond 1: half the way to it is as much more, and what leaves hardly any time is news however often it was so. */
  #tail(resource: (typeof RESOURCES)[number]): Maybe<number> {
    const tails = this.#tails[resource];
    const tail = tails.get(FLOOR);
    return tail === null ? null : Math.min(MOST, (1 + tails.peak) / 2, tail);
  }
}
