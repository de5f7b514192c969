import { LOSSES, type Loss } from "../model/loss.ts";

/** `12 audit lines`: what is left out now where there is such a number, else what was lost since the start. */
function amount({ code, total, now }: Pick<Loss, "code" | "total" | "now">): string {
  const { unit } = LOSSES[code];
  if (now === 0) return total === 0 ? `no ${unit} so far` : `${total} ${unit}`;
  return total > now ? `${now} ${unit} now, ${total} since the start` : `${now} ${unit}`;
}

/** One line for a status, a finding or a message: how many of what, why, what that means. */
export function loss_sentence(loss: Pick<Loss, "code" | "total" | "now" | "detail">): string {
  const detail = loss.detail === "" ? "" : ` (${loss.detail})`;
  return `${amount(loss)}${detail}. ${LOSSES[loss.code].effect}`;
}

/** The line of an audit entry of kind `loss`. Codes of another version have no words here. */
export function loss_line(code: string, phase: "began" | "goes_on" | "ended", count: number, detail: string): string {
  const unit = code in LOSSES ? LOSSES[code as Loss["code"]].unit : code;
  const why = detail === "" ? "" : ` (${detail})`;
  if (phase === "ended") return `no more ${unit} are lost${why}`;
  return `lost: ${count} ${unit}${phase === "goes_on" ? " more" : ""}${why}`;
}
