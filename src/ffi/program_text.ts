import { readFileSync } from "node:fs";
import { KernelError } from "./errors.ts";
import { drop_pages } from "./libc.ts";

/** An executable mapping of a file nobody writes to: `start-end r-xp offset device inode path`, inode not 0. */
const TEXT = /^([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ [1-9]\d* /;

/**
 * Lets go of the resident code of this process. Starting a runtime touches some 30 MB of it that is never needed again;
 * what runs on comes back from the page cache, 64 KiB at a time. Only unmodified code: data and relocations stay.
 * Call it before memory is locked, and run afterwards what must be resident.
 */
export function drop_program_text(maps_path = "/proc/self/maps"): void {
  for (const line of readFileSync(maps_path, "latin1").split("\n")) {
    const found = TEXT.exec(line);
    if (found === null) continue;
    const start = Number.parseInt(found[1]!, 16);
    try {
      drop_pages(start, Number.parseInt(found[2]!, 16) - start);
    } catch (error) {
      // Locked by somebody else's wish (mlockall before exec): then it stays, which only costs memory.
      if (!(error instanceof KernelError)) throw error;
    }
  }
}
