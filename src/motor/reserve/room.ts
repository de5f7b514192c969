import type { Maybe } from "../../model/sample.ts";
import type { CgroupFiles } from "../files.ts";
import { directory_of } from "../locate.ts";
import { FileTrouble } from "../trouble.ts";
import type { SwapPort } from "./port.ts";
import { is_removed, type SwapArea } from "./swaps.ts";

/** What lies in swap may fill this part of the memory that is available, no more: the node must not run out by an undo. */
const AVAILABLE_PART = 0.8;
const VISITED_MAX = 4096;
const NAMED_MAX = 3;

interface Swapped {
  readonly path: string;
  readonly swap_bytes: number;
  /** What it would lack below its own limit if all of that came back. */
  readonly lacks_bytes: number;
}

/**
 * Why the area cannot be switched off now; null when what lies in it fits back, into the node and below the limit of each cgroup:
 * swapoff(2) charges every page to its owner, and an owner without room would be killed for it.
 */
export function why_it_stays(port: SwapPort, area: SwapArea, files: CgroupFiles, mount: string): Maybe<string> {
  if (is_removed(area)) return "its file was removed meanwhile, and without it only a reboot switches it off";
  if (area.used_bytes === 0) return null;
  const owners = swapped(files, mount);
  if (owners === null)
    return `more than ${VISITED_MAX} cgroups would have to be looked at for room; free its ${size(area.used_bytes)} by restarting what lies in it`;
  const tight = owners.find((owner) => owner.lacks_bytes > 0);
  const fits = area.used_bytes <= AVAILABLE_PART * port.available_bytes();
  if (fits && tight === undefined) return null;
  const whose = owners.slice(0, NAMED_MAX).map((owner) => `${owner.path} ${size(owner.swap_bytes)}`);
  const of = whose.length === 0 ? "" : `, of ${whose.join(", ")}`;
  const why = tight === undefined ? "the node has no room for it" : `${tight.path} has no room for it below its limit`;
  const whom = tight?.path ?? owners[0]?.path;
  return `${size(area.used_bytes)} lie in it${of}; ${why}: restart ${whom ?? "whose it is"}, then it goes by itself`;
}

/** The outermost cgroups below the root that have something in swap, most first; null: there are more than are looked at. */
function swapped(files: CgroupFiles, mount: string): Maybe<readonly Swapped[]> {
  const found: Swapped[] = [];
  const queue = ["/"];
  for (let visited = 0; visited < queue.length; visited++) {
    if (visited >= VISITED_MAX) return null;
    const here = queue[visited]!;
    const own = here === "/" ? null : swapped_in(files, directory_of(mount, here), here);
    if (own !== null && own.swap_bytes === 0) continue;
    if (own !== null) found.push(own);
    for (const name of children(files, directory_of(mount, here)))
      queue.push(here === "/" ? `/${name}` : `${here}/${name}`);
  }
  return found.sort((a, b) => b.swap_bytes - a.swap_bytes);
}

/** Null: it has no memory controller, or has gone. */
function swapped_in(files: CgroupFiles, directory: string, path: string): Maybe<Swapped> {
  const bytes = (name: string) => Number(files.read(`${directory}/${name}`).trim().replace("max", "Infinity"));
  try {
    const swap_bytes = bytes("memory.swap.current");
    const lacks_bytes = swap_bytes === 0 ? 0 : swap_bytes + bytes("memory.current") - bytes("memory.max");
    return { path, swap_bytes, lacks_bytes };
  } catch (error) {
    if (error instanceof FileTrouble) return null;
    throw error;
  }
}

function children(files: CgroupFiles, directory: string): readonly string[] {
  try {
    return files.directories(directory);
  } catch (error) {
    if (error instanceof FileTrouble) return [];
    throw error;
  }
}

export function size(bytes: number): string {
  const mib = bytes / 1048576;
  return mib >= 1024 ? `${(mib / 1024).toFixed(1)} GiB` : `${mib.toFixed(mib >= 10 ? 0 : 1)} MiB`;
}
