/** One line of /proc/swaps. */
export interface SwapArea {
  readonly path: string;
  readonly size_bytes: number;
  readonly used_bytes: number;
  readonly priority: number;
}

/** Swap areas that are on (proc_swaps(5)); what does not look like a line of one is left out. */
export function parse_swaps(text: string): readonly SwapArea[] {
  return text
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [name, , size, used, priority] = line.trim().split(/\s+/);
      if (name === undefined || priority === undefined) return [];
      const area = {
        path: unescaped(name),
        size_bytes: Number(size) * 1024,
        used_bytes: Number(used) * 1024,
        priority: Number(priority),
      };
      return Number.isFinite(area.size_bytes) && Number.isFinite(area.used_bytes) ? [area] : [];
    });
}

/** How the kernel marks the name of a file that was removed while it is on. */
const REMOVED = " (deleted)";

/** The area on this file, also when the file was removed meanwhile. */
export function area_at(areas: readonly SwapArea[], path: string): SwapArea | undefined {
  return areas.find((area) => area.path === path || area.path === `${path}${REMOVED}`);
}

export function is_removed({ path }: SwapArea): boolean {
  return path.endsWith(REMOVED);
}

/** Blanks and backslashes of a path are written as \040. */
function unescaped(name: string): string {
  return name.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
