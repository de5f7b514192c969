export interface Axis {
  readonly to: (value: number) => number;
  readonly ticks: readonly number[];
}

/** Round numbers from 0 to `max`, about `count` of them. */
export function steps(max: number, count: number): number[] {
  const raw = max / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * power).find((candidate) => candidate >= raw) ?? raw;
  return Array.from({ length: Math.floor(max / step) + 1 }, (_, i) => i * step);
}

/** A linear axis from 0 to `max` over `span` pixels from `from` on; `up` where pixels count downwards. */
export function axis(max: number, from: number, span: number, count: number, up: boolean): Axis {
  const top = max > 0 && Number.isFinite(max) ? max : 1;
  return { to: (value) => from + (up ? -1 : 1) * (value / top) * span, ticks: steps(top, count) };
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
