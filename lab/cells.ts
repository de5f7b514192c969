import { type Agent, HIGH_AGENTS, type Kernel, type Options, RESERVE_AGENTS } from "./options.ts";

/** One guest to run: what tells it apart from the others of a batch. */
export interface Cell {
  readonly kernel: Kernel;
  readonly agent: Agent;
  /** The fixed memory.high; null for agents without one. */
  readonly high_mb: number | null;
  /** Swap set aside; 0 for none. */
  readonly reserve_mb: number;
  readonly seed: number;
}

/** Every guest that was asked for; each seed goes through all kernels and agents before the next, so that what an
 * interrupted batch leaves is comparable. */
export function cells_of(options: Options): Cell[] {
  const seeds = Array.from({ length: options.runs }, (_, i) => options.seed + i);
  const variants = options.agents.flatMap((agent) =>
    (HIGH_AGENTS.includes(agent) ? options.high_mb : [null]).flatMap((high_mb) =>
      (RESERVE_AGENTS.includes(agent) ? options.reserve_mb : [0]).map((reserve_mb) => ({ agent, high_mb, reserve_mb })),
    ),
  );
  return seeds.flatMap((seed) =>
    options.kernels.flatMap((kernel) => variants.map((variant) => ({ ...variant, kernel, seed }))),
  );
}

/** How the agent is called in results and tables; a fixed limit, and swap set aside, by their size. */
export function agent_label(cell: Pick<Cell, "agent" | "high_mb" | "reserve_mb">, high_at_onset: boolean): string {
  const swap = cell.reserve_mb === 0 ? "" : ` ${cell.agent === "hosa" ? "reserve" : "swap"} ${cell.reserve_mb}M`;
  if (cell.high_mb === null) return `${cell.agent}${swap}`;
  return `${cell.agent} ${cell.high_mb}M${high_at_onset ? " at onset" : ""}${swap}`;
}

/** Folder of the cell below --out. */
export function folder_of(scenario: string, kernel: string, label: string, seed: number): string {
  return `${scenario}-${kernel}-${label.replaceAll(" ", "-")}-${seed}`;
}
