import { readFileSync, readlinkSync } from "node:fs";
import { enter_cgroup_namespace } from "../ffi/cgroup_namespace.ts";
import { KernelError } from "../ffi/errors.ts";
import type { Maybe } from "../model/sample.ts";

/** The kernel's own number of the first cgroup namespace (PROC_CGROUP_INIT_INO). */
const FIRST_NAMESPACE = "cgroup:[4026531835]";
/** … and of the first namespace of processes (PROC_PID_INIT_INO). */
const FIRST_PID_NAMESPACE = "pid:[4026531836]";
export const ONLY_ITSELF =
  "this container has its own processes and its own cgroups: of the node's cgroups it sees those below its own";

/** Path of this process in the cgroup v2 hierarchy, as far as its cgroup namespace shows it; "/" for the root. */
export function own_cgroup_path(): string {
  const line = readFileSync("/proc/self/cgroup", "latin1")
    .split("\n")
    .find((each) => each.startsWith("0::"));
  return line?.slice(3) ?? "/";
}

/**
 * In a container with a cgroup namespace of its own every path is told from the container's cgroup on: the agent would take itself
 * for the root and its neighbours for nobody. Where the processes of the node are seen, this thread moves into the namespace of
 * the first of them. Returns why the node cannot be seen; null when it is.
 */
export function see_whole_node(first_pid = 1): Maybe<string> {
  const own = namespace_of("thread-self");
  if (own === null || own === FIRST_NAMESPACE) return null;
  if (own === namespace_of(first_pid)) return sees_host() ? null : ONLY_ITSELF;
  try {
    enter_cgroup_namespace(first_pid);
    return null;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return `this container has a cgroup namespace of its own, and that of process ${first_pid} cannot be entered: ${error.message}`;
  }
}

function sees_host(): boolean {
  return namespace_of("thread-self", "pid") === FIRST_PID_NAMESPACE;
}

/** Null where it cannot be read: there is no such process, or it may not be looked at. */
function namespace_of(process: number | "thread-self", kind: "cgroup" | "pid" = "cgroup"): Maybe<string> {
  try {
    return readlinkSync(`/proc/${process}/ns/${kind}`);
  } catch {
    return null;
  }
}
