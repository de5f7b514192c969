import type { AuditEntry } from "../model/audit.ts";
import { story } from "./story.ts";

/** A decision with what is told of it, as it goes into the record; any other entry as it is. */
export function narrated(entry: AuditEntry): AuditEntry {
  if (entry.kind !== "transition" && entry.kind !== "action" && entry.kind !== "episode") return entry;
  const { input, decision } = entry;
  if (input === undefined || decision === undefined) return entry;
  return { ...entry, story: story({ assessment: input.assessment, decision }) };
}
