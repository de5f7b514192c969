import type { NamedSubject, Story } from "../../src/model/story.ts";
import { escape_html, shortened } from "../../src/report/html.ts";

/** What a provocation must be told as. */
export interface Expected {
  readonly comm: RegExp;
  /** Processes that may be named. */
  readonly pids: ReadonlySet<number>;
  /** Threads that may be named; empty: whichever. */
  readonly tids: ReadonlySet<number>;
  readonly path: string;
  readonly patterns: readonly string[];
}

/** What `explain -o json`, `explain`, `report` and `status` said afterwards, and the beats of the live view meanwhile. */
export interface Said {
  readonly live: readonly { readonly level: number; readonly story: Story }[];
  readonly explain: Story;
  readonly explain_text: string;
  readonly report: Story;
  readonly page: string;
  readonly status: { readonly headline: string } | null;
}

/** What is wrong with what was said; empty where all of it is right. */
export function faults(expected: Expected, said: Said): readonly string[] {
  const { live, explain, explain_text, report, page, status } = said;
  const found: string[] = [];
  const shown = majority(live.filter(({ level }) => level > 0).map(({ story }) => story));
  if (shown === null) found.push("observe: no beat above level 0 named anything");
  else found.push(...wrong(expected, shown).map((fault) => `observe: ${fault}`));
  found.push(...wrong(expected, explain).map((fault) => `explain: ${fault}`));
  const [first = ""] = explain_text.split("\n");
  if (first !== explain.headline) found.push(`explain: begins with "${first}", not with "${explain.headline}"`);
  if (report.headline !== explain.headline) found.push(`report: "${report.headline}", explain: "${explain.headline}"`);
  if (!page.includes(`<h1>${escape_html(shortened(explain.headline, 300))}</h1>`))
    found.push("report: the page has another headline");
  if (status?.headline !== explain.headline)
    found.push(`status: "${status?.headline}", explain: "${explain.headline}"`);
  return found;
}

function wrong(expected: Expected, { named, pattern, headline }: Story): readonly string[] {
  const found: string[] = [];
  if (!expected.patterns.includes(pattern?.name ?? "")) found.push(`pattern ${pattern?.name ?? "none"} (${headline})`);
  if (named === null) return [...found, `no name (${headline})`];
  if (!expected.comm.test(named.comm)) found.push(`name ${named.comm} (${headline})`);
  if (named.pid === null || !expected.pids.has(named.pid))
    found.push(`process ${named.pid}, not ${[...expected.pids]}`);
  if (expected.tids.size > 0 && (named.tid === null || !expected.tids.has(named.tid))) {
    found.push(`thread ${named.tid}, not ${[...expected.tids]}`);
  }
  if (named.path !== expected.path) found.push(`cgroup ${named.path}, not ${expected.path}`);
  return found;
}

/** The story told in most beats, of those that name something. */
function majority(stories: readonly Story[]): Story | null {
  const counts = new Map<string, { count: number; story: Story }>();
  for (const story of stories) {
    if (story.named === null) continue;
    const key = key_of(story.named, story.pattern?.name ?? "");
    const known = counts.get(key);
    counts.set(key, { count: (known?.count ?? 0) + 1, story });
  }
  return [...counts.values()].toSorted((one, other) => other.count - one.count)[0]?.story ?? null;
}

function key_of({ comm, pid, tid, kind }: NamedSubject, pattern: string): string {
  return `${pattern} ${comm} ${kind === "process" ? `${pid} ${tid}` : ""}`;
}
