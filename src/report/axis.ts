export interface Axis {
  readonly to: (value: number) => number;
  readonly ticks: readonly number[];
}

/** Round numbers from 0 to `max`, about `count` of them; 0 alone where there is no range. */
export function steps(max: number, count: number): number[] {
  // Below this the power of ten of a step underflows to 0.
  if (!(max > 1e-300 && Number.isFinite(max))) return [0];
  const step = round_step(max / count);
  return Array.from({ length: Math.floor(max / step + 1e-9) + 1 }, (_, i) => i * step);
}

function round_step(raw: number): number {
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((k) => k * power).find((candidate) => candidate >= raw * (1 - 1e-9)) ?? raw;
}

/**
 * A linear axis over `span` pixels from `from` on, with round ticks between the two values, about `count` of them. Where there is no range, none is
 * made up: the one value stands in the middle.
 */
export function axis(low: number, high: number, from: number, span: number, count: number): Axis {
  if (!(high > low)) return { to: () => from + span / 2, ticks: [low] };
  const step = round_step((high - low) / count);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  const ticks = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (first + i) * step);
  return { to: (value) => from + ((value - low) / (high - low)) * span, ticks };
}

/** What seconds are told in over a span that long. */
export function time_unit(span_s: number): { readonly name: string; readonly s: number } {
  if (span_s <= 600) return { name: "seconds", s: 1 };
  return span_s <= 10_800 ? { name: "minutes", s: 60 } : { name: "hours", s: 3600 };
}

/** The values, of which none is nearer than `gap` to the next: those too near spread about their mean. Descending in, descending out. */
export function spread(values: readonly number[], gap: number): number[] {
  const groups: { sum: number; count: number }[] = [];
  const middle = ({ sum, count }: { sum: number; count: number }) => sum / count;
  for (const value of values) {
    let group = { sum: value, count: 1 };
    for (let above = groups.at(-1); above !== undefined; above = groups.at(-1)) {
      if (middle(above) - middle(group) >= (gap * (above.count + group.count)) / 2) break;
      groups.pop();
      group = { sum: above.sum + group.sum, count: above.count + group.count };
    }
    groups.push(group);
  }
  return groups.flatMap((group) =>
    Array.from({ length: group.count }, (_, i) => middle(group) + gap * ((group.count - 1) / 2 - i)),
  );
}
