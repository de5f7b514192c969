import { existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Kernel } from "./options.ts";
import { scratch_folder } from "./scratch.ts";

/** Disks of lab/image.sh: what of the distribution runs as PID 1, and what beside it. */
export const SYSTEM_DISKS = {
  "systemd-252": ["systemd", "bookworm"],
  "systemd-257": ["systemd", "trixie"],
  "podman-252": ["podman", "bookworm"],
  "podman-257": ["podman", "trixie"],
} as const;
export type SystemDisk = keyof typeof SYSTEM_DISKS;

export interface VmRequest {
  readonly kernel: Kernel;
  readonly clock: "virtual" | "real";
  readonly seed: number;
  /** Folder that becomes the guest's root, over the base: job/ with everything the run needs. */
  readonly tree: string;
  /** Where the guest's /out goes. */
  readonly out: string;
  readonly timeout_s: number;
  /** The guest's root is the distribution's, with systemd as PID 1; otherwise nothing runs in it but the job. */
  readonly systemd?: boolean;
  /** Which systemd that is; the first one unless said otherwise. */
  readonly system_disk?: SystemDisk;
  /** A second empty disk, sparse here; absent: there is none. */
  readonly second_disk_bytes?: number;
  /** Persistent memory beside the guest's own, a disk once nd_pmem is loaded; absent: there is none. */
  readonly persistent_memory_bytes?: number;
  /** Model of the processor instead of the lab's own, which has everything the kernel can use. */
  readonly cpu?: string;
  /** Processors instead of the lab's own number; with a virtual clock 6.1 takes one at most. */
  readonly cpus?: number;
  /** Appended to the kernel's command line. */
  readonly kernel_words?: string;
  /** A network card without a wire, eth0 once virtio_net is loaded. */
  readonly network_card?: boolean;
}

/** The guest ended without a result: it crashed, hung or never booted. */
export class GuestFailure extends Error {
  constructor(
    message: string,
    /** End of what its kernel said; empty when it said nothing. */
    readonly console_tail: string,
  ) {
    super(message);
  }
}

const MEMORY = "2G";
/** Without fast string operations the kernel clears pages in words: counted in instructions, a byte-wise loop is 8 times dearer. */
const CPU = "max,-erms,-fsrm";
/**
 * Without cmpxchg16b the kernel's allocator does not use it: right after it, a guest once crashed with impossible flags
 * (QEMU 7.2). From 6.18 on BPF timers are allocated by it, so there it has to stay.
 */
const CPU_BEFORE_6_18 = `${CPU},-cx16`;
const DISK_BYTES = 2 * 1024 ** 3;
const CONSOLE_LINES = 60;
const IMAGE = join(import.meta.dir, "image.sh");

/** One thing that lab/image.sh builds and keeps. @throws {Error} with the script's own words. */
export function image(...request: readonly string[]): string {
  const p = Bun.spawnSync(["bash", IMAGE, ...request], { stdout: "pipe", stderr: "pipe" });
  if (p.exitCode !== 0) throw new Error(`lab/image.sh ${request.join(" ")} failed: ${p.stderr.toString().trim()}`);
  return p.stdout.toString().trim();
}

/** What a guest cost: wall time depends on what else the machine does, CPU time hardly. */
export interface VmCost {
  readonly wall_s: number;
  readonly cpu_s: number;
}

/** Boots the guest, waits for its end and unpacks what it recorded. @throws {GuestFailure} when it brought no result. */
export async function run_vm(request: VmRequest): Promise<VmCost> {
  const kernel = image("kernel", request.kernel);
  const base = image("base", request.kernel);
  const system_disk = request.systemd ? image(...SYSTEM_DISKS[request.system_disk ?? "systemd-252"]) : null;
  const scratch = scratch_folder("hosa-lab");
  const work = scratch.path;
  try {
    const job = join(work, "job.cpio");
    image("job", request.tree, job);
    const initrd = join(work, "initrd");
    await concatenate([base, job], initrd);
    const files: GuestFiles = {
      vmlinuz: join(kernel, "vmlinuz"),
      initrd,
      disk: join(work, "disk"),
      system_disk,
      second_disk: request.second_disk_bytes === undefined ? null : join(work, "disk2"),
      result: join(work, "result.tar"),
      console_log: join(work, "console.log"),
    };
    sparse_file(files.disk, DISK_BYTES);
    if (files.second_disk !== null) sparse_file(files.second_disk, request.second_disk_bytes ?? 0);
    const began = performance.now();
    const { result, console_log } = files;
    const qemu = Bun.spawn(qemu_command(request, files), {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      timeout: request.timeout_s * 1000,
    });
    // An interrupted batch must not leave a guest that runs on.
    const abandon = (): void => qemu.kill("SIGKILL");
    process.once("exit", abandon);
    const status = await qemu.exited.finally(() => process.off("exit", abandon));
    const wall_s = (performance.now() - began) / 1000;
    if (!existsSync(result) || Bun.file(result).size === 0) {
      const said = await new Response(qemu.stderr).text();
      const lines = existsSync(console_log) ? readFileSync(console_log, "utf8").trim().split("\n") : [];
      const after = `qemu ended with status ${status} after ${wall_s.toFixed(0)} s`;
      throw new GuestFailure(`${after} ${said}`.trim(), lines.slice(-CONSOLE_LINES).join("\n"));
    }
    const tar = Bun.spawnSync(["tar", "--warning=no-timestamp", "-C", request.out, "-xf", result]);
    if (tar.exitCode !== 0) throw new GuestFailure("the guest's result is not whole", tar.stderr.toString().trim());
    const cpu_s = Number(qemu.resourceUsage()?.cpuTime.total ?? 0) / 1e6;
    return { wall_s: Number(wall_s.toFixed(1)), cpu_s: Number(cpu_s.toFixed(1)) };
  } finally {
    scratch.remove();
  }
}

