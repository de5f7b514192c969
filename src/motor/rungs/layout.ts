import { counted } from "../../model/counted.ts";
import type { Maybe } from "../../model/sample.ts";
import type { CgroupFiles } from "../files.ts";
import { home_type } from "../undo-hold.ts";

/** Name of the child cgroup that holds one thread. */
export const HOLD_PREFIX = "hosa-hold.";

/** Controllers that work in threaded cgroups; any other one, once enabled for the children, forbids a threaded child. */
const THREADED_CONTROLLERS = new Set(["cpu", "cpuset", "perf_event", "pids"]);

/**
 * Why a cgroup cannot take a threaded child without harm to its manager; null when it can. The kernel itself allows a few more
 * layouts: beside empty domain children a threaded child works too, but turns those into "domain invalid" for whoever made them.
 */
export function hold_refusal(files: CgroupFiles, path: string, directory: string): Maybe<string> {
  const type = home_type(files, directory);
  if (type === "root" || type === "threaded" || type === "domain threaded") return null;
  if (type !== "domain") return `${path} is "${type}": no thread can be moved there`;
  const enabled = files.read(`${directory}/cgroup.subtree_control`).split(/\s+/).filter(Boolean);
  const domain_only = enabled.filter((controller) => !THREADED_CONTROLLERS.has(controller));
  if (domain_only.length > 0) {
    return `${path} hands ${domain_only.join(", ")} down to its children: it cannot have a threaded child`;
  }
  const children = files.directories(directory);
  if (children.length === 0) return null;
  const owner = files.owner_uid(directory) === 0 ? "" : " and is delegated";
  return `${path} has ${counted(children.length, "domain child cgroup")} (${children[0]})${owner}: a threaded child would make them invalid`;
}
