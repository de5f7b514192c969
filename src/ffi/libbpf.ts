import { CString, dlopen, type Pointer } from "bun:ffi";
import { KernelError } from "./errors.ts";
import { last_errno } from "./libc.ts";

const SYMBOLS = {
  libbpf_version_string: { args: [], returns: "ptr" /* const char * */ },
  libbpf_set_print: { args: ["ptr" /* libbpf_print_fn_t fn */], returns: "ptr" },
  libbpf_num_possible_cpus: { args: [], returns: "i32" },
  bpf_object__open_mem: {
    args: [
      "ptr" /* const void *obj_buf */,
      "usize" /* size_t obj_buf_sz */,
      "ptr" /* const struct bpf_object_open_opts *opts */,
    ],
    returns: "ptr",
  },
  bpf_object__load: { args: ["ptr" /* struct bpf_object *obj */], returns: "i32" },
  bpf_object__close: { args: ["ptr" /* struct bpf_object *obj */], returns: "void" },
  bpf_object__next_program: {
    args: ["ptr" /* const struct bpf_object *obj */, "ptr" /* struct bpf_program *prog */],
    returns: "ptr",
  },
  bpf_object__find_map_by_name: {
    args: ["ptr" /* const struct bpf_object *obj */, "ptr" /* const char *name */],
    returns: "ptr",
  },
  bpf_map__initial_value: {
    args: ["ptr" /* const struct bpf_map *map */, "ptr" /* size_t *psize */],
    returns: "ptr",
  },
  bpf_map_update_elem: {
    args: ["i32" /* int fd */, "ptr" /* const void *key */, "ptr" /* const void *value */, "u64" /* __u64 flags */],
    returns: "i32",
  },
  bpf_map_delete_elem: { args: ["i32" /* int fd */, "ptr" /* const void *key */], returns: "i32" },
  bpf_map_get_next_key: {
    args: ["i32" /* int fd */, "ptr" /* const void *key */, "ptr" /* void *next_key */],
    returns: "i32",
  },
  bpf_link_create: {
    args: [
      "i32" /* int prog_fd */,
      "i32" /* int target_fd */,
      "i32" /* enum bpf_attach_type attach_type */,
      "ptr" /* const struct bpf_link_create_opts *opts */,
    ],
    returns: "i32",
  },
  bpf_link_detach: { args: ["i32" /* int link_fd */], returns: "i32" },
  bpf_obj_get: { args: ["ptr" /* const char *pathname */], returns: "i32" },
  bpf_obj_pin: { args: ["i32" /* int fd */, "ptr" /* const char *pathname */], returns: "i32" },
  bpf_xdp_query_id: {
    args: ["i32" /* int ifindex */, "i32" /* int flags */, "ptr" /* __u32 *prog_id */],
    returns: "i32",
  },
  bpf_map__fd: { args: ["ptr" /* const struct bpf_map *map */], returns: "i32" },
  bpf_program__name: { args: ["ptr" /* const struct bpf_program *prog */], returns: "ptr" },
  bpf_program__section_name: { args: ["ptr" /* const struct bpf_program *prog */], returns: "ptr" },
  bpf_program__fd: { args: ["ptr" /* const struct bpf_program *prog */], returns: "i32" },
  bpf_program__set_autoload: {
    args: ["ptr" /* struct bpf_program *prog */, "bool" /* bool autoload */],
    returns: "i32",
  },
  bpf_program__set_log_buf: {
    args: ["ptr" /* struct bpf_program *prog */, "ptr" /* char *log_buf */, "usize" /* size_t log_size */],
    returns: "i32",
  },
  bpf_program__attach: { args: ["ptr" /* const struct bpf_program *prog */], returns: "ptr" },
  bpf_program__attach_iter: {
    args: ["ptr" /* const struct bpf_program *prog */, "ptr" /* const struct bpf_iter_attach_opts *opts */],
    returns: "ptr",
  },
  bpf_link__fd: { args: ["ptr" /* const struct bpf_link *link */], returns: "i32" },
  bpf_link__destroy: { args: ["ptr" /* struct bpf_link *link */], returns: "i32" },
  bpf_iter_create: { args: ["i32" /* int link_fd */], returns: "i32" },
  bpf_prog_test_run_opts: {
    args: ["i32" /* int prog_fd */, "ptr" /* struct bpf_test_run_opts *opts */],
    returns: "i32",
  },
} as const;

export type Libbpf = ReturnType<typeof dlopen<typeof SYMBOLS>>["symbols"];

const LIBRARY = "libbpf.so.1";
const INSTALL = "install libbpf 1.0 or newer (Debian: libbpf1, Fedora and SUSE: libbpf or libbpf1)";
let loaded: Libbpf | null = null;

/** Throws KernelError for a version string such as "v0.8" (libbpf_version_string). */
export function require_version(version: string): void {
  const major = Number(/^v?(\d+)\./.exec(version)?.[1] ?? Number.NaN);
  if (!(major >= 1)) throw new KernelError("use", `${LIBRARY} ${version}`, "ENOTSUP", INSTALL);
}

/** The library, opened once per thread. Throws KernelError when it is absent or older than 1.0. */
export function libbpf(path = LIBRARY): Libbpf {
  if (loaded !== null && path === LIBRARY) return loaded;
  let symbols: Libbpf;
  try {
    symbols = dlopen(path, SYMBOLS).symbols;
  } catch (cause) {
    // It may be absent, too old to have a function, or itself lack a library: the linker says which.
    const why = cause instanceof Error ? cause.message : String(cause);
    const error = new KernelError("load the library", path, why, INSTALL);
    error.cause = cause;
    throw error;
  }
  require_version(text_at(symbols.libbpf_version_string()));
  // Libbpf would print to our stderr; what matters comes back as an error with the verifier's last line.
  symbols.libbpf_set_print(null);
  if (path === LIBRARY) loaded = symbols;
  return symbols;
}

/** A pointer as bun:ffi types it; addresses of x86-64 user space fit a number. */
export type Address = Pointer | bigint | null;

/** A C string; empty for NULL. */
export function text_at(address: Address): string {
  return address === null ? "" : new CString(Number(address) as Pointer).toString();
}

/** -errno → KernelError, everything else is handed through. */
export function checked(result: number, operation: string, subject: string, hint?: string): number {
  if (result < 0) throw new KernelError(operation, subject, -result, hint);
  return result;
}

/** NULL → KernelError with errno, which libbpf ≥ 1.0 sets on every NULL it returns. */
export function checked_pointer(result: Address, operation: string, subject: string, hint?: string): Pointer {
  if (result === null) throw new KernelError(operation, subject, last_errno(), hint);
  return Number(result) as Pointer;
}
