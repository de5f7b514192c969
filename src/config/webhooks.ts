import * as v from "valibot";
import { choice, integer, number, text } from "./field.ts";

const WEBHOOKS_MAX = 8;

/** One entry of the list `webhooks`. */
export const WEBHOOK = v.strictObject({
  url: v.pipe(v.string(), v.maxLength(4096), v.url(), v.regex(/^https?:\/\/[^\s]+$/)),
  secret: text({ initial: "", pattern: /^[^\0\r\n]*$/, accepts: "one line, or empty", docs: "Key of the signature." }),
  /** The environment is not asked: a variable of another user must not lead what is told elsewhere. */
  proxy: v.optional(v.pipe(v.string(), v.maxLength(4096), v.url(), v.regex(/^https?:\/\/[^\s]+$/))),
  template: choice(["generic", "slack", "alertmanager"], { initial: "generic", docs: "Shape of the body." }),
  min_level: integer({ unit: "level", initial: 2, min: 1, max: 5, docs: "Told from this level up." }),
  timeout_s: number({ unit: "s", initial: 5, min: 0.1, max: 60, docs: "Deadline of one attempt." }),
});

/** The list `webhooks`: who is told of an episode. */
export const WEBHOOKS = v.optional(
  v.pipe(
    v.array(WEBHOOK),
    v.maxLength(WEBHOOKS_MAX),
    v.metadata({
      unit: "–",
      accepts:
        `list (at most ${WEBHOOKS_MAX}) of {url: http(s) address, proxy: http(s) address (none), secret: text (""), template: generic | slack | ` +
        "alertmanager (generic), min_level: 1..5 (2), timeout_s: 0.1..60 (5)}",
      docs: "Told when an episode begins, rises, is acted on and is over; with a secret each body is signed (HMAC-SHA256).",
    }),
  ),
  () => [],
);
