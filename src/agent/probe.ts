import type { Config } from "../config/index.ts";
import { RUNGS } from "../model/containment.ts";
import type { Maybe } from "../model/sample.ts";
import { kernel_files } from "../motor/files.ts";
import { type MissingRung, missing_rungs } from "../motor/rehearsal.ts";
import { why_no_cgroup2 } from "../sensor/mount.ts";
import { look_at_reserve } from "./reserve.ts";
import { NodeShield } from "./shield.ts";

/**
 * What a motor that acts would find missing here, for one that only records: the same probes in the same words. An empty scratch cgroup and
 * scratch interfaces are made and removed, as `hosa doctor` does; nothing of the node is touched.
 */
export function probe_rungs(config: Config, mount: Maybe<string>): readonly MissingRung[] {
  if (mount === null) return RUNGS.map((rung) => ({ rung, why: `cgroup v2: ${why_no_cgroup2()}` }));
  const reserve = look_at_reserve(config);
  return missing_rungs(
    kernel_files,
    mount,
    config.motor.rungs,
    process.pid,
    NodeShield.why_missing(config),
    "missing" in reserve ? reserve.missing : null,
  );
}
