import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const MAIN = join(ROOT, "src/cli/main.ts");

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Run `hosa ARGS` from source, behind an optional command such as setpriv. */
export function hosa(
  args: readonly string[],
  before: readonly string[] = [],
  more: Readonly<Record<string, string>> = {},
): Ran {
  const env = { PATH: process.env["PATH"] ?? "", NO_COLOR: "1", ...more };
  const { exitCode, stdout, stderr } = Bun.spawnSync([...before, process.execPath, MAIN, ...args], {
    cwd: ROOT,
    env,
    timeout: 60_000,
  });
  return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** Whether script(1) is there to make terminals with; says so when not. */
export function has_terminals(): boolean {
  const found = Bun.which("script") !== null;
  if (!found) console.error("SKIPPED: no script(1) here to make a terminal with");
  return found;
}

/** `hosa ARGS` on a terminal of so many columns; both streams arrive on it, with its carriage returns taken out. */
export function hosa_on_terminal(
  columns: number,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Ran {
  // The inner shell is given the size first, then the command as it stands.
  const script = `n=$1; shift; q=; for a in "$@"; do q="$q '$a'"; done; exec script -qec "stty cols $n rows 24; exec $q" /dev/null </dev/null`;
  const ran = hosa(args, ["sh", "-c", script, "sh", String(columns)], more);
  return { ...ran, stdout: ran.stdout.replaceAll("\r\n", "\n") };
}

/** `hosa ARGS` in a private mount namespace in which one file is covered by another. */
export function hosa_with_file_replaced(path: string, by: string, args: readonly string[]): Ran {
  const script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"';
  return hosa(args, ["unshare", "--mount", "sh", "-c", script, "sh", by, path]);
}

/** Whether a private mount namespace may be made; says so when not. */
export function may_cover_files(): boolean {
  const { exitCode } = Bun.spawnSync(["unshare", "--mount", "mount", "--bind", "/dev/null", "/etc/hostname"]);
  if (exitCode !== 0) console.error("SKIPPED: no private mount namespace here (needs root)");
  return exitCode === 0;
}

export function is_root(): boolean {
  const root = process.getuid?.() === 0;
  if (!root) console.error("SKIPPED: needs root to become another user");
  return root;
}

export async function in_directory(body: (directory: string) => unknown): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "hosa-cli-"));
  try {
    await body(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
