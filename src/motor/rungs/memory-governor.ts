import type { Setting } from "../../model/containment.ts";
import type { Maybe } from "../../model/sample.ts";
import { Refusal } from "../trouble.ts";
import type { Place, RungContext } from "./containment.ts";
import type { Plan, ValueRung } from "./value.ts";

const PAGE_BYTES = 4096;
/** Room above memory.current for what is charged between our reading and our writing. */
const MARGIN_BYTES = 16 * PAGE_BYTES;

/**
 * memory.high as a governor (SPEC §7.3). Never below the usage read right before: inside such a write the kernel reclaims
 * synchronously and the beat would stand still (O_NONBLOCK prevents that only from kernel 6.16 on).
 */
export const memory_governor: ValueRung = {
  file: "memory.high",
  kind: "file",
  plan(setting: Setting, prior: string, context: RungContext, place: Place, standing: Maybe<string>): Plan {
    if (setting.rung !== "memory_governor") throw new Refusal(`a ${setting.rung} setting is not for memory_governor`);
    const current_bytes = Number(context.files.read(`${place.directory}/memory.current`));
    const floor_bytes = current_bytes + MARGIN_BYTES;
    const clamped = setting.high_bytes < floor_bytes;
    // A ceiling that followed the usage up would never bite: the standing one stays, below it the kernel throttles.
    if (clamped && standing !== null) {
      return { text: standing, note: ` (asked ${setting.high_bytes}, usage is ${current_bytes}: the kernel holds it)` };
    }
    const high_bytes = Math.floor(Math.max(setting.high_bytes, floor_bytes) / PAGE_BYTES) * PAGE_BYTES;
    if (prior !== "max" && Number(prior) <= high_bytes) {
      throw new Refusal(`memory.high was already ${prior}, not above ${high_bytes}: this would loosen it`);
    }
    const note = clamped ? ` (asked ${setting.high_bytes}, raised above the usage ${current_bytes})` : "";
    return { text: String(high_bytes), note };
  },
  comparable: (found) => found,
  writes: (text) => [text],
};
