import { existsSync, mkdirSync, readdirSync, rmdirSync, statfsSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { KernelError } from "../../ffi/errors.ts";
import { detach_pinned_link } from "../../ffi/xdp.ts";
import { distrust_directory } from "../../files/trust.ts";
import { FileTrouble } from "../trouble.ts";

/** Where a shield that outlives the agent has its names. */
export const PINS = "/sys/fs/bpf/hosa";

const BPF_FS_MAGIC = 0xcafe4a11;
/** Interfaces by index: bpffs takes no name with a dot in it, and VLANs have one. */
const LINK = /^link_\d+$/;

export const link_pin = (directory: string, index: number): string => join(directory, `link_${index}`);

/** Why nothing can be pinned below the directory; null when it can. */
export function why_not_pinnable(directory: string): string | null {
  const parent = dirname(directory);
  if (existsSync(parent) && statfsSync(parent).type === BPF_FS_MAGIC) return null;
  return `${parent} is no bpffs; mount it: mount -t bpf bpf ${parent}`;
}

export function are_there_pins(directory: string): boolean {
  return existsSync(directory) && readdirSync(directory).length > 0;
}

/** Throws FileTrouble. */
export function make_pins(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if (code_of(error) !== "EEXIST") throw new FileTrouble("make", directory, code_of(error));
  }
  // bpffs is often mounted so that everybody may make a directory there.
  const why = distrust_directory(directory);
  if (why !== null) throw new FileTrouble("pin below", directory, why);
}

/**
 * Takes every pinned link off its interface, then removes the names. Names the links that were taken off. Throws FileTrouble:
 * then what is left of the pins is as it was.
 */
export function remove_pins(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  const names = readdirSync(directory);
  const links = names.filter((name) => LINK.test(name));
  // First the links: an interface must never be left with a shield whose name is already gone.
  for (const name of [...links, ...names.filter((each) => !LINK.test(each))]) {
    const path = join(directory, name);
    try {
      if (LINK.test(name)) detach_pinned_link(path);
      unlinkSync(path);
    } catch (error) {
      if (error instanceof KernelError) throw new FileTrouble(error.operation, path, error.errno);
      throw new FileTrouble("remove", path, code_of(error));
    }
  }
  try {
    rmdirSync(directory);
  } catch (error) {
    throw new FileTrouble("remove", directory, code_of(error));
  }
  return links;
}

function code_of(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
