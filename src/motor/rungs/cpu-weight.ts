import type { Action, Setting } from "../../model/containment.ts";
import { offers } from "../files.ts";
import { Refusal } from "../trouble.ts";
import type { Applied, Place, RungContext } from "./containment.ts";
import { apply_nice } from "./nice.ts";
import { apply_value, type Plan, type ValueRung } from "./value.ts";

const WEIGHT_MAX = 10_000;

const weight_file: ValueRung = {
  file: "cpu.weight",
  kind: "file",
  plan(setting: Setting, prior: string): Plan {
    if (setting.rung !== "cpu_weight") throw new Refusal(`a ${setting.rung} setting is not for cpu_weight`);
    const weight = Math.round(setting.weight);
    if (weight < 1 || weight > WEIGHT_MAX)
      throw new Refusal(`cpu.weight ${weight}: the kernel takes 1 to ${WEIGHT_MAX}`);
    if (Number(prior) <= weight) throw new Refusal(`cpu.weight was already ${prior}, not above ${weight}`);
    return { text: String(weight), note: "" };
  },
  comparable: (found) => found,
  writes: (text) => [text],
};

/** cpu.weight of the cgroup; niceness for a single thread, and where the cgroup has no cpu controller (or is the root). */
export function apply_cpu_weight(context: RungContext, action: Action, place: Place): Applied {
  const whole_cgroup = action.target.tid === null;
  if (whole_cgroup && offers(context.files, `${place.directory}/cpu.weight`)) {
    return apply_value(weight_file, context, action, place);
  }
  return apply_nice(context, action, place);
}
