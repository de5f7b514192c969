export { FlightRecorder } from "./flight.ts";
export { type AuditItem, audit_files, read_audit } from "./reader.ts";
export { type AuditOptions, AuditWriter } from "./writer.ts";
