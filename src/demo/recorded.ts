import { readFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import type { DemoEvent } from "../model/demo.ts";
import flight from "./recorded.jsonl.gz" with { type: "file" };

/** A demonstration as it was recorded: what happened when, and the audit of its agent. */
export interface Recorded {
  readonly events: readonly DemoEvent[];
  /** Lines of JSON. */
  readonly audit: string;
}

/** The record that is part of HOSA: a demonstration in a virtual machine of the lab. */
export function recorded_demo(): Recorded {
  return parse_record(readFileSync(flight));
}

/** Throws where the bytes are no record. */
export function parse_record(bytes: Uint8Array): Recorded {
  const lines = gunzipSync(bytes).toString("utf8").trimEnd().split("\n");
  const mark = lines.indexOf(AUDIT_MARK);
  if (mark < 0) throw new Error("a record of a demonstration has no audit");
  const events = lines.slice(0, mark).map((line) => JSON.parse(line) as DemoEvent);
  return { events, audit: `${lines.slice(mark + 1).join("\n")}\n` };
}

const AUDIT_MARK = "audit";

export function write_record({ events, audit }: Recorded): Uint8Array {
  const lines = events.map((event) => `${JSON.stringify(event)}\n`).join("");
  return gzipSync(`${lines}${AUDIT_MARK}\n${audit}`, { level: 9 });
}
