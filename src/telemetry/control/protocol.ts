import * as v from "valibot";
import { CONTROL_VERSION } from "../../model/control.ts";

/** Why a request was refused: the last four end the connection. */
export type RefusalCode = "unknown" | "failed" | "bad_request" | "too_long" | "one_at_a_time" | "denied" | "busy";

export const REASON_CHARS_MAX = 200;

/** One line, for people: nothing in it may move a cursor or begin another line. */
const ONE_LINE = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u;

const name = v.pipe(v.string(), v.minLength(1), v.maxLength(4096), v.regex(ONE_LINE));
const select = v.union([
  v.strictObject({ all: v.literal(true) }),
  v.strictObject({ id: name }),
  v.strictObject({ target: name }),
  v.strictObject({ quarantine: v.literal(true) }),
]);
const reason = v.optional(v.pipe(v.string(), v.maxLength(REASON_CHARS_MAX), v.regex(ONE_LINE)), "");
const version = v.literal(CONTROL_VERSION);

const REQUEST = v.variant("op", [
  v.strictObject({ v: version, op: v.literal("status") }),
  /** Writes what the audit still has to write, and says where. */
  v.strictObject({ v: version, op: v.literal("audit") }),
  v.strictObject({ v: version, op: v.literal("release"), select, reason, dry_run: v.optional(v.boolean(), false) }),
  /** Every beat from now on, or one per interval and every eventful one. */
  v.strictObject({
    v: version,
    op: v.literal("watch"),
    every_ms: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(86_400_000)), 0),
  }),
]);

export type Request = v.InferOutput<typeof REQUEST>;
export type ReleaseRequest = Extract<Request, { op: "release" }>;

/** Whether a reason may stand in the audit: one line, at most 200 characters. */
export function is_reason(text: string): boolean {
  return v.safeParse(reason, text).success;
}

/** The request of one line, or what is wrong with it. Never throws, whatever the bytes are. */
export function parse_request(line: Uint8Array): Request | { readonly wrong: string } {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(line));
  } catch {
    return { wrong: "not a line of JSON in UTF-8" };
  }
  const asked = typeof value === "object" && value !== null && "v" in value ? value.v : undefined;
  if (asked !== undefined && asked !== CONTROL_VERSION) {
    return { wrong: `version ${String(asked).slice(0, 20)} is not spoken here, version ${CONTROL_VERSION} is` };
  }
  const result = v.safeParse(REQUEST, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const at = v.getDotPath(issue);
  return { wrong: `${at ?? "the request"}: not accepted by version ${CONTROL_VERSION} of this protocol`.slice(0, 300) };
}

/** One line for a client: a reply that something was done, with what there is to say. */
export function reply_line(content: object): string {
  return `${JSON.stringify({ v: CONTROL_VERSION, ok: true, ...content })}\n`;
}

export function refusal_line(code: RefusalCode, error: string): string {
  return `${JSON.stringify({ v: CONTROL_VERSION, ok: false, code, error })}\n`;
}

/** A beat, for whoever watches. */
export function beat_line(beat: object): string {
  return `{"v":${CONTROL_VERSION},"beat":${JSON.stringify(beat)}}\n`;
}

/** The last line of a connection that the agent closes by itself. */
export function end_line(reason: string): string {
  return `${JSON.stringify({ v: CONTROL_VERSION, end: reason })}\n`;
}
