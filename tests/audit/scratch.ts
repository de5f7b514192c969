import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AuditItem, type AuditOptions, AuditWriter, read_audit } from "../../src/audit/index.ts";
import type { AuditEntry } from "../../src/model/audit.ts";

export async function with_directory<T>(body: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "hosa-audit-"));
  try {
    return await body(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export function open_writer(directory: string, options: Partial<AuditOptions> = {}): AuditWriter {
  return new AuditWriter({
    path: join(directory, "audit.jsonl"),
    max_bytes: 1_048_576,
    keep: 2,
    wall_time: () => "2026-01-02T03:04:05.000Z",
    ...options,
  });
}

export function note(text: string, t_ns = 1): AuditEntry {
  return { kind: "note", t_ns, text };
}

export async function items_of(path: string): Promise<AuditItem[]> {
  return await Array.fromAsync(read_audit(path));
}

export function problems_of(items: readonly AuditItem[]): string[] {
  return items.flatMap((item) => (item.type === "problem" ? [`${item.line}: ${item.problem}`] : []));
}

export function texts_of(items: readonly AuditItem[]): string[] {
  return items.flatMap((item) => (item.type === "record" && item.record.kind === "note" ? [item.record.text] : []));
}
