import { dlopen } from "bun:ffi";
import type { Maybe } from "../model/sample.ts";
import { errno_name, KernelError } from "./errors.ts";
import { last_errno } from "./libc.ts";

const libc = dlopen("libc.so.6", {
  getxattr: {
    args: [
      "ptr" /* const char *path */,
      "ptr" /* const char *name */,
      "ptr" /* void *value */,
      "usize" /* size_t size */,
    ],
    returns: "i64",
  },
}).symbols;

const VALUE_BYTES_MAX = 256;
/** The attribute is not set, the file system has none, or this process may not see it (trusted.* without CAP_SYS_ADMIN). */
const ABSENT = new Set(["ENODATA", "EOPNOTSUPP", "ENOTSUP", "EPERM", "EACCES"]);
const value = new Uint8Array(VALUE_BYTES_MAX);

/** An extended attribute of a file; null where there is none or it may not be seen. @throws KernelError for anything else */
export function extended_attribute(path: string, name: string): Maybe<string> {
  const length = Number(libc.getxattr(Buffer.from(`${path}\0`), Buffer.from(`${name}\0`), value, VALUE_BYTES_MAX));
  if (length >= 0) return Buffer.from(value.subarray(0, length)).toString("latin1");
  const errno = errno_name(last_errno());
  if (ABSENT.has(errno)) return null;
  throw new KernelError(`read attribute ${name} of`, path, errno);
}
