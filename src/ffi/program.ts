import { type Pointer, ptr, toArrayBuffer } from "bun:ffi";
import { KernelError } from "./errors.ts";
import { checked, checked_pointer, type Libbpf, libbpf, text_at } from "./libbpf.ts";
import { text_of } from "./memory.ts";

const LOG_BYTES = 64 * 1024;
const PROGRAMS_LIMIT = 64;

/** One test run of a program on a packet of its own. */
export interface TestRun {
  readonly result: number;
  /** Mean over the repetitions. */
  readonly duration_ns: number;
}

/** A `struct bpf_object`: opened from bytes, then loaded, then its programs attached. Disposing detaches and unloads. */
export class BpfObject implements Disposable {
  readonly #lib: Libbpf;
  readonly #programs = new Map<string, Pointer>();
  readonly #links: Pointer[] = [];
  #object: Pointer | null;
  #log: Uint8Array | null = null;

  private constructor(lib: Libbpf, object: Pointer) {
    this.#lib = lib;
    this.#object = object;
    let program = lib.bpf_object__next_program(object, null);
    while (program !== null && this.#programs.size < PROGRAMS_LIMIT) {
      this.#programs.set(text_at(lib.bpf_program__name(program)), Number(program) as Pointer);
      program = lib.bpf_object__next_program(object, program);
    }
  }

  /** Throws KernelError when the bytes are not a BPF object. */
  static open(bytes: Uint8Array): BpfObject {
    const lib = libbpf();
    const hint = "the embedded BPF object is damaged; reinstall or rebuild";
    if (bytes.length === 0) throw new KernelError("open", "the BPF object", "EINVAL", hint);
    const object = lib.bpf_object__open_mem(bytes, bytes.length, null);
    return new BpfObject(lib, checked_pointer(object, "open", "the BPF object", hint));
  }

  get program_names(): readonly string[] {
    return [...this.#programs.keys()];
  }

  /** Only what is in `names` will be loaded. Before load(). */
  select(names: ReadonlySet<string>): void {
    this.#alive();
    for (const [name, program] of this.#programs) {
      const code = this.#lib.bpf_program__set_autoload(program, names.has(name));
      checked(code, "select", `BPF program ${name}`);
    }
  }

  /** Collects what the verifier says about `name`, for verdict(). Before load(). */
  listen_to_verifier(name: string): void {
    // Kept in a field: libbpf writes into it during load(), after this call has returned.
    this.#log = new Uint8Array(LOG_BYTES);
    this.#lib.bpf_program__set_log_buf(this.#program(name), ptr(this.#log), LOG_BYTES);
  }

  /** The verifier's last telling line; empty when it said nothing. */
  verdict(): string {
    if (this.#log === null) return "";
    const lines = text_of(this.#log, 0, LOG_BYTES).split("\n");
    return lines.findLast((line) => line !== "" && !/^(processed|verification time|stack depth)/.test(line)) ?? "";
  }

  /** Throws KernelError. */
  load(subject: string): void {
    checked(this.#lib.bpf_object__load(this.#alive()), "load", subject);
  }

  /** Attaches a loaded program where its section says. Throws KernelError. */
  attach(name: string): void {
    const link = this.#lib.bpf_program__attach(this.#program(name));
    this.#links.push(checked_pointer(link, "attach", `BPF program ${name}`));
  }

  /** Makes a loaded iterator program ready. Returns the link's fd, which lives as long as this object; throws KernelError. */
  attach_iterator(name: string, link_info: Uint8Array | null): number {
    const program = this.#program(name);
    const options = new BigUint64Array(3); // struct bpf_iter_attach_opts { size_t sz; link_info *; u32 link_info_len; }
    options[0] = 24n;
    options[1] = link_info === null ? 0n : BigInt(ptr(link_info));
    options[2] = BigInt(link_info?.length ?? 0);
    const made = this.#lib.bpf_program__attach_iter(program, options);
    const link = checked_pointer(made, "attach", `BPF iterator ${name}`);
    this.#links.push(link);
    return checked(this.#lib.bpf_link__fd(link), "find the link of", `BPF iterator ${name}`);
  }

  /** Sets one byte of the constants a program is loaded with. Before load(). */
  set_constant(map_name: string, offset: number, value: number): void {
    const size = new BigUint64Array(1);
    const map = this.#map(map_name);
    const start = this.#lib.bpf_map__initial_value(map, size);
    const address = checked_pointer(start, "find the value of", `BPF map ${map_name}`);
    new Uint8Array(toArrayBuffer(address, 0, Number(size[0])))[offset] = value;
  }

  /** fd of a loaded program, which lives as long as this object. Throws KernelError. */
  program_fd(name: string): number {
    return checked(this.#lib.bpf_program__fd(this.#program(name)), "find", `BPF program ${name}`);
  }

  /** Shows a loaded program a packet `repeat` times, in this thread's network namespace. Throws KernelError. */
  test(name: string, packet: Uint8Array, repeat = 1): TestRun {
    const bytes = new ArrayBuffer(80); // struct bpf_test_run_opts
    const options = new DataView(bytes);
    options.setUint32(0, 80, true); // sz
    options.setBigUint64(8, BigInt(ptr(packet)), true); // data_in
    options.setUint32(24, packet.length, true); // data_size_in
    options.setInt32(60, repeat, true);
    checked(
      this.#lib.bpf_prog_test_run_opts(this.program_fd(name), new Uint8Array(bytes)),
      "test",
      `BPF program ${name}`,
    );
    return { result: options.getUint32(56, true), duration_ns: options.getUint32(64, true) };
  }

  /** Runs a loaded `syscall` program once. Returns its return value; throws KernelError. */
  run(name: string): number {
    const fd = this.program_fd(name);
    const options = new Int32Array(20); // struct bpf_test_run_opts { size_t sz; … u32 retval at 56; … }
    options[0] = 80;
    checked(this.#lib.bpf_prog_test_run_opts(fd, options), "run", `BPF program ${name}`);
    return options[14]!;
  }

  /** fd of a map, which lives as long as this object. Throws KernelError. */
  map_fd(name: string): number {
    return checked(this.#lib.bpf_map__fd(this.#map(name)), "find the fd of", `BPF map ${name}`);
  }

  [Symbol.dispose](): void {
    const object = this.#object;
    if (object === null) return;
    this.#object = null;
    for (let link = this.#links.pop(); link !== undefined; link = this.#links.pop()) this.#lib.bpf_link__destroy(link);
    this.#programs.clear();
    this.#lib.bpf_object__close(object);
  }

  #alive(): Pointer {
    if (this.#object === null) throw new KernelError("use", "the BPF object", "EBADF", "it was disposed of");
    return this.#object;
  }

  #map(name: string): Pointer {
    const map = this.#lib.bpf_object__find_map_by_name(this.#alive(), Buffer.from(`${name}\0`));
    return checked_pointer(map, "find", `BPF map ${name}`);
  }

  #program(name: string): Pointer {
    this.#alive();
    const program = this.#programs.get(name);
    if (program === undefined)
      throw new KernelError("find", `BPF program ${name}`, "ENOENT", "the object has no such program");
    return program;
  }
}
