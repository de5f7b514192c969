import {
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { basename, dirname } from "node:path";
import { create_anew, read_text } from "../../files/regular.ts";
import type { Maybe } from "../../model/sample.ts";
import { FileTrouble } from "../trouble.ts";

/** Ordinary files and the watchdog, as far as quarantine needs them. Every call throws FileTrouble with the errno. */
export interface Devices {
  /** Writes a small file whole and waits until it and its name are on disk. */
  write_durably(path: string, text: string): void;
  /** Text of a file; null when there is none. */
  read(path: string): Maybe<string>;
  remove_durably(path: string): void;
  open_watchdog(path: string): Watchdog;
}

/** An open hardware watchdog: it resets the machine when it is not fed for its timeout. Source: watchdog-api.rst. */
export interface Watchdog {
  feed(): void;
  /** Stops it where the driver lets itself be stopped. */
  stop(): void;
  /** Closes it as a crash would: it runs on. */
  abandon(): void;
}

const READ_BYTES_MAX = 1_048_576;

function code_of(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

function attempt<T>(verb: string, path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw new FileTrouble(verb, path, code_of(error));
  }
}

function sync_directory(path: string): void {
  const fd = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

class OpenWatchdog implements Watchdog {
  readonly #path: string;
  readonly #fd: number;

  constructor(path: string) {
    this.#path = path;
    // Never created, and never waited for: a file that happens to lie where no device is would feed nothing.
    this.#fd = attempt("open", path, () => openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
  }

  feed(): void {
    attempt("feed", this.#path, () => writeSync(this.#fd, "\0"));
  }

  stop(): void {
    try {
      // The magic character: without it, closing is taken for a crash.
      attempt("stop", this.#path, () => writeSync(this.#fd, "V"));
    } finally {
      closeSync(this.#fd);
    }
  }

  abandon(): void {
    closeSync(this.#fd);
  }
}

export const kernel_devices: Devices = {
  write_durably(path, text) {
    attempt("write", path, () => {
      mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
      const draft = `${path}.new`;
      const fd = create_anew(draft, 0o640);
      try {
        writeSync(fd, text);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      renameSync(draft, path);
      sync_directory(dirname(path));
    });
  },
  read(path) {
    try {
      return read_text(path, READ_BYTES_MAX);
    } catch (error) {
      if (code_of(error) === "ENOENT") return null;
      throw new FileTrouble("read", path, code_of(error));
    }
  },
  remove_durably(path) {
    attempt("remove", path, () => {
      rmSync(path, { force: true });
      sync_directory(dirname(path));
    });
  },
  open_watchdog: (path) => new OpenWatchdog(path),
};

/** What the driver says of a watchdog, by its attribute (timeout, state, nowayout); null where it says nothing. */
export function watchdog_attribute(sys: string, device: string, attribute: string): Maybe<string> {
  // /dev/watchdog is the old name of the first one.
  const name = basename(device) === "watchdog" ? "watchdog0" : basename(device);
  try {
    return readFileSync(`${sys}/class/watchdog/${name}/${attribute}`, "latin1").trim();
  } catch {
    return null;
  }
}
