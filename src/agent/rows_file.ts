import { join } from "node:path";
import type { LearnedRows } from "../cortex/opinions/learned_rows.ts";
import { load_saved, save } from "./saved_file.ts";

/** A file of its own, because it is larger than the self, changes more slowly, and may be refused alone. */
const path_in = (directory: string) => join(directory, "opinions.json");

/** The bytes of the numbers as base64, and a checksum over them: a flipped bit would be a number like any other. */
interface Written extends Pick<LearnedRows, "version" | "dimensions" | "row_s"> {
  readonly rows: string;
  readonly odd: string;
  readonly crc32: number;
}

export interface LoadedRows {
  readonly rows: LearnedRows;
  /** Wall time of the saving, s. */
  readonly saved_s: number;
}

/** The rows saved before a restart, or why there are none. Dimensions and numbers are checked by the cortex. */
export function load_rows(directory: string): LoadedRows | { readonly refused: string } {
  const loaded = load_saved(path_in(directory));
  if ("refused" in loaded) return loaded;
  const { saved_s, opinions } = loaded.saved;
  const damaged = { refused: `${path_in(directory)} is damaged` };
  if (typeof saved_s !== "number" || !is_written(opinions)) return damaged;
  const { version, dimensions, row_s } = opinions;
  const bytes = Buffer.from(opinions.rows, "base64");
  const odd = new Uint8Array(Buffer.from(opinions.odd, "base64"));
  if (bytes.length % 4 !== 0 || checksum(bytes, odd) !== opinions.crc32) return damaged;
  // A copy, because a Buffer may begin anywhere in its memory, and numbers may not.
  const rows = new Float32Array(new Uint8Array(bytes).buffer);
  return { rows: { version, dimensions, row_s, rows, odd }, saved_s };
}

/** @param saved_s wall time now, s. Throws what the file system says; the former rows stay then. */
export async function save_rows(directory: string, learned: LearnedRows, saved_s: number): Promise<void> {
  const { version, dimensions, row_s, odd } = learned;
  const bytes = new Uint8Array(learned.rows.buffer, learned.rows.byteOffset, learned.rows.byteLength);
  const numbers = { rows: Buffer.from(bytes).toString("base64"), odd: Buffer.from(odd).toString("base64") };
  const written: Written = { version, dimensions, row_s, ...numbers, crc32: checksum(bytes, odd) };
  await save(path_in(directory), { saved_s, opinions: written });
}

function checksum(rows: Uint8Array, odd: Uint8Array): number {
  return Number(Bun.hash.crc32(odd, Number(Bun.hash.crc32(rows))));
}

function is_written(value: unknown): value is Written {
  if (typeof value !== "object" || value === null) return false;
  const { rows, odd } = value as Partial<Written>;
  return typeof rows === "string" && typeof odd === "string";
}
