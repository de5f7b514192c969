import * as v from "valibot";
import { parse_prefix } from "../model/prefix.ts";
import { flag, number, texts } from "./field.ts";

export const PORT = {
  pattern: /^(tcp|udp)\/([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])$/,
  accepts: "own ports such as tcp/8080",
} as const;

/** What the network shield of levels 3 and 4 keeps open (docs/SHIELD.md). */
export const SHIELD = v.strictObject({
  interfaces: texts({
    pattern: /^[^\s/]{1,15}$/,
    accepts: "interface names, or auto",
    initial: ["auto"],
    docs: "Interfaces the shield may be put on; auto: those of the default routes. An empty list switches it off.",
  }),
  admit_share: number({
    unit: "fraction",
    initial: 0.5,
    min: 0.01,
    max: 1,
    docs: "Part of the new flows that level 3 admits at first; heavy sources lose first, established flows nothing.",
  }),
  healthcheck_ports: texts({ ...PORT, docs: "Stay open to everybody at levels 3 and 4, so that checks go on." }),
  management_ports: texts({
    ...PORT,
    initial: ["tcp/22"],
    docs: "Stay open to everybody at levels 3 and 4, besides the ports found in use by sshd, kubelet and the operator's session.",
  }),
  allow: v.optional(
    v.pipe(
      v.array(
        v.pipe(
          v.string(),
          v.check((text) => parse_prefix(text) !== null, "not a prefix"),
        ),
      ),
      v.maxLength(256),
      v.metadata({
        unit: "–",
        accepts: "list (at most 256) of prefixes such as 10.0.0.0/8 or 2001:db8::/32",
        docs: "Peers from whom everything is admitted at levels 3 and 4.",
      }),
    ),
    () => [],
  ),
  ping: flag({ initial: true, docs: "Answer echo requests at level 4 (a bounded number per source)." }),
});
