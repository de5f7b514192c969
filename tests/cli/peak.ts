/** Preloaded into a command: says on standard error, at its end, how many bytes of memory it held at most. */

import { readFileSync } from "node:fs";

process.on("exit", () => {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1];
  process.stderr.write(`peak ${Number(kib) * 1024}\n`);
});
