import { hostname } from "node:os";
import manifest from "../../package.json" with { type: "json" };
import type { AgentOptions } from "./agent_options.ts";
import type { Beat } from "./beat.ts";
import type { Parts } from "./compose.ts";
import type { BeatTimes } from "./cost.ts";
import type { TellingParts } from "./telling.ts";

/** What others are told of an agent, taken from what it is made of. */
export function telling_parts(
  { config, on_message }: AgentOptions,
  { motor, sensor, cortex, audit, senses }: Parts,
  beat: Beat,
  times: BeatTimes,
  figures: () => Omit<ReturnType<TellingParts["beats"]>, "lost" | "missed">,
  record: TellingParts["record"],
  standing: Pick<TellingParts, "dial" | "engine" | "pause">,
): TellingParts {
  return {
    config,
    version: manifest.version,
    node: config.node.name || hostname(),
    ...standing,
    would_do: () => motor.would_do,
    dimensions: sensor.dimensions,
    baseline: () => cortex.baseline(),
    live: () => (beat.state?.containments ?? []).map((live) => live.rung),
    beats: () => ({ ...figures(), lost: senses.lost_beats, missed: sensor.missed }),
    times,
    audit,
    record,
    on_message,
  };
}
