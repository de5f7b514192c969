import type { Assessment } from "../model/assessment.ts";
import type { Decision } from "../model/decision.ts";
import type { Maybe } from "../model/sample.ts";
import type { NamedSubject, Pattern, Story, Unnamed } from "../model/story.ts";
import { named_of, named_text } from "./named.ts";
import { bytes, natural, num, percent } from "./number.ts";
import { patterns } from "./pattern.ts";

/** A gain this many times what a second brings is told as a gain. */
const RESTS = 0.1;

/** What a record of one beat holds. */
export interface Told {
  readonly assessment: Assessment;
  readonly decision: Decision;
}

/**
 * What is told of a beat: the live view, `explain`, `report` and `status` all say this, so that they say the same.
 * Made of what was recorded alone.
 */
export function story({ assessment, decision }: Told): Story {
  const [pattern = null] = patterns(assessment, decision.level);
  const { named, unnamed } = named_of(assessment, decision, pattern);
  return { pattern, named, unnamed, headline: headline(assessment, decision.level, pattern, named, unnamed) };
}

function headline(
  a: Assessment,
  level: number,
  pattern: Maybe<Pattern>,
  named: Maybe<NamedSubject>,
  unnamed: Maybe<Unnamed>,
): string {
  if (pattern?.name === "normal" || (level === 0 && named === null)) {
    return a.warm
      ? "The node is in its normal state."
      : "HOSA still learns what is normal here; so far nothing stands out.";
  }
  if (pattern?.name === "deadlock") return `Less runs than normal: ${cpu_text(a)}.`;
  if (named !== null) return capital(`${predicate(named, pattern)}.`);
  return `${what_happens(a, pattern)}; ${UNNAMED_WORDS[unnamed ?? "nothing_stands_out"]}.`;
}

const UNNAMED_WORDS: Readonly<Record<Unnamed, string>> = {
  not_read_yet: "the processes were not read yet",
  not_recorded: "the record names no process",
  not_counted: "this host does not count it per process",
  nothing_stands_out: "no process stands out",
  nothing_out_of_the_ordinary: "nothing is out of the ordinary",
};

/** The words of the headline: what acts, what it does, how much of the node's that is. */
function predicate(named: NamedSubject, pattern: Maybe<Pattern>): string {
  const name = named_text(named);
  const several = named.kind === "processes";
  const verb = (one: string, many: string) => (several ? many : one);
  const of_node = named.share === null ? "" : `, ${percent(named.share)} of what the node`;
  switch (named.resource) {
    case "memory":
      return `${name} ${memory_words(named, pattern, several)}`;
    case "cpu":
      return `${name} ${verb("uses", "use")} ${num(named.rate, 1)} ${plural(named.rate, "core")}${of_node === "" ? "" : `${of_node} uses`}`;
    case "io":
      return `${name} ${io_verb(named, several)} ${bytes(named.rate)}/s${of_node === "" ? "" : `${of_node} reads and writes`}`;
    case "forks":
      return `${name} ${verb("starts", "start")} ${num(named.rate, 0)} processes/s${of_node === "" ? "" : `${of_node} starts`}`;
    case "network":
      return `${name} ${verb("opens", "open")} ${num(named.rate, 0)} connections/s${of_node === "" ? "" : `${of_node} opens`}`;
  }
}

function io_verb({ written_share = 1 }: NamedSubject, several: boolean): string {
  if (written_share >= 0.5) return several ? "write" : "writes";
  return several ? "read" : "reads";
}

function memory_words(named: NamedSubject, pattern: Maybe<Pattern>, several: boolean): string {
  const gained = named.gained_bytes ?? 0;
  if (pattern?.name === "memory being freed" && gained < 0) {
    const gave = several ? "give" : "gives";
    return named.ended === true
      ? `has ended and gave back ${bytes(-gained)} of memory`
      : `${gave} back ${bytes(-gained)} of memory`;
  }
  if (gained > 0 && named.rate < RESTS * gained)
    return `took ${bytes(gained)} of memory and ${several ? "keep" : "keeps"} it`;
  const part = named.share === null ? "" : `, ${percent(named.share)} of what the node takes`;
  return `${several ? "take" : "takes"} ${bytes(named.rate)}/s of memory${part}`;
}

/** Without a name: what the node does. */
function what_happens(a: Assessment, pattern: Maybe<Pattern>): string {
  if (pattern !== null) return `The node shows ${article(pattern.name)} (${pattern.because})`;
  const first = a.dominant[0];
  const name = first === undefined ? undefined : a.dimension_names[first];
  if (name === undefined) return "The node left its normal state";
  return `The node left its normal state: ${name} ${natural(name, a.x[first!] ?? 0)}`;
}

function article(name: string): string {
  if (/^(memory|thrashing|I\/O|CPU)/.test(name)) return name;
  return `a ${name}`;
}

function cpu_text(a: Assessment): string {
  const at = a.dimension_names.indexOf("cpu_busy_fraction");
  if (at < 0) return "fewer context switches";
  return `the processors are busy for ${percent(a.x[at] ?? 0)} of the time, normally ${percent(a.mean[at] ?? 0)}`;
}

function plural(amount: number, noun: string): string {
  return num(amount, 1) === "1.0" ? noun : `${noun}s`;
}

function capital(text: string): string {
  // A path or the name of a process begins as it is written.
  return /^(thread|the) /.test(text) ? `${text[0]!.toUpperCase()}${text.slice(1)}` : text;
}
