import { errno_text } from "../model/errno.ts";
import type { Unmet } from "../model/precondition.ts";
import type { Maybe } from "../model/sample.ts";

/** A system call the kernel answered with an errno. `code` is the errno name ("EBUSY"). */
export class FileTrouble extends Error {
  override readonly name = "FileTrouble";
  readonly code: string;
  readonly path: string;

  constructor(verb: string, path: string, code: string, hint = "") {
    super(`${verb} ${path}: ${errno_text(code)}${hint === "" ? "" : `; ${hint}`}`);
    this.code = code;
    this.path = path;
  }

  /** The object is no longer there: ENOENT (directory), ENODEV (file of a removed cgroup), ESRCH (thread). */
  get vanished(): boolean {
    return this.code === "ENOENT" || this.code === "ENODEV" || this.code === "ESRCH";
  }

  /** The kernel does not offer this here. The runtime has another of the two names for the same number than the kernel's manual. */
  get unsupported(): boolean {
    return this.code === "EOPNOTSUPP" || this.code === "ENOTSUP";
  }
}

/** The layout of the target or one of the motor's bounds forbids the action; the message says which. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  /** For how long at most; null: the layout will not change by waiting. */
  readonly wait_s: Maybe<number>;
  /** The precondition that is not met; null: something else forbids it. */
  readonly unmet: Maybe<Unmet>;

  constructor(message: string, wait_s: Maybe<number> = null, unmet: Maybe<Unmet> = null) {
    super(message);
    this.wait_s = wait_s;
    this.unmet = unmet;
  }
}

/** The target no longer exists, or its path now belongs to another cgroup. */
export class Gone extends Error {
  override readonly name = "Gone";
}
