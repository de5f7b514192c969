import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Kernel } from "./options.ts";
import { image } from "./vm.ts";

/** Drivers of the guest's card, its wires and its watchdog. */
const MODULES = ["virtio_net", "veth", "softdog"];
const GUEST = join(import.meta.dir, "guest");

export interface NodeGuest {
  readonly kernel: Kernel;
  /** Binary under test; it is the runtime of the guest's own scripts, too: one copy of it less to boot with. */
  readonly hosa: string;
  /** Script that runs in the guest, with guest/world.ts around it. */
  readonly main: string;
  /** Program of every service of the node: `service PROGRESS_FILE LEAK_BYTES_PER_MS`. */
  readonly service: string;
  /** What sends the packets of `Node.flood`; absent where nothing does. */
  readonly flood?: string;
  /** Text of hosa.yaml. */
  readonly config: string;
}

/** Fills the job of a guest that is a whole node: links, routes, a neighbour and an operator outside (guest/world.ts). */
export function fill_node_guest(job: string, { kernel, hosa, main, service, flood, config }: NodeGuest): void {
  mkdirSync(job, { recursive: true });
  for (const [name, script] of Object.entries({ main, outside: join(GUEST, "outside.ts") })) {
    run([process.execPath, "build", "--target=bun", script, "--outfile", join(job, `${name}.js`)]);
  }
  cpSync(hosa, join(job, "hosa"));
  cpSync(service, join(job, "service"));
  if (flood !== undefined) cpSync(flood, join(job, "flood"));
  writeFileSync(join(job, "hosa.yaml"), config);
  writeFileSync(join(job, "job.sh"), "mkdir -p /run/hosa\nBUN_BE_BUN=1 /job/hosa /job/main.js\n");
  copy_modules(kernel, join(job, "modules"));
}

/** @throws {Error} with what the command complained about. */
export function run(command: readonly string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], { stderr: "pipe" });
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
  return stdout.toString();
}

/** Copies modules with all they need, in the order in which they are loaded. */
function copy_modules(kernel: Kernel, to: string): void {
  const folder = image("kernel", kernel);
  const version = readFileSync(join(folder, "version"), "utf8").trim();
  mkdirSync(to);
  const order: string[] = [];
  for (const module of MODULES) {
    const lines = run(["modprobe", "-d", join(folder, "x"), "-S", version, "--show-depends", module])
      .trim()
      .split("\n");
    for (const line of lines) {
      const [verb, path = ""] = line.split(" ");
      const name = basename(path).replace(/\.xz$/, "");
      if (verb !== "insmod" || order.includes(name)) continue;
      order.push(name);
      const packed = Bun.spawnSync(["sh", "-c", `case "$1" in *.xz) xz -dc "$1";; *) cat "$1";; esac`, "sh", path]);
      writeFileSync(join(to, name), packed.stdout);
    }
  }
  writeFileSync(join(to, "order"), `${order.join("\n")}\n`);
}
