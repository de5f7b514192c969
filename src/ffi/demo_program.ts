import { dlopen } from "bun:ffi";
import { closeSync, readFileSync, writeSync } from "node:fs";
import program from "../../build/demo.elf" with { type: "file" };
import { KernelError } from "./errors.ts";
import { last_errno } from "./libc.ts";

const MFD_CLOEXEC = 1;
/** Kernels before 6.3 do not know it, and need it not. */
const MFD_EXEC = 0x10;
const EINVAL = 22;

/** The program of the demonstration, in memory: /run may not hold programs (noexec), and nothing is left on a disk. */
export class DemoProgram implements Disposable {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Throws KernelError. */
  static open(): DemoProgram {
    const libc = dlopen("libc.so.6", { memfd_create: { args: ["buffer", "u32"], returns: "i32" } });
    const name = Buffer.from("hosa-demo\0");
    try {
      let fd = libc.symbols.memfd_create(name, MFD_CLOEXEC | MFD_EXEC);
      if (fd < 0 && last_errno() === EINVAL) fd = libc.symbols.memfd_create(name, MFD_CLOEXEC);
      if (fd < 0) throw new KernelError("memfd_create", "hosa-demo", last_errno());
      const bytes = readFileSync(program);
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      return new DemoProgram(fd);
    } finally {
      libc.close();
    }
  }

  /** What a child of this process can execute. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.#fd}`;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
