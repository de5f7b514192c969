/** `1 beat`, `2 beats`, `no beats`; a noun with another plural is given with both: `1 entry`, `2 entries`. */
export function counted(count: number, noun: string, nouns = `${noun}s`): string {
  return `${count === 0 ? "no" : count} ${count === 1 ? noun : nouns}`;
}
