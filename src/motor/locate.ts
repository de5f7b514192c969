import type { Maybe } from "../model/sample.ts";
import type { CgroupFiles } from "./files.ts";
import { FileTrouble } from "./trouble.ts";

const DIRECTORIES_MAX = 8192;

/** Absolute directory of a cgroup path below the mount. */
export function directory_of(mount: string, path: string): string {
  return path === "/" ? mount : `${mount}${path}`;
}

/** Null where there is no such directory. */
export function inode_or_null(files: CgroupFiles, directory: string): Maybe<number> {
  try {
    return files.inode(directory);
  } catch (error) {
    if (error instanceof FileTrouble && error.vanished) return null;
    throw error;
  }
}

function children_of(files: CgroupFiles, directory: string): readonly string[] {
  try {
    return files.directories(directory);
  } catch (error) {
    if (error instanceof FileTrouble && error.vanished) return [];
    throw error;
  }
}

/**
 * Path of the cgroup with this id, starting with "/"; null when it is gone. The recorded path is tried first; else the tree is
 * walked, at most 8192 directories. A cgroup of the same name with another id is not ours.
 * @throws FileTrouble when the walk ended at its bound: whether the cgroup is gone is then not known
 */
export function locate(files: CgroupFiles, mount: string, id: number, path: string): Maybe<string> {
  if (inode_or_null(files, directory_of(mount, path)) === id) return path;
  const queue = ["/"];
  for (let visited = 0; visited < queue.length && visited < DIRECTORIES_MAX; visited += 1) {
    const here = queue[visited]!;
    const directory = directory_of(mount, here);
    if (inode_or_null(files, directory) === id) return here;
    for (const name of children_of(files, directory)) queue.push(here === "/" ? `/${name}` : `${here}/${name}`);
  }
  if (queue.length <= DIRECTORIES_MAX) return null;
  const hint = `it is not at ${path}, and not among the first ${DIRECTORIES_MAX} cgroups below ${mount}`;
  throw new FileTrouble("find", `cgroup ${id}`, "E2BIG", hint);
}

/** First cgroup below `path` (itself excluded) for which `test` gives a reason; null when none; bounded. */
export function first_below(
  files: CgroupFiles,
  mount: string,
  path: string,
  test: (id: number, path: string) => Maybe<string>,
): Maybe<string> {
  const queue = [path];
  for (let visited = 0; visited < queue.length; visited += 1) {
    if (queue.length > DIRECTORIES_MAX) return `more than ${DIRECTORIES_MAX} cgroups lie below ${path}`;
    const here = queue[visited]!;
    const directory = directory_of(mount, here);
    if (visited > 0) {
      const id = inode_or_null(files, directory);
      const reason = id === null ? null : test(id, here);
      if (reason !== null) return `${here}: ${reason}`;
    }
    for (const name of children_of(files, directory)) queue.push(here === "/" ? `/${name}` : `${here}/${name}`);
  }
  return null;
}
