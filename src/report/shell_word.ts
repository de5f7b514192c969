/** A name as one word of a shell: commands of a message are copied, and a process chooses its own name. */
export function shell_word(name: string): string {
  return /^[\w@%+=:,./-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;
}
