import { createWriteStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Assessment } from "../model/assessment.ts";
import { FLIGHT_VERSION, type FlightHeader, type FlightLine } from "../model/flight.ts";
import type { FlightBeat } from "./flight_ring.ts";

const NAME = /^flight-.*\.jsonl\.gz$/;
const UNFINISHED = ".new";
/** Lines put into words at a time: a few hundred microseconds. */
const LINES_AT_ONCE = 20;

/** What the header says of the node. */
export type FlightOrigin = Pick<FlightHeader, "node" | "kernel" | "hosa_version" | "config">;

/**
 * Writes beats beside `path` and renames, so that a reader never meets half a flight. `leisure` is awaited before every
 * twenty lines; compression runs on the pool's threads. Rejects with what the file system says.
 */
export async function write_flight(
  path: string,
  beats: readonly FlightBeat[],
  origin: FlightOrigin,
  wall_time: string,
  leisure: () => Promise<void>,
): Promise<void> {
  const unfinished = `${path}${UNFINISHED}`;
  await mkdir(dirname(path), { recursive: true, mode: 0o750 });
  try {
    // What a crash left, or another user put there, is removed: written is only what is new.
    await rm(unfinished, { force: true });
    const file = createWriteStream(unfinished, { mode: 0o640, flags: "wx" });
    await pipeline(rendered(beats, origin, wall_time, leisure), createGzip(), file);
    const handle = await open(unfinished, "r");
    try {
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(unfinished, path);
  } catch (error) {
    await unlink(unfinished).catch(() => {});
    throw error;
  }
}

/** Removes the oldest flights beyond `keep` but for the one just written, and what a crash left unfinished. Names sort by wall time. */
export async function prune_flights(directory: string, keep: number, written: string): Promise<void> {
  const names = await readdir(directory);
  const others = names.filter((name) => NAME.test(name) && name !== basename(written)).sort();
  const unfinished = names.filter((name) => name.endsWith(UNFINISHED) && NAME.test(name.slice(0, -UNFINISHED.length)));
  for (const name of [...others.slice(0, Math.max(0, others.length - (keep - 1))), ...unfinished]) {
    await unlink(join(directory, name));
  }
}

async function* rendered(
  beats: readonly FlightBeat[],
  origin: FlightOrigin,
  wall_time: string,
  leisure: () => Promise<void>,
): AsyncGenerator<string> {
  const { node, kernel, hosa_version, config } = origin;
  const first = beats[0];
  const dimensions = first?.assessment.dimension_names ?? [];
  const head = {
    flight: FLIGHT_VERSION,
    node,
    kernel,
    hosa_version,
    wall_time,
    beats: beats.length,
    dimensions,
  } as const;
  const header: FlightHeader = { ...head, config, state: first?.state };
  yield `${JSON.stringify(header)}\n`;
  let told: Assessment["attribution"];
  for (let k = 0; k < beats.length; k += LINES_AT_ONCE) {
    await leisure();
    let text = "";
    for (const { assessment, decision } of beats.slice(k, k + LINES_AT_ONCE)) {
      const { dimension_names: _, attribution, ...rest } = assessment;
      // Found once, it is told with many beats; nothing is decided by it.
      const news = attribution !== undefined && attribution !== told ? { attribution } : {};
      told = attribution;
      const line: FlightLine = { assessment: { ...rest, ...news }, decision };
      text += `${JSON.stringify(line)}\n`;
    }
    yield text;
  }
}
