import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Expected } from "./check.ts";
import { family, threads_of } from "./processes.ts";

/** How large the provocations are: bounded, for they run on whatever node this is. */
export interface Sizes {
  readonly vm_mib: number;
  readonly leak_mib: number;
  readonly leak_mib_per_s: number;
  readonly dd_mib: number;
  readonly seconds: number;
}

/** A whole machine with some 20 GiB, and the lab's guest, which has 2 GiB and emulated processors. */
export const SIZES: Readonly<Record<"host" | "guest", Sizes>> = {
  host: { vm_mib: 2048, leak_mib: 8192, leak_mib_per_s: 400, dd_mib: 8000, seconds: 12 },
  guest: { vm_mib: 500, leak_mib: 800, leak_mib_per_s: 80, dd_mib: 1500, seconds: 8 },
};

/** Something wrong with the node, begun by us, that ends by itself. */
export interface Provocation {
  /** Its process, from which the others descend. */
  readonly pid: number;
  /** It has ended. */
  readonly over: Promise<unknown>;
  /** Called while it runs: what may be named for it, of what is there now. */
  readonly look: () => void;
  readonly expected: Pick<Expected, "comm" | "pids" | "tids" | "patterns">;
}

/** Begins it, in the cgroup whose directory is given. */
type Begin = (sizes: Sizes, scratch: string, cgroup: string | null) => Promise<Provocation>;

const LEAK = `
import sys, threading, time
held = []
def leak(mib, mib_per_s):
    began = time.monotonic()
    taken = 0
    while taken < mib:
        held.append(bytearray(b"x") * (4 << 20))
        taken += 4
        early = began + taken / mib_per_s - time.monotonic()
        if early > 0: time.sleep(early)
def wait_and_leak():
    sys.stdin.readline()
    leak(int(sys.argv[1]), int(sys.argv[2]))
thread = threading.Thread(target=wait_and_leak)
thread.start()
print(thread.native_id, flush=True)
thread.join()
time.sleep(1)
`;

export const PROVOCATIONS: Readonly<Record<string, Begin>> = {
  vm: async ({ vm_mib, seconds }, _scratch, cgroup) =>
    stress(["--vm", "1", "--vm-bytes", `${vm_mib}M`, "--timeout", `${seconds}`], cgroup, [
      "resource leak",
      "memory growth",
    ]),
  fork: async ({ seconds }, _scratch, cgroup) =>
    stress(["--fork", "4", "--timeout", `${seconds}`], cgroup, ["fork storm"]),
  dd: async ({ dd_mib }, scratch, cgroup) => {
    const file = existsSync("/job") ? "/dev/vda" : join(scratch, "dd.bin");
    const command = ["dd", "if=/dev/zero", `of=${file}`, "oflag=direct", "bs=1M", `count=${dd_mib}`];
    const begun = begin(command, cgroup);
    const over = begun.over.then(() => file !== "/dev/vda" && rmSync(file, { force: true }));
    const pids = new Set([begun.pid]);
    return {
      ...begun,
      over,
      look: () => {},
      expected: { comm: /^dd$/, pids, tids: new Set(), patterns: ["disk writer"] },
    };
  },
  cpu: async ({ seconds }, _scratch, cgroup) =>
    stress(["--cpu", "2", "--timeout", `${seconds}`], cgroup, ["spinning thread", "CPU-bound"]),
  spin: async ({ seconds }, scratch, cgroup) => {
    const script = join(scratch, "spin.sh");
    writeFileSync(script, "while :; do :; done\n");
    const begun = begin(["timeout", `${seconds}`, "sh", script], cgroup);
    const pids = new Set<number>();
    const look = () => {
      for (const { pid, comm } of family(begun.pid)) if (comm !== "timeout") pids.add(pid);
    };
    return {
      ...begun,
      look,
      expected: { comm: /^(sh|dash|busybox)$/, pids, tids: pids, patterns: ["spinning thread"] },
    };
  },
  leak: async ({ leak_mib, leak_mib_per_s }, scratch, cgroup) => {
    const script = join(scratch, "leak.py");
    writeFileSync(script, LEAK);
    const child = Bun.spawn(within(cgroup, ["python3", script, `${leak_mib}`, `${leak_mib_per_s}`]), {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    const { value } = await child.stdout.getReader().read();
    const tid = Number(new TextDecoder().decode(value).trim());
    const pids = new Set([child.pid]);
    return {
      pid: child.pid,
      over: child.exited,
      look: () => {},
      born_ms: performance.now(),
      begin: () => {
        child.stdin.write("\n");
        child.stdin.end();
      },
      expected: { comm: /^python3/, pids, tids: new Set([tid]), patterns: ["resource leak", "memory growth"] },
    } as Aged;
  },
};

/** A provocation that was begun before its turn, to be of some age by then. */
export interface Aged extends Provocation {
  readonly born_ms: number;
  readonly begin: () => void;
}

export function is_aged(one: Provocation): one is Aged {
  return "begin" in one;
}

function stress(words: readonly string[], cgroup: string | null, patterns: readonly string[]): Provocation {
  const begun = begin(["stress-ng", ...words, "--quiet"], cgroup);
  const pids = new Set<number>();
  const tids = new Set<number>();
  const look = () => {
    for (const { pid } of family(begun.pid)) {
      pids.add(pid);
      for (const tid of threads_of(pid)) tids.add(tid);
    }
  };
  return { ...begun, look, expected: { comm: /^stress-ng/, pids, tids: new Set(), patterns } };
}

function begin(command: readonly string[], cgroup: string | null): { pid: number; over: Promise<unknown> } {
  const child = Bun.spawn(within(cgroup, command), { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  return { pid: child.pid, over: child.exited };
}

/** A shell that joins the cgroup and becomes the command: it is in there from its first moment, under its own pid. */
function within(cgroup: string | null, command: readonly string[]): string[] {
  if (cgroup === null) return [...command];
  return ["sh", "-c", `echo $$ > "${cgroup}/cgroup.procs"; exec "$@"`, "sh", ...command];
}
