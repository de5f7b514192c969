import type { Regime } from "../model/regime.ts";

/** `+4 local failure (its figures); ambiguous, +1 would fit as well` */
export function regime_sentence({ number, name, because, also }: Regime): string {
  const numbered = (each: number) => (each > 0 ? `+${each}` : `${each}`);
  const others = also.length === 0 ? "" : `; ambiguous, ${also.map(numbered).join(" and ")} would fit as well`;
  return `${numbered(number)} ${name} (${because})${others}`;
}
