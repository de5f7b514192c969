import { createHash } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { mkdir, open, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { reason_of } from "../model/errno.ts";

/** One file of a bundle. Rejecting is no failure of the bundle: the manifest says why the part is missing. */
export type EvidencePart =
  | {
      readonly name: string;
      readonly content: () => Promise<Uint8Array | string>;
      /** Which end matters, when it does not fit into the bound: the rest is cut, and said to be. */
      readonly keep: "first" | "last";
    }
  /** Written to the path by itself, because it is bounded and does not fit into memory twice. */
  | { readonly name: string; readonly write: (path: string) => Promise<void> };

export interface EvidenceOptions {
  /** Directory the bundles lie in: beside the audit. */
  readonly directory: string;
  /** ISO 8601; names the bundle. */
  readonly wall_time: string;
  /** Bound of one bundle; each part may use what the parts before it have left. */
  readonly max_bytes: number;
  /** Bundles kept, this one among them. */
  readonly keep: number;
  readonly parts: readonly EvidencePart[];
}

/** What was written. */
export interface EvidenceBundle {
  readonly directory: string;
  readonly bytes: number;
  readonly files: readonly string[];
  /** `name: why`. */
  readonly missing: readonly string[];
}

const PREFIX = "quarantine-";
const MANIFEST = "manifest.json";

/**
 * Writes a bundle of evidence: a directory with one file for each part, each synced, and a manifest with their digests that is written
 * last, so that its presence says that the bundle is whole. Rejects with what the file system says when nothing can be written.
 */
export async function write_evidence(options: EvidenceOptions): Promise<EvidenceBundle> {
  const directory = join(options.directory, name_at(options.wall_time));
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const files: ({ name: string } & WrittenPart)[] = [];
  const missing: string[] = [];
  let left = options.max_bytes;
  for (const part of options.parts) {
    try {
      const written = await write_part(directory, part, left);
      left = Math.max(0, left - written.bytes);
      files.push({ name: part.name, ...written });
    } catch (error) {
      missing.push(`${part.name}: ${reason_of(error)}`);
    }
  }
  if (files.length === 0) throw new Error(`no evidence could be written to ${directory}: ${missing.join("; ")}`);
  await prune(options.directory, directory, options.keep);
  const manifest = `${JSON.stringify({ wall_time: options.wall_time, files, missing }, null, 2)}\n`;
  await write_synced(join(directory, MANIFEST), Buffer.from(manifest));
  await sync_directory(directory);
  await sync_directory(dirname(directory));
  const names = files.map((file) => file.name);
  return { directory, bytes: options.max_bytes - left, files: names, missing };
}

interface WrittenPart {
  readonly bytes: number;
  readonly sha256: string;
  readonly cut_bytes: number;
}

async function write_part(directory: string, part: EvidencePart, left: number): Promise<WrittenPart> {
  const path = join(directory, part.name);
  if ("write" in part) {
    await part.write(path);
    return { ...(await digest_of(path)), cut_bytes: 0 };
  }
  const content = Buffer.from(await part.content());
  const cut_bytes = Math.max(0, content.length - left);
  const kept = part.keep === "first" ? content.subarray(0, content.length - cut_bytes) : content.subarray(cut_bytes);
  await write_synced(path, kept);
  return { bytes: kept.length, sha256: createHash("sha256").update(kept).digest("hex"), cut_bytes };
}

async function digest_of(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest("hex") };
}

/** The end of a file from a line's beginning on: at most `max_bytes`. */
export async function tail_of_file(path: string, max_bytes: number): Promise<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - max_bytes);
    const buffer = Buffer.alloc(size - from);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
    const read = buffer.subarray(0, bytesRead);
    return from === 0 ? read : read.subarray(read.indexOf(10) + 1);
  } finally {
    await file.close();
  }
}

async function write_synced(path: string, content: Uint8Array): Promise<void> {
  await rm(path, { force: true });
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function sync_directory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** The first bundle of that wall time or later that is whole; null when there is none. */
export async function whole_bundle(directory: string, wall_time: string): Promise<string | null> {
  const from = name_at(wall_time);
  for (const name of (await bundles_in(directory)).filter((each) => each >= from)) {
    const path = join(directory, name);
    if ((await readdir(path)).includes(MANIFEST)) return path;
  }
  return null;
}

/** Names sort by wall time, oldest first; empty where there is no directory yet. */
async function bundles_in(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).filter((name) => name.startsWith(PREFIX)).sort();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

function name_at(wall_time: string): string {
  return `${PREFIX}${wall_time.replaceAll(":", "")}`;
}

/** @param written is kept whatever its name says: a clock that was set back makes it the oldest */
async function prune(directory: string, written: string, keep: number): Promise<void> {
  const others = (await bundles_in(directory)).filter((name) => join(directory, name) !== written);
  for (const name of others.slice(0, Math.max(0, others.length - (keep - 1)))) {
    await rm(join(directory, name), { recursive: true, force: true });
  }
}
