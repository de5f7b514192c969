/** Run by all_threads.test.ts in a process of its own: gives capabilities up, then says what each thread has. */
import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { drop_capabilities } from "../../src/ffi/all_threads.ts";

function threads(): { name: string; permitted: string; effective: string; no_new_privs: string }[] {
  return readdirSync("/proc/self/task").map((tid) => {
    const status = readFileSync(`/proc/self/task/${tid}/status`, "latin1");
    const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1] ?? "";
    return {
      name: field("Name"),
      permitted: field("CapPrm"),
      effective: field("CapEff"),
      no_new_privs: field("NoNewPrivs"),
    };
  });
}

const kept = BigInt(process.argv[2]!);
// Work on the pool before, so that threads exist which did not inherit the smaller set.
await Promise.all(Array.from({ length: 8 }, () => writeFile("/dev/null", "x")));
const before = threads().length;
const beyond = drop_capabilities(kept);
const again = drop_capabilities(kept);
await Promise.all(Array.from({ length: 16 }, () => writeFile("/dev/null", "x")));
const executed = Bun.spawnSync(["cat", "/proc/self/status"]).stdout.toString();
console.log(
  JSON.stringify({ before, beyond, again, threads: threads(), executed: /^CapPrm:\s*(.*)$/m.exec(executed)?.[1] }),
);
