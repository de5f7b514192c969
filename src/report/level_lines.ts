import type { BeatView } from "../model/view.ts";
import { duration_text, without_numbers } from "./number.ts";

/** Up to here a level only observes: how often it is reached within one episode is told once, at the end. */
const OBSERVES = 1;

/**
 * Which changes of level have a line of their own: the first rise of an episode, and whatever goes beyond level 1 or comes back from
 * there. A node that hovers at θ1 rises again and again, and each line would say the same.
 */
export function has_own_line({ level, episode }: BeatView, previous: number): boolean {
  if (level === previous) return false;
  if (Math.max(level, previous) > OBSERVES || episode == null) return true;
  return episode.news.includes("began");
}

/**
 * Why nothing is done has changed. Within an episode a reason is told when it has stood for a moment, and not again soon; an agent from before an
 * upgrade tells no episode.
 */
export function has_new_reason({ inaction, episode }: BeatView, previous: string): boolean {
  if (inaction === "") return false;
  return episode == null ? without_numbers(inaction) !== without_numbers(previous) : episode.news.includes("reason");
}

/** What is new of the episode, a sentence each; empty when nothing is. A new reason is told with the beat's own. */
export function episode_lines({ episode }: BeatView): readonly string[] {
  if (episode == null) return [];
  const { news, rises, lasted_s, max_level, story } = episode;
  const lines: string[] = [];
  if (news.includes("named")) lines.push(story.headline);
  if (news.includes("ended")) {
    const times = rises === 1 ? "" : `, ${rises} rises in ${duration_text(lasted_s)}`;
    lines.push(`episode over after ${duration_text(lasted_s)}: highest level ${max_level}${times}. ${story.headline}`);
  }
  return lines;
}
