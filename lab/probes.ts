/** What a probe wrote, as figures. Pure. */

export interface Probe {
  /** Milliseconds of CLOCK_MONOTONIC. */
  readonly due_ms: number;
  readonly latency_ms: number;
  readonly ok: boolean;
}

export interface Figures {
  readonly asked: number;
  readonly served: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
}

/** The words of each line that is not empty. */
export const rows = (text: string): readonly (readonly string[])[] =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split(" "));

/** Lines of `due_ms latency_us ok`. */
export function probes(text: string): readonly Probe[] {
  return rows(text).map(([due_ms, latency_us, ok]) => ({
    due_ms: Number(due_ms),
    latency_ms: Number(latency_us) / 1000,
    ok: ok === "1",
  }));
}

/** An unanswered request counts with the time it was waited for. */
export function figures(all: readonly Probe[]): Figures {
  const sorted = all.map(({ latency_ms }) => latency_ms).toSorted((one, other) => one - other);
  return {
    asked: all.length,
    served: all.filter(({ ok }) => ok).length,
    p50_ms: quantile(sorted, 0.5),
    p99_ms: quantile(sorted, 0.99),
  };
}

const quantile = (sorted: readonly number[], q: number): number =>
  sorted.length === 0 ? Number.NaN : sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)]!;

export const percent = (part: number, all: number) => (all === 0 ? "–" : `${((100 * part) / all).toFixed(1)} %`);
