import { dlopen, FFIType } from "bun:ffi";
import { rmSync } from "node:fs";

const libc = dlopen("libc.so.6", {
  bind: { args: ["i32", "buffer", "u32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  recv: { args: ["i32", "buffer", "usize", "i32"], returns: FFIType.i64_fast },
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
}).symbols;

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const MSG_DONTWAIT = 0x40;

/** The other end of a notify socket: takes what has come, and never waits. */
export class Datagrams implements Disposable {
  readonly #fd = libc.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  readonly #name: string;
  readonly #buffer = new Uint8Array(4096);

  /** @param name a path, or `@` and an abstract name */
  constructor(name: string) {
    this.#name = name;
    const bytes = Buffer.from(name.startsWith("@") ? name : `${name}\0`);
    const address = new Uint8Array([AF_UNIX, 0, ...bytes]);
    if (name.startsWith("@")) address[2] = 0;
    if (libc.bind(this.#fd, address, address.length) !== 0) throw new Error(`cannot bind ${name}`);
  }

  /** All that has come since the last call, one text per datagram. */
  take(): string[] {
    const taken: string[] = [];
    for (;;) {
      const length = Number(libc.recv(this.#fd, this.#buffer, this.#buffer.length, MSG_DONTWAIT));
      if (length < 0) return taken;
      taken.push(Buffer.from(this.#buffer.subarray(0, length)).toString());
    }
  }

  [Symbol.dispose](): void {
    libc.close(this.#fd);
    if (!this.#name.startsWith("@")) rmSync(this.#name, { force: true });
  }
}
