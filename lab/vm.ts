import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Kernel } from "./options.ts";

export interface VmRequest {
  readonly kernel: Kernel;
  readonly clock: "virtual" | "real";
  readonly seed: number;
  /** Folder that becomes the guest's root, over the base: job/ with everything the run needs. */
  readonly tree: string;
  /** Where the guest's /out goes. */
  readonly out: string;
  readonly timeout_s: number;
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

/** Boots the guest, waits for its end and unpacks what it recorded. */
export async function run_vm(request: VmRequest): Promise<VmCost> {
  const kernel = image("kernel", request.kernel);
  const work = mkdtempSync(join(tmpdir(), "hosa-lab-"));
  try {
    const job = join(work, "job.cpio");
    image("job", request.tree, job);
    const initrd = join(work, "initrd");
    await concatenate([join(kernel, "base.cpio.gz"), job], initrd);
    const disk = join(work, "disk");
    writeFileSync(disk, "");
    truncateSync(disk, DISK_BYTES);
    const began = performance.now();
    const result = join(work, "result.tar");
    const console_log = join(work, "console.log");
    const qemu = Bun.spawn(qemu_command(request, join(kernel, "vmlinuz"), initrd, disk, result, console_log), {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      timeout: request.timeout_s * 1000,
    });
    const status = await qemu.exited;
    const wall_s = (performance.now() - began) / 1000;
    if (!existsSync(result) || Bun.file(result).size === 0) {
      const said = await new Response(qemu.stderr).text();
      const tail = existsSync(console_log) ? readFileSync(console_log, "utf8").split("\n").slice(-15).join("\n") : "";
      throw new Error(
        `the guest brought no result (qemu status ${status} after ${wall_s.toFixed(0)} s) ${said}\n${tail}`,
      );
    }
    const tar = Bun.spawnSync(["tar", "--warning=no-timestamp", "-C", request.out, "-xf", result]);
    if (tar.exitCode !== 0) throw new Error(`the guest's result cannot be unpacked: ${tar.stderr.toString().trim()}`);
    const cpu_s = Number(qemu.resourceUsage()?.cpuTime.total ?? 0) / 1e6;
    return { wall_s: Number(wall_s.toFixed(1)), cpu_s: Number(cpu_s.toFixed(1)) };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function concatenate(parts: readonly string[], whole: string): Promise<void> {
  const writer = Bun.file(whole).writer();
  for (const part of parts) for await (const chunk of Bun.file(part).stream()) writer.write(chunk);
  await writer.end();
}

function qemu_command(
  request: VmRequest,
  vmlinuz: string,
  initrd: string,
  disk: string,
  result: string,
  console_log: string,
): string[] {
  // 6.1 hangs in SMP bring-up when time is counted in instructions.
  const cpus = request.kernel === "6.1" && request.clock === "virtual" ? "1" : "2";
  const time =
    request.clock === "virtual"
      ? ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", "-rtc", "base=2026-01-01,clock=vm"]
      : ["-accel", "tcg,thread=multi"];
  return [
    ...[
      "qemu-system-x86_64",
      "-machine",
      "q35",
      ...time,
      "-seed",
      String(request.seed),
      "-cpu",
      request.kernel === "6.18" ? CPU : CPU_BEFORE_6_18,
    ],
    ...["-smp", cpus, "-m", MEMORY, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
    ...["-kernel", vmlinuz, "-initrd", initrd],
    ...["-append", "console=ttyS0 mitigations=off quiet panic=-1 oops=panic random.trust_cpu=on"],
    ...["-chardev", `file,id=con,path=${console_log}`, "-serial", "chardev:con", "-device", "virtio-serial-pci"],
    ...["-chardev", `file,id=res,path=${result}`, "-device", "virtserialport,chardev=res,name=lab.result"],
    ...["-drive", `file=${disk},if=none,id=d,format=raw,cache=unsafe`, "-device", "virtio-blk-pci,drive=d"],
  ];
}
