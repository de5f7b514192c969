import type { Config } from "../config/index.ts";
import type { Level } from "../model/level.ts";
import type { EnvironmentFinding } from "../model/quarantine.ts";
import type { Maybe } from "../model/sample.ts";
import { current_boot_id } from "../motor/ledger.ts";
import { found_conservative, found_mark } from "../motor/quarantine/found.ts";
import { find_environment, kernel_roots } from "../sensor/environment.ts";

/** Where the node stands before the first beat. */
export interface Standing {
  readonly environment: EnvironmentFinding;
  /** 5 when a predecessor left the node in quarantine. */
  readonly level: Level;
  /** Highest level the agent may choose. */
  readonly ceiling: Level;
  /** What an earlier quarantine means now, as a sentence; null when there was none. */
  readonly said: Maybe<string>;
  /** Wall time at which the quarantine found was entered; null when there is none. */
  readonly since: Maybe<string>;
}

/** Finds the environment, a quarantine of this boot (ledger) and one that a reboot ended (marker). Changes nothing. */
export function find_standing(config: Config, mount: Maybe<string>): Standing {
  const environment = find_environment(config.quarantine.environment, kernel_roots(mount));
  const boot_id = current_boot_id();
  const mark = found_mark(config.motor.ledger_dir, boot_id);
  if (mark !== null) {
    const said = `the node is in quarantine since ${mark.intended}: level 5 is left only by \`hosa release --quarantine\``;
    return { environment, level: 5, ceiling: 5, said, since: mark.intended };
  }
  const { conservative_marker, conservative_level } = config.quarantine;
  const since = found_conservative(conservative_marker, boot_id);
  if (since === null) return { environment, level: 0, ceiling: 5, said: null, since: null };
  const said =
    `conservative mode: the node was rebooted out of the quarantine of ${since} (${conservative_marker}); ` +
    `nothing above level ${conservative_level} until \`hosa release --quarantine\``;
  return { environment, level: 0, ceiling: conservative_level as Level, said, since: null };
}
