import { counted } from "../model/counted.ts";
import { type Level, level_name } from "../model/level.ts";
import type { BeatView } from "../model/view.ts";
import { is_unlearned } from "./service_log.ts";

/** What was seen of a node from the first shown beat to the last. */
export class Seen {
  #level: Level = 0;
  #highest: Level = 0;
  #episodes = 0;
  #number: number | null = null;
  #learned = false;

  beat(view: BeatView): void {
    if (view.warm) this.#learned = true;
    // A level before the node is known is a guess.
    if (is_unlearned(view)) return;
    if (this.#begins(view)) this.#episodes += 1;
    this.#level = view.level;
    if (view.level > this.#highest) this.#highest = view.level;
  }

  /** What rises again soon belongs to the same episode; an agent from before an upgrade numbers none. */
  #begins({ level, episode }: BeatView): boolean {
    if (level === 0) return false;
    if (episode == null) return this.#level === 0;
    const is_new = episode.number !== this.#number;
    this.#number = episode.number;
    return is_new;
  }

  /** The node is known, although no beat that was shown said so: `hosa run` shows the eventful ones alone. */
  learned(): void {
    this.#learned = true;
  }

  /** The closing line of a run. */
  text(beats: number, reason: string): string {
    const end = `ended after ${counted(beats, "beat")}: ${reason}`;
    if (this.#highest > 0) {
      const highest = `highest level ${this.#highest} (${level_name(this.#highest)})`;
      return `${end}; ${highest}, ${counted(this.#episodes, "episode")}`;
    }
    return `${end}; ${this.#learned ? "level 0 throughout, no episodes" : "this node was still being learned"}`;
  }
}
