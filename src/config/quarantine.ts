import * as v from "valibot";
import { parse_prefix } from "../model/prefix.ts";
import { ENVIRONMENTS } from "../model/quarantine.ts";
import { choice, flag, integer, number, text, texts } from "./field.ts";
import { PORT } from "./shield.ts";

const ABSOLUTE = /^\/[^\0]*$/;

/** What level 5 does on this node (docs/QUARANTINE.md). */
export const QUARANTINE = v.strictObject({
  enabled: flag({ initial: true, docs: "false: level 5 is decided and recorded, and nothing is isolated." }),
  count_refusals: flag({
    initial: false,
    docs: "A containment that the motor refuses (a rung that is off, the layout of a cgroup, a bound) counts toward level 5 like one that was seen to fail: for a node of which nothing may be held, and which had better be cut off.",
  }),
  environment: choice(["auto", ...ENVIRONMENTS], {
    initial: "auto",
    docs: "Where this node lives. auto: by evidence, and a cloud VM when in doubt; the edge and airgap ones are never guessed.",
  }),
  management_interfaces: texts({
    pattern: /^[^\s/]{1,15}$/,
    accepts: "interface names",
    docs: "Left alone whatever happens, besides what is found to be the operator's way in (ssh sessions, default route).",
  }),
  ports: texts({
    ...PORT,
    initial: ["tcp/22"],
    docs: "Stay reachable in quarantine (not with airgap), besides the ports found in use by sshd and kubelet; the tcp ones are where an operator's sessions are looked for.",
  }),
  control_plane: v.optional(
    v.pipe(
      v.array(
        v.pipe(
          v.string(),
          v.check((prefix) => parse_prefix(prefix) !== null, "not a prefix"),
        ),
      ),
      v.maxLength(128),
      v.metadata({
        unit: "–",
        accepts: "list (at most 128) of prefixes such as 10.0.0.5/32",
        docs: "Peers that stay reachable in quarantine (not with airgap), besides the metadata service and DHCP.",
      }),
    ),
    () => [],
  ),
  evidence_max_bytes: integer({
    unit: "bytes",
    initial: 16_777_216,
    min: 65_536,
    max: 1_073_741_824,
    docs: "Bound of one bundle of evidence, written beside the audit.",
  }),
  evidence_keep: integer({ unit: "bundles", initial: 4, min: 1, max: 99, docs: "Bundles of evidence kept." }),
  evidence_deadline_s: number({
    unit: "s",
    initial: 10,
    min: 0.1,
    max: 300,
    docs: "The network is isolated after this even if the disk has not taken the evidence.",
  }),
  taint_deadline_s: number({
    unit: "s",
    initial: 15,
    min: 0.1,
    max: 300,
    docs: "Time for the API server to take the taint, retries included.",
  }),
  watchdog: text({
    initial: "",
    pattern: /^(\/[^\0]*)?$/,
    accepts: "device such as /dev/watchdog, or empty",
    docs: "Hardware watchdog of an edge_remote node; opened on entering quarantine, and never when empty. The unit allows /dev/watchdog alone: any other takes a drop-in with DeviceAllow=.",
  }),
  watchdog_min: number({
    unit: "min",
    initial: 30,
    min: 0.1,
    max: 1440,
    docs: "How long it is fed in quarantine before the node is left to reboot.",
  }),
  conservative_marker: text({
    initial: "/var/lib/hosa/conservative.json",
    pattern: ABSOLUTE,
    accepts: "absolute path on a disk",
    docs: "Tells the agent after the reboot of an edge_remote node to be conservative until `hosa release`.",
  }),
  conservative_level: integer({
    unit: "level",
    initial: 2,
    min: 0,
    max: 4,
    docs: "Highest level of a conservative agent.",
  }),
});
