import type { CgroupFiles } from "./files.ts";
import { FREEZE_CHILD, give_back } from "./rungs/freeze_child.ts";
import type { Undone } from "./undo.ts";

/** Thaws the processes of a unit, gives them back to its cgroup and removes the child they were frozen in. */
export function undo_child(home: string, files: CgroupFiles): Undone {
  const { moved, removed } = give_back(files, home);
  const found = String(moved);
  if (!removed) {
    const detail = `thawed; ${FREEZE_CHILD} is still busy (a process is leaving it), its removal is tried again`;
    return { status: "pending", found, written: null, detail };
  }
  const detail = `thawed, ${moved} process(es) returned, ${FREEZE_CHILD} removed`;
  return { status: "done", found, written: "0", detail };
}
