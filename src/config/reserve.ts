import * as v from "valibot";
import { integer, text } from "./field.ts";

/** The section `reserve`: disk that may hold what a governed cgroup pushes out (docs/CONTAINMENT.md). */
export const RESERVE = v.strictObject({
  path: text({
    initial: "",
    pattern: /^(\/[^\0]*[^/\0])?$/,
    accepts: "absolute path of a file, or empty",
    docs: "Swap file set aside for containment, made at the start and on only while needed; empty: there is none.",
  }),
  size_bytes: integer({
    unit: "bytes",
    initial: 4_294_967_296,
    min: 67_108_864,
    max: 1_099_511_627_776,
    docs: "Its size: at the leak's own pace, how long the service may go on.",
  }),
  margin_bytes: integer({
    unit: "bytes",
    initial: 1_073_741_824,
    min: 0,
    max: 1_099_511_627_776,
    docs: "What must stay free on its file system when it is made.",
  }),
});
