/** A recorded value at its time. */
export interface Sample {
  /** Seconds since the first record of the run. */
  readonly t_s: number;
  /** No gap lies between the sample before it and this one. */
  readonly joined: boolean;
}

/** A part of time, seconds. */
export interface Span {
  readonly from_s: number;
  readonly to_s: number;
}

/** The samples within the window, both ends included. The first one begins a line, wherever the one before it was. */
export function within<T extends Sample>(samples: readonly T[], { from_s, to_s }: Span): readonly T[] {
  const inside = samples.filter(({ t_s }) => t_s >= from_s && t_s <= to_s);
  const [first, ...rest] = inside;
  return first === undefined ? [] : [{ ...first, joined: false }, ...rest];
}

/** Stretches without a gap: each is one line, or a dot where it is a single sample. */
export function runs_of<T extends Sample>(samples: readonly T[]): readonly (readonly T[])[] {
  const runs: T[][] = [];
  for (const sample of samples) {
    const last = runs.at(-1);
    if (sample.joined && last !== undefined) last.push(sample);
    else runs.push([sample]);
  }
  return runs;
}

/**
 * About `most` samples of more: of each group in a row the lowest and the highest stay, so that no peak is lost, and both ends. A sample stays
 * joined to the one kept before it where no gap lay between them: no gap is closed, and none is made.
 */
export function thinned<T extends Sample>(
  samples: readonly T[],
  value: (sample: T) => number,
  most: number,
): readonly T[] {
  if (samples.length <= most) return samples;
  const size = Math.ceil((2 * samples.length) / Math.max(2, most - 2));
  const places = new Set([0, samples.length - 1]);
  for (let from = 0; from < samples.length; from += size) {
    let [low, high] = [from, from];
    for (let i = from + 1; i < Math.min(samples.length, from + size); i++) {
      if (value(samples[i]!) < value(samples[low]!)) low = i;
      if (value(samples[i]!) > value(samples[high]!)) high = i;
    }
    places.add(low).add(high);
  }
  let before = 0;
  return [...places]
    .sort((a, b) => a - b)
    .map((place) => {
      const joined = place > 0 && samples.slice(before + 1, place + 1).every((one) => one.joined);
      before = place;
      return { ...samples[place]!, joined };
    });
}
