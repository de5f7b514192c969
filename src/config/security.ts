import * as v from "valibot";
import { flag } from "./field.ts";

/** The section `security`: what the agent may still do once it runs. */
export const SECURITY = v.strictObject({
  drop_capabilities: flag({
    initial: true,
    docs: "Give up every capability that only loading and attaching needs, once the first beat is due (`hosa doctor` lists what is kept).",
  }),
});
