import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmdirSync,
  statSync,
  writeSync,
} from "node:fs";
import { KernelError } from "../ffi/errors.ts";
import { extended_attribute } from "../ffi/xattr.ts";
import type { Maybe } from "../model/sample.ts";
import { FileTrouble } from "./trouble.ts";

/** One control file held open, so that a dose costs a single write. */
export interface KeptFile {
  write(text: string): void;
  read(): string;
  close(): void;
}

/** Everything the motor does to cgroupfs. Paths are absolute; every call throws FileTrouble with the errno. */
export interface CgroupFiles {
  read(path: string): string;
  write(path: string, text: string): void;
  make_directory(path: string): void;
  remove_directory(path: string): void;
  /** Inode of a directory: the cgroup id. */
  inode(path: string): number;
  owner_uid(path: string): number;
  /** An extended attribute of a directory; null where there is none, or it may not be seen. */
  attribute(path: string, name: string): Maybe<string>;
  /** Names of the directories directly below. */
  directories(path: string): readonly string[];
  keep(path: string, mode: "read" | "write"): KeptFile;
}

function code_of(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : String(error);
}

function attempt<T>(verb: string, path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw new FileTrouble(verb, path, code_of(error));
  }
}

// O_NONBLOCK: from kernel 6.16 on a write to memory.high then skips its synchronous reclaim; older kernels ignore it.
const WRITE_FLAGS = constants.O_WRONLY | constants.O_NONBLOCK;
const KEPT_READ_BYTES = 4096;

class OpenFile implements KeptFile {
  readonly #path: string;
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(KEPT_READ_BYTES);

  constructor(path: string, mode: "read" | "write") {
    this.#path = path;
    this.#fd = attempt("open", path, () => openSync(path, mode === "read" ? constants.O_RDONLY : WRITE_FLAGS));
  }

  write(text: string): void {
    attempt("write", this.#path, () => writeSync(this.#fd, text, 0));
  }

  read(): string {
    const length = attempt("read", this.#path, () => readSync(this.#fd, this.#buffer, 0, KEPT_READ_BYTES, 0));
    return this.#buffer.toString("latin1", 0, length);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** The kernel's cgroupfs. */
export const kernel_files: CgroupFiles = {
  read: (path) => attempt("read", path, () => readFileSync(path, "latin1")),
  write(path, text) {
    const fd = attempt("open", path, () => openSync(path, WRITE_FLAGS));
    try {
      attempt(`write "${text}" to`, path, () => writeSync(fd, text));
    } finally {
      closeSync(fd);
    }
  },
  make_directory: (path) => attempt("mkdir", path, () => mkdirSync(path)),
  remove_directory: (path) => attempt("rmdir", path, () => rmdirSync(path)),
  inode: (path) => attempt("stat", path, () => statSync(path).ino),
  owner_uid: (path) => attempt("stat", path, () => statSync(path).uid),
  attribute(path, name) {
    try {
      return extended_attribute(path, name);
    } catch (error) {
      throw new FileTrouble(
        `read attribute ${name} of`,
        path,
        error instanceof KernelError ? error.errno : String(error),
      );
    }
  },
  directories: (path) =>
    attempt("list", path, () =>
      readdirSync(path, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name),
    ),
  keep: (path, mode) => new OpenFile(path, mode),
};

/** The same files, with `step` called right before and right after every change: a test stops the motor there. */
export function with_steps(files: CgroupFiles, step: (name: string) => void): CgroupFiles {
  const around = (verb: string, path: string, change: () => void): void => {
    const name = path.slice(path.lastIndexOf("/") + 1);
    step(`before ${verb} ${name}`);
    change();
    step(`after ${verb} ${name}`);
  };
  return {
    read: (path) => files.read(path),
    inode: (path) => files.inode(path),
    owner_uid: (path) => files.owner_uid(path),
    attribute: (path, name) => files.attribute(path, name),
    directories: (path) => files.directories(path),
    write: (path, text) => around("write", path, () => files.write(path, text)),
    make_directory: (path) => around("mkdir", path, () => files.make_directory(path)),
    remove_directory: (path) => around("rmdir", path, () => files.remove_directory(path)),
    keep(path, mode) {
      const kept = files.keep(path, mode);
      return {
        write: (text) => around("write", path, () => kept.write(text)),
        read: () => kept.read(),
        close: () => kept.close(),
      };
    },
  };
}

/** Whether a control file exists, i.e. whether its controller is enabled there. */
export function offers(files: CgroupFiles, path: string): boolean {
  try {
    files.read(path);
    return true;
  } catch (error) {
    if (error instanceof FileTrouble) return false;
    throw error;
  }
}

/** Value of one key of a flat-keyed file ("frozen 1"); null when the key is absent. */
export function flat_value(text: string, key: string): string | null {
  for (const line of text.split("\n")) if (line.startsWith(`${key} `)) return line.slice(key.length + 1);
  return null;
}
