/** Part of an ancestor's figure that one descendant must carry to stand for it. */
const EXPLAINED = 0.7;

/** A cgroup's figures contain those of its children: leave out those that a listed descendant explains. */
export function without_explained_ancestors<T extends { readonly path: string }>(
  items: readonly T[],
  figure: (item: T) => number,
): T[] {
  return items.filter(
    (item) => !items.some((other) => is_below(other.path, item.path) && figure(other) >= EXPLAINED * figure(item)),
  );
}

function is_below(path: string, ancestor: string): boolean {
  if (path === ancestor) return false;
  return ancestor === "/" || path.startsWith(`${ancestor}/`);
}
