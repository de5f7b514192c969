import * as v from "valibot";
import { AUTONOMIES, type Autonomy, type CeilingReason, type Dial } from "../model/dial.ts";
import type { Level } from "../model/level.ts";
import { integer } from "./field.ts";
import type { Config } from "./schema.ts";

const WORDS = ["auto", ...AUTONOMIES] as const;
/** Words of the dial that mean nothing yet: accepting one would promise what is not there. */
const RESERVED: readonly string[] = ["disabled", "prediction", "healing"];
/** The highest level without `autonomous`: quarantine is level 5. */
export const CORRECTION_LEVEL = 4;

/** The key `autonomy`. */
export const AUTONOMY = v.optional(
  v.pipe(
    v.string(),
    v.check((word) => !RESERVED.includes(word), "not available in this version"),
    v.picklist(WORDS),
    v.metadata({
      unit: "–",
      accepts: WORDS.join(" | "),
      docs:
        "What HOSA may do on its own. monitoring: observe and record. detection: also tell (webhooks, hooks that notify) what it would do. " +
        "correction: contain, levels 2 to 4. autonomous: also quarantine, level 5. auto: detection as a service (--daemon), correction in the foreground.",
    }),
  ),
  "auto",
);

/** The key `max_level`. */
export const MAX_LEVEL = integer({
  unit: "level",
  initial: 5,
  min: 2,
  max: 5,
  docs: "No level above this one is entered, whatever autonomy allows.",
});

/** How the agent was started. */
export interface Started {
  /** With --daemon. */
  readonly service: boolean;
  readonly dry_run: boolean;
}

/** The dial that a configuration means for an agent started like this. */
export function dial_of(config: Pick<Config, "autonomy" | "max_level" | "motor">, started: Started): Dial {
  const asked = asked_autonomy(config, started);
  const stilled = !config.motor.enabled && asked !== "monitoring";
  const autonomy: Autonomy = stilled ? "detection" : asked;
  const acts = !started.dry_run && (autonomy === "correction" || autonomy === "autonomous");
  const max_level = Math.min(config.max_level, ceiling_of(autonomy)) as Level;
  return { autonomy, max_level, acts, tells: autonomy !== "monitoring", dry_run: started.dry_run };
}

/** What bounds the dial's highest level; null at level 5. */
export function ceiling_reason({ autonomy, max_level }: Dial): CeilingReason | null {
  if (max_level === 5) return null;
  return max_level < ceiling_of(autonomy) ? "max_level" : "autonomy";
}

/** What of a configuration is deprecated, each as a sentence for the log. */
export function deprecations({ motor }: Pick<Config, "motor">): readonly string[] {
  if (motor.enabled) return [];
  return ["motor.enabled: false is deprecated and means detection: write `autonomy: detection` instead"];
}

function asked_autonomy({ autonomy }: Pick<Config, "autonomy">, { service }: Started): Autonomy {
  if (autonomy !== "auto") return autonomy;
  return service ? "detection" : "correction";
}

function ceiling_of(autonomy: Autonomy): number {
  return autonomy === "autonomous" ? 5 : CORRECTION_LEVEL;
}
