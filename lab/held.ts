/** One operation beside one remedy, as the guest found it. */
export interface HeldRow {
  readonly subject: string;
  /** What was on: none, thread, freeze, limit, memory, level5; "-anyway" without the preconditions; "none+" judged after its end. */
  readonly mode: string;
  readonly operation: string;
  readonly status: number;
  readonly duration_ms: number;
  readonly words: string;
}

export interface HeldReport {
  readonly node: string;
  readonly rows: readonly HeldRow[];
  /** The guest's script came to its end. */
  readonly whole: boolean;
}

/** What the guest wrote. Pure. */
export function held_report(text: string): HeldReport {
  const rows = text
    .split("\n")
    .filter(Boolean)
    .map((line): HeldRow => {
      const [subject = "", mode = "", operation = "", status, duration, words = ""] = line.split("\t");
      return { subject, mode, operation, status: Number(status), duration_ms: Number(duration), words };
    });
  const node = rows.find((row) => row.subject === "node" && row.operation === "systemd")?.words ?? "";
  return {
    node,
    rows: rows.filter((row) => row.subject !== "node"),
    whole: rows.some((row) => row.operation === "end" && row.subject === "node"),
  };
}

/** Of a remedy as HOSA uses it, what fails although it does not without one: each is a broken promise. */
export function held_failures({ rows, whole }: HeldReport): readonly string[] {
  const failed = rows.filter((row) => !row.mode.endsWith("-anyway") && row.status !== 0 && !fails_without(rows, row));
  const said = failed
    .filter((row) => !is_known(row))
    .map(
      ({ subject, mode, operation, status, words }) => `${subject} ${mode}: ${operation}: status ${status} ${words}`,
    );
  return whole ? said : [...said, "the guest's script did not come to its end"];
}

function fails_without(rows: readonly HeldRow[], row: HeldRow): boolean {
  const plain = row.mode.startsWith("none+") ? "none+none" : "none";
  // What the guest cannot do at all says nothing of HOSA.
  if (row.mode === plain) return true;
  const other = rows.find(
    (each) => each.subject === row.subject && each.operation === row.operation && each.mode === plain,
  );
  return other !== undefined && other.status === row.status;
}

/** systemd reads the processes of every cgroup below a unit, which a threaded one does not tell: docs/CONTAINMENT.md. */
const OF_A_THREADED_CHILD = ["systemctl kill -s USR2", "a sub-cgroup of its own", "read cgroup.procs below"];

function is_known({ subject, mode, operation }: HeldRow): boolean {
  return subject === "plain" && mode === "thread" && OF_A_THREADED_CHILD.includes(operation);
}

const MODES = ["none", "thread", "freeze", "weight", "limit", "memory", "thread-anyway", "freeze-anyway", "level5"];

/** A table per subject: each operation, without a remedy and with each. */
export function held_text({ node, rows, whole }: HeldReport): string {
  const lines = [node];
  for (const subject of new Set(rows.map((row) => row.subject))) {
    const own = rows.filter((row) => row.subject === subject);
    const modes = MODES.filter((mode) => own.some((row) => base(row) === mode));
    lines.push(
      "",
      `${subject}: status and ms`,
      "",
      `| operation | ${modes.join(" | ")} |`,
      `|---|${"---|".repeat(modes.length)}`,
    );
    for (const operation of new Set(own.map((row) => row.operation))) {
      const cells = modes.map((mode) => cell(own.findLast((row) => base(row) === mode && row.operation === operation)));
      lines.push(`| ${operation} | ${cells.join(" | ")} |`);
    }
  }
  return [...lines, ...(whole ? [] : ["", "the guest's script did not come to its end"])].join("\n");
}

function base({ mode }: HeldRow): string {
  return mode.startsWith("none+") ? mode.slice(5) : mode;
}

function cell(row: HeldRow | undefined): string {
  if (row === undefined) return "";
  if (row.operation === "the remedy" || (row.status === 0 && row.words !== "" && row.duration_ms === 0))
    return row.words;
  return row.status === 0 ? `0, ${row.duration_ms}` : `**${row.status}**, ${row.duration_ms}: ${row.words}`;
}
