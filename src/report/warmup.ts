import type { WarmupProgress } from "../model/warmup.ts";
import { bar } from "./backtest.ts";
import { duration_text, percent } from "./number.ts";
import type { Style } from "./style.ts";

/** Fewer than elsewhere: on 80 columns the words behind it count more. */
const BAR_CELLS = 12;

function part_of({ learned_s, total_s }: WarmupProgress): number {
  return Math.min(1, learned_s / total_s);
}

/** At least so long: time above level 1 teaches nothing. */
function left_text({ learned_s, total_s }: WarmupProgress): string {
  return `at least ${duration_text(Math.ceil(total_s - learned_s))} left`;
}

/** The line that a terminal shows while the node is learned. */
export function warmup_line(progress: WarmupProgress, elsewhere: string, paint: Style): string {
  const part = part_of(progress);
  const done = percent(part).padStart(5);
  return `${bar(part, paint, BAR_CELLS)} ${done}  learning this node, ${left_text(progress)}; try ${elsewhere}`;
}

/** How far it is, for `status`. */
export function warmup_text(progress: WarmupProgress): string {
  return `${percent(part_of(progress))} learned, ${left_text(progress)}; nothing above level 1 before that`;
}

/** The one line of a log between the first and the last word about the warm-up; null before it is half over. */
export function warmup_half(progress: WarmupProgress): string | null {
  return part_of(progress) < 0.5 ? null : `learning this node: ${percent(part_of(progress))}, ${left_text(progress)}`;
}