function sparse_file(path: string, size_bytes: number): void {
  writeFileSync(path, "");
  truncateSync(path, size_bytes);
}

async function concatenate(parts: readonly string[], whole: string): Promise<void> {
  const writer = Bun.file(whole).writer();
  for (const part of parts) for await (const chunk of Bun.file(part).stream()) writer.write(chunk);
  await writer.end();
}

interface GuestFiles {
  readonly vmlinuz: string;
  readonly initrd: string;
  /** Empty; what a backup reads. */
  readonly disk: string;
  /** Root of a guest with systemd, or null. It is shared: what the guest writes to it goes to a temporary file. */
  readonly system_disk: string | null;
  readonly second_disk: string | null;
  readonly result: string;
  readonly console_log: string;
}

function qemu_command(request: VmRequest, files: GuestFiles): string[] {
  // 6.1 hangs in SMP bring-up when time is counted in instructions.
  const cpus = request.kernel === "6.1" && request.clock === "virtual" ? "1" : String(request.cpus ?? 2);
  // One thread for both processors: with a thread each, a processor can run code that the other has just patched (QEMU 7.2), and
  // a kernel that switches its static branches then dies of a stray int3.
  const time = [
    ...["-accel", "tcg,thread=single"],
    ...(request.clock === "virtual" ? ["-icount", "shift=0,sleep=off", "-rtc", "base=2026-01-01,clock=vm"] : []),
  ];
  const persistent = request.persistent_memory_bytes;
  const memory = persistent === undefined ? MEMORY : `${MEMORY},slots=1,maxmem=64G`;
  const cpu = request.cpu ?? (request.kernel === "6.18" ? CPU : CPU_BEFORE_6_18);
  const words = "console=ttyS0 mitigations=off quiet panic=-1 oops=panic random.trust_cpu=on";
  const more = request.kernel_words === undefined ? words : `${words} ${request.kernel_words}`;
  const drive = (id: string, file: string, more = ""): string[] => [
    ...["-drive", `file=${file},if=none,id=${id},format=raw,cache=unsafe${more}`],
    ...["-device", `virtio-blk-pci,drive=${id}`],
  ];
  return [
    ...[
      "qemu-system-x86_64",
      "-machine",
      persistent === undefined ? "q35" : "q35,nvdimm=on",
      ...time,
      "-seed",
      String(request.seed),
      "-cpu",
      cpu,
    ],
    ...["-smp", cpus, "-m", memory, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
    ...["-kernel", files.vmlinuz, "-initrd", files.initrd],
    ...["-append", files.system_disk === null ? more : `${more} lab.systemd`],
    ...["-chardev", `file,id=con,path=${files.console_log}`, "-serial", "chardev:con", "-device", "virtio-serial-pci"],
    ...["-chardev", `file,id=res,path=${files.result}`, "-device", "virtserialport,chardev=res,name=lab.result"],
    ...(persistent === undefined ? [] : ["-object", `memory-backend-ram,id=pm,size=${persistent}`]),
    ...(persistent === undefined ? [] : ["-device", "nvdimm,memdev=pm"]),
    ...(request.network_card ? ["-device", "virtio-net-pci,romfile="] : []),
    ...drive("d", files.disk),
    ...(files.system_disk === null ? [] : drive("s", files.system_disk, ",snapshot=on")),
    ...(files.second_disk === null ? [] : drive("d2", files.second_disk)),
  ];
}
