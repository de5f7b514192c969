/** One promise of the package, tried in the guest. */
export interface InstallCheck {
  readonly name: string;
  readonly ok: boolean;
  /** What was found, with its numbers. */
  readonly value: string;
}

/** A moment of a newcomer's way. */
export interface Moment {
  readonly name: string;
  /** From the first one. */
  readonly t_s: number;
}

export interface InstallReport {
  readonly checks: readonly InstallCheck[];
  readonly moments: readonly Moment[];
  /** The episode in the journal, as `journalctl -u hosa -o cat` shows it. */
  readonly journal: readonly string[];
  /** The guest's script came to its end. */
  readonly whole: boolean;
}

export const PARTS = ["newcomer", "dialed", "in_service", "isolation", "in_a_box", "leaves"] as const;

const rows = (text: string): readonly (readonly string[])[] =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split("\t"));

/** What the guest wrote. Pure. @param read text of one of its files, empty when there is none */
export function install_report(read: (name: string) => string): InstallReport {
  const lines = rows(read("checks.tsv"));
  const moments = rows(read("moments.tsv")).map(([name = "", ms]) => ({ name, ms: Number(ms) }));
  const first_ms = moments[0]?.ms ?? 0;
  return {
    checks: lines
      .filter((line) => line.length > 1)
      .map(([name = "", verdict, value = ""]) => ({ name, ok: verdict === "ok", value })),
    moments: moments.map(({ name, ms }) => ({ name, t_s: (ms - first_ms) / 1000 })),
    journal: read("journal.txt").split("\n").filter(Boolean),
    whole: lines.at(-1)?.[0] === "end",
  };
}

/** What must hold and does not; empty when all of it does. */
export function install_failures({ checks, whole }: InstallReport): readonly string[] {
  const failed = checks.filter(({ ok }) => !ok).map(({ name, value }) => `${name}: ${value}`);
  if (!whole) failed.push("the guest's script did not come to its end");
  return failed;
}

export function install_text({ checks, moments, journal, whole }: InstallReport): string {
  const width = Math.max(0, ...checks.map(({ name }) => name.length));
  const lines = checks.map(({ name, ok, value }) => `${ok ? "ok    " : "FAILED"}  ${name.padEnd(width)}  ${value}`);
  if (!whole) lines.push("FAILED  the guest's script did not come to its end");
  if (moments.length > 0) {
    lines.push("", "a newcomer's way, guest time:");
    for (const { name, t_s } of moments) lines.push(`${t_s.toFixed(2).padStart(9)} s  ${name}`);
  }
  if (journal.length > 0)
    lines.push("", "the episode, journalctl -u hosa -o cat:", ...journal.map((line) => `  ${line}`));
  return lines.join("\n");
}
