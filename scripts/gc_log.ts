/** What the collector's own log (BUN_JSC_logGC=1) says was allocated between two marks. */

export const BEGIN = "bench: begin";
export const END = "bench: end";

/**
 * The environment of a process whose allocations are counted. Code is compiled where it is called, not beside it: what code not
 * yet compiled allocates would depend on how busy the machine is.
 */
export const COUNTED = { BUN_JSC_logGC: "1", BUN_JSC_useConcurrentJIT: "0" } as const;

/** A collection may take several lines: its start is on the first, what it left on the last. */
const START = /START M (\d+)kb/;
const LEFT = /=> (\d+)kb, p=/;
/** A full collection gives back what it found only when the heap is swept after it. */
const SWEPT = /Full sweep: \d+kb => (\d+)kb/;

/**
 * Bytes allocated between the marks: the growth from the end of one collection to the start of the next, added up. One
 * collection must precede the first mark and one follow the last. Throws Error when the log lacks them.
 */
export function allocated_bytes(log: string): number {
  let where: "before" | "inside" | "after" = "before";
  let left_kib = Number.NaN;
  let total_kib = 0;
  for (const line of log.split("\n")) {
    if (line === BEGIN) where = "inside";
    if (line === END) where = "after";
    const start = START.exec(line);
    if (start !== null && where !== "before") {
      total_kib += Math.max(0, Number(start[1]) - left_kib);
      if (where === "after" && Number.isFinite(total_kib)) return total_kib * 1024;
    }
    const left = LEFT.exec(line) ?? SWEPT.exec(line);
    if (left !== null) left_kib = Number(left[1]);
  }
  throw new Error("The log of the collector has no collection before, or after, the marks");
}

/** @param sorted ascending, at least one number */
export function quantile(sorted: Float64Array, p: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))]!;
}
