import { KernelError } from "./errors.ts";
import { checked, libbpf } from "./libbpf.ts";
import { last_errno } from "./libc.ts";

const ENOENT = 2;
/** More keys than this are never read: a map that grows while it is walked would have no end. Not a loss: the maps hold at most 32768. */
const KEYS_MAX = 1 << 17;

/** A hash or a trie in the kernel, read and written by system calls. It does not own the fd. */
export class BpfMap {
  readonly #fd: number;
  readonly #name: string;
  readonly #key_bytes: number;

  constructor(fd: number, name: string, key_bytes: number) {
    this.#fd = fd;
    this.#name = name;
    this.#key_bytes = key_bytes;
  }

  /** Throws KernelError (ENOSPC, E2BIG: it is full). */
  set(key: Uint8Array, value: Uint8Array): void {
    const result = libbpf().bpf_map_update_elem(this.#fd, key, value, 0);
    checked(result, "write to", `BPF map ${this.#name}`);
  }

  /** A key that is not there is as good as deleted. Throws KernelError. */
  delete(key: Uint8Array): void {
    const result = libbpf().bpf_map_delete_elem(this.#fd, key);
    if (result < 0 && last_errno() !== ENOENT) checked(result, "delete from", `BPF map ${this.#name}`);
  }

  keys(): readonly Uint8Array[] {
    const keys: Uint8Array[] = [];
    let key: Uint8Array | null = null;
    for (;;) {
      const next = new Uint8Array(this.#key_bytes);
      const result = libbpf().bpf_map_get_next_key(this.#fd, key, next);
      if (result < 0) {
        if (last_errno() === ENOENT) return keys;
        throw new KernelError("walk", `BPF map ${this.#name}`, last_errno());
      }
      keys.push(next);
      if (keys.length >= KEYS_MAX) return keys;
      key = next;
    }
  }

  /** Forgets everything in it. Throws KernelError. */
  clear(): void {
    for (const key of this.keys()) this.delete(key);
  }
}
