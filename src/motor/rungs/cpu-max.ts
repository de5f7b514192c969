import type { Setting } from "../../model/containment.ts";
import { Refusal } from "../trouble.ts";
import type { Plan, ValueRung } from "./value.ts";

const QUOTA_MIN_US = 1000;
const PERIOD_MAX_US = 1_000_000;

/** cpu.max: at most `quota_us` of CPU time per `period_us`. The kernel takes 1 ms to 1 s. */
export const cpu_max: ValueRung = {
  file: "cpu.max",
  kind: "file",
  plan(setting: Setting, prior: string): Plan {
    if (setting.rung !== "cpu_max") throw new Refusal(`a ${setting.rung} setting is not for cpu_max`);
    const quota_us = Math.round(setting.quota_us);
    const period_us = Math.round(setting.period_us);
    if (quota_us < QUOTA_MIN_US || period_us < QUOTA_MIN_US || period_us > PERIOD_MAX_US) {
      throw new Refusal(
        `cpu.max ${quota_us} ${period_us}: the kernel takes 1000 us and more, periods up to 1000000 us`,
      );
    }
    const [prior_quota, prior_period] = prior.split(" ");
    if (prior_quota !== "max" && Number(prior_quota) / Number(prior_period) <= quota_us / period_us) {
      throw new Refusal(`cpu.max was already ${prior}, not above ${quota_us} ${period_us}: this would loosen it`);
    }
    return { text: `${quota_us} ${period_us}`, note: "" };
  },
  comparable: (found) => found,
  writes: (text) => [text],
};
