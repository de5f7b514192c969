import type { BeatView } from "../model/view.ts";
import { to_ascii } from "./ascii.ts";
import { amount_text, figure_text, named_brief, named_text } from "./named.ts";
import { type Screen, shortened_middle, width_of } from "./screen.ts";

/** Columns below which the path of a cgroup is not worth shortening. */
const MIN_PATH = 8;

/** What a line of a beat names, in the order in which it is written. */
export interface Subject {
  readonly path: string;
  /** Behind the path; it has no other name. */
  readonly inside: string;
  /** Shorter ways to say the same, the longest first. */
  readonly shorter: readonly string[];
}

/** What carries it, and how much: the named process, else the culprit of the decision. */
export function subject_of({ story, culprit, level }: BeatView): Subject | null {
  // An agent that still runs from before an upgrade tells no story.
  const named = story?.named ?? null;
  if (named !== null && level > 0) {
    const guarded = named.protected === null ? "" : " (protected)";
    const brief = named_brief(named);
    const shorter = [`${brief}, ${figure_text(named)}${guarded}`, `${brief}, ${amount_text(named)}`, brief];
    return { path: `${named_text(named)}, ${figure_text(named)}`, inside: guarded, shorter };
  }
  if (culprit === null) return null;
  const task = culprit.tid ?? culprit.pid;
  const one = task === null ? "" : ` ${culprit.scope} ${task}${culprit.comm === null ? "" : ` "${culprit.comm}"`}`;
  const inside = `${one}${culprit.protected === null ? "" : " (protected)"}`;
  return { path: culprit.path || "unknown", inside, shorter: [] };
}

/** Empty where nothing is named. */
export function who(view: BeatView): string {
  return subject_forms(subject_of(view))[0] ?? "";
}

export function subject_forms(subject: Subject | null): readonly string[] {
  return subject === null ? [] : [subject.path + subject.inside, ...subject.shorter];
}

/** In so many columns: the path gives way first, for what is behind it has no other name. */
export function shortened_subject(subject: Subject, columns: number, screen: Pick<Screen, "ascii">): string {
  const shown = (text: string): string => (screen.ascii ? to_ascii(text) : text);
  const { path, inside, shorter } = subject;
  const room = columns - width_of(shown(inside));
  const brief = shorter.at(-1);
  if (brief !== undefined || room < MIN_PATH) return shortened_middle(shown(brief ?? path + inside), columns, screen);
  return shortened_middle(shown(path), room, screen) + shown(inside);
}
