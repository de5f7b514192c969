export { type EvidencePart, tail_of_file, whole_bundle, write_evidence } from "./evidence.ts";
export { FlightRecorder } from "./flight.ts";
export { FlightRing, type SpentBeat } from "./flight_ring.ts";
export { type AuditItem, audit_files, read_audit } from "./reader.ts";
export { type AuditOptions, AuditWriter } from "./writer.ts";
