import * as v from "valibot";
import { flag, integer, number, text } from "./field.ts";

/** The section `control`: the socket of the running agent, and what an operator's release means to it. */
export const CONTROL = v.strictObject({
  enabled: flag({ initial: true, docs: "Offer the control socket that `hosa status`, `release` and `observe` use." }),
  socket: text({
    initial: "",
    pattern: /^(\/[^\0]*)?$/,
    accepts: "absolute path of at most 107 bytes, or empty",
    docs: "The Unix socket of the running agent; empty means hosa.sock in motor.ledger_dir.",
  }),
  group: text({
    initial: "hosa",
    pattern: /^[a-z_][a-z0-9_-]{0,31}\$?$/,
    accepts: "name of a group in /etc/group",
    docs: "Its members may watch and release, as root may; where it does not exist only root may.",
  }),
  max_connections: integer({
    unit: "connections",
    initial: 256,
    min: 32,
    max: 1024,
    docs: "Connections at a time; all but 16 may watch.",
  }),
  release_cooldown_s: number({
    unit: "s",
    initial: 600,
    min: 0,
    max: 86_400,
    docs: "What an operator released is not contained again for so long.",
  }),
  contain_again_when_critical: flag({
    initial: false,
    docs: "true: within that time it is, if it would fail within act.ttf_critical_s.",
  }),
});
