import { readFileSync } from "node:fs";

const AT_PAGESZ = 6n;
const USUAL_PAGE_BYTES = 4096;

/** The kernel's page size from the auxiliary vector it gave this process; 4096 where that cannot be read. */
export function page_size_bytes(auxv_path = "/proc/self/auxv"): number {
  try {
    const bytes = readFileSync(auxv_path);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + 16 <= bytes.byteLength; at += 16) {
      if (view.getBigUint64(at, true) === AT_PAGESZ) return Number(view.getBigUint64(at + 8, true));
    }
  } catch {
    // Without /proc the usual size stands.
  }
  return USUAL_PAGE_BYTES;
}
