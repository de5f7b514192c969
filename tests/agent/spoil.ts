/** What stands wherever something was spoiled. */
export const SPOILED = "spoiled";

/** Vectors and objects an assessment has of its own; all else it shares with others, and only the reference goes. */
const OWN = ["x", "mean", "contribution", "dominant", "node_ttf"];

/** Makes an assessment, a decision or a state worse than stale, in place: whoever should not have kept it shows. */
export function spoil(value: object | null): void {
  for (const name of Object.keys(value ?? {})) {
    const own: unknown = Reflect.get(value!, name);
    if (OWN.includes(name)) spoil(own as object);
    // The names are the one thing that is not written over: of one cortex they are always the same.
    else if (name !== "dimension_names") Reflect.set(value!, name, SPOILED);
  }
}
