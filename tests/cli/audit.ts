import { join } from "node:path";
import { AuditWriter } from "../../src/audit/index.ts";
import type { AuditEntry } from "../../src/model/audit.ts";

/** An audit with these entries; returns its path. */
export async function audit_of(directory: string, entries: readonly AuditEntry[]): Promise<string> {
  const path = join(directory, "audit.jsonl");
  const writer = new AuditWriter({ path, max_bytes: 1e7, keep: 1, wall_time: () => "2026-01-02T03:04:05.000Z" });
  for (const entry of entries) writer.append(entry);
  await writer.close();
  return path;
}
