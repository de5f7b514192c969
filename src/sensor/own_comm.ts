import { readFileSync } from "node:fs";

/** Name of this program as the kernel has it: the agent and the commands that ask it bear the same. Empty where it cannot be read. */
export function own_comm(): string {
  try {
    return readFileSync("/proc/self/comm", "utf8").trimEnd();
  } catch {
    return "";
  }
}
