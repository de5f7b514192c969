/** Root is refused by something else than the owner and the mode of a file. */
const AS_ROOT =
  "This process is root already: without CAP_DAC_OVERRIDE, by a security module (SELinux, AppArmor), by the sandbox of its unit or by an " +
  "attribute of the file (lsattr) it is refused all the same.";

/** What to do where a file may not be opened (EACCES, EPERM): becoming root helps only a process that is not. */
export function denied_hint(for_others: string): string {
  return process.geteuid?.() === 0 ? AS_ROOT : for_others;
}
