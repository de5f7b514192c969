import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { read_text } from "../files/regular.ts";
import { distrust_file } from "../files/trust.ts";
import { errno_of, reason_of } from "../model/errno.ts";
import { PAUSE_S_MAX, type Pause } from "../model/pause.ts";
import type { Maybe } from "../model/sample.ts";
import { is_reason } from "../telemetry/control/protocol.ts";

const LIMIT_BYTES = 16_384;
const VERSION = 1;

const WHEN = v.pipe(v.string(), v.maxLength(40), v.isoTimestamp());
const FILE = v.strictObject({
  version: v.literal(VERSION),
  boot_id: v.pipe(v.string(), v.maxLength(64)),
  until_ns: v.pipe(v.number(), v.finite()),
  until: WHEN,
  began: WHEN,
  for_s: v.pipe(v.number(), v.minValue(0), v.maxValue(PAUSE_S_MAX)),
  reason: v.pipe(v.string(), v.check(is_reason, "not one line")),
  by: v.strictObject({ uid: v.number(), pid: v.number() }),
  keeps: v.boolean(),
});

/** The clocks a saved pause is read by. */
export interface Clocks {
  readonly boot_id: string;
  /** CLOCK_MONOTONIC. */
  readonly now_ns: number;
  /** Seconds since 1970. */
  readonly wall_s: number;
}

/** A pause, none, or why the file is of no use. */
export type SavedPause = { readonly pause: Maybe<Pause> } | { readonly refused: string };

export function pause_path(state_dir: string): string {
  return join(state_dir, "pause.json");
}

/**
 * The pause that was saved, if its time is not up. Within one boot the monotonic clock decides, so that a wall clock that is set
 * changes nothing; after a reboot the wall clock does, and a clock that was set back makes no pause longer than it was asked for.
 */
export function read_pause(state_dir: string, clocks: Clocks): SavedPause {
  const path = pause_path(state_dir);
  let saved: v.InferOutput<typeof FILE>;
  try {
    const text = read_text(path, LIMIT_BYTES);
    const why = distrust_file(path);
    if (why !== null) return { refused: `${path} is not used: ${why}` };
    saved = v.parse(FILE, JSON.parse(text));
  } catch (error) {
    if (errno_of(error) === "ENOENT") return { pause: null };
    const damaged = error instanceof SyntaxError || error instanceof v.ValiError;
    return { refused: `${path} cannot be used: ${damaged ? "it is damaged" : reason_of(error)}` };
  }
  const { version: _, boot_id, ...pause } = saved;
  const same_boot = boot_id === clocks.boot_id;
  const left_s = same_boot ? (pause.until_ns - clocks.now_ns) / 1e9 : Date.parse(pause.until) / 1000 - clocks.wall_s;
  const bounded_s = Math.min(left_s, pause.for_s);
  if (!(bounded_s > 0)) return { pause: null };
  return { pause: { ...pause, until_ns: clocks.now_ns + bounded_s * 1e9 } };
}

let sequence = 0;

/** Written beside, synced and renamed: a crash leaves the one before or this one. Throws what the file system says. */
export async function write_pause(state_dir: string, boot_id: string, pause: Pause): Promise<void> {
  const path = pause_path(state_dir);
  sequence += 1;
  const draft = `${path}.${process.pid}.${sequence}`;
  await mkdir(state_dir, { recursive: true, mode: 0o750 });
  try {
    const text = JSON.stringify({ version: VERSION, boot_id, ...pause });
    await writeFile(draft, text, { mode: 0o640, flag: "wx", flush: true });
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw error;
  }
}

export async function remove_pause(state_dir: string): Promise<void> {
  await rm(pause_path(state_dir), { force: true });
}
