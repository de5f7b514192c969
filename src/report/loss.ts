import type { LossEntry } from "../model/audit.ts";
import { LOSSES, type Loss, type LossCode } from "../model/loss.ts";

function counted(code: string, count: number): string {
  if (!(code in LOSSES)) return `${count} ${code}`;
  const { one, unit } = LOSSES[code as LossCode];
  return count === 0 ? `no ${unit} so far` : `${count} ${count === 1 ? one : unit}`;
}

/** `12 audit lines`: what is left out now where there is such a number, else what was lost since the start. */
function amount({ code, total, now }: Pick<Loss, "code" | "total" | "now">): string {
  if (now === 0) return counted(code, total);
  return total > now ? `${counted(code, now)} now, ${total} at most` : counted(code, now);
}

/** One line for a status, a finding or a message: how many of what, why, what that means. */
export function loss_sentence(loss: Pick<Loss, "code" | "total" | "now" | "detail">): string {
  const detail = loss.detail === "" ? "" : ` (${loss.detail})`;
  return `${amount(loss)}${detail}. ${LOSSES[loss.code].effect}`;
}

/** What an audit entry of kind `loss` says. Codes of another version have no words here. */
export function loss_entry_sentence({ code, phase, count, total, now, detail }: LossEntry): string {
  const why = detail === "" ? "" : ` (${detail})`;
  if (phase === "ended") return `no longer lost: ${code}, ${counted(code, total)} in all${why}`;
  const how_many =
    now > 0 ? `${counted(code, now)} left out` : `${counted(code, count)}${phase === "goes_on" ? " more" : ""}`;
  return `lost: ${how_many}${why}`;
}
