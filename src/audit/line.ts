import { createHash } from "node:crypto";
import type { AuditRecord } from "../model/audit.ts";

export const GENESIS = "0".repeat(64);
/** A longer line is never written, so a reader needs no more memory than this for one. */
export const MAX_LINE_BYTES = 1_048_576;

const MARK = ',"hash":"';
const TAIL_BYTES = MARK.length + 64 + '"}'.length;

export function sha256_hex(bytes: string | Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * One line without its newline. `body` is the JSON object text of the entry and its envelope but for `prev` and `hash`:
 * the former can only be known when the line before has been written.
 */
export function seal(body: string, prev: string): { readonly line: string; readonly hash: string } {
  const sealed = `${body.slice(0, -1)},"prev":"${prev}"`;
  const hash = sha256_hex(sealed);
  return { line: `${sealed}${MARK}${hash}"}`, hash };
}

/** The record of a line, or what is wrong with it. Works on bytes, so an edit that decodes to the same text still shows. */
export function unseal(line: Uint8Array): AuditRecord | string {
  if (line.length <= TAIL_BYTES) return "too short to be a record";
  const split = line.length - TAIL_BYTES;
  const tail = new TextDecoder("latin1").decode(line.subarray(split));
  if (!tail.startsWith(MARK) || !tail.endsWith('"}')) return "does not end with a hash";
  const stated = tail.slice(MARK.length, -2);
  const actual = sha256_hex(line.subarray(0, split));
  if (stated !== actual)
    return `hash does not match its content (stated ${stated.slice(0, 8)}…, computed ${actual.slice(0, 8)}…)`;
  try {
    return JSON.parse(new TextDecoder().decode(line)) as AuditRecord;
  } catch {
    return "is not JSON";
  }
}
