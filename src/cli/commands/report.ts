import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, writeFileSync } from "node:fs";
import { replay } from "../../agent/replay.ts";
import { read_audit } from "../../audit/index.ts";
import { OperatorError } from "../../model/error.ts";
import type { Episode } from "../../report/episode.ts";
import { episode_page, PAGE_MARK } from "../../report/episode_page.ts";
import { EpisodeSearch } from "../../report/episode_search.ts";
import type { Context, ExitCode } from "../context.ts";
import { configured, type GlobalOptions } from "../options.ts";
import { AuditProblems } from "../problems.ts";

export interface ReportOptions extends GlobalOptions {
  readonly html: string;
  readonly audit?: string;
}

const STANDARD_OUTPUT = "-";
/** The mark stands at the very beginning. */
const MARK_WITHIN_BYTES = 1024;

/** An episode of the audit as a page. Exit code 1 when the audit's chain is broken or a decision comes out differently. */
export async function report(id: string | undefined, options: ReportOptions, context: Context): Promise<ExitCode> {
  const { output } = context;
  const to_output = options.html === STANDARD_OUTPUT;
  if (to_output && options.output === "json") {
    const hint = "Give --html a file, or leave -o json out.";
    throw new OperatorError("--html - and -o json both want standard output", 2, hint);
  }
  const path = options.audit ?? configured(options).audit.path;
  const problems = new AuditProblems(output);
  const search = new EpisodeSearch(id ?? null, replay);
  for await (const item of read_audit(path)) {
    if (item.type === "problem") problems.say(item);
    else search.add(item.record);
  }
  const found = search.get();
  if (typeof found === "string") throw nothing_found(found, path, id);
  const page = episode_page(found, { audit: path, chain_problems: problems.count, version: context.version });
  if (to_output) await output.deliver(page);
  else {
    write_page(options.html, page);
    output.print(said(found, options));
  }
  if (found.differing_decisions > 0) {
    output.say(`error: ${found.differing_decisions} recorded decisions come out differently; the page says which`);
  }
  return problems.count === 0 && found.differing_decisions === 0 ? 0 : 1;
}

function said(episode: Episode, { html: file, output }: ReportOptions): string {
  const { first, last, max_level, end, decisions, omitted, differing_decisions } = episode;
  if (output === "text") return `${file}: episode ${first.id} – ${last.id}, highest level ${max_level}\n`;
  const about = { file, first: first.id, last: last.id, max_level, end };
  const made_again = { decisions: decisions.length + omitted.decisions, differing_decisions };
  return `${JSON.stringify({ ...about, ...made_again })}\n`;
}

/** A new file, or one of ours: a page may be made again, anything else is somebody's. Throws OperatorError (exit code 1). */
function write_page(file: string, page: string): void {
  try {
    const fd = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o640);
    try {
      const is_file = fstatSync(fd).isFile();
      if (is_file && !is_ours(fd)) throw foreign(file);
      if (is_file) ftruncateSync(fd);
      writeFileSync(fd, page);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new OperatorError(`cannot write ${file}: ${why}`, 1, "Give a path in a writable directory.", error);
  }
}

function is_ours(fd: number): boolean {
  const head = Buffer.alloc(MARK_WITHIN_BYTES);
  const length = readSync(fd, head, 0, MARK_WITHIN_BYTES, 0);
  return length === 0 || head.toString("utf8", 0, length).includes(PAGE_MARK);
}

function foreign(file: string): OperatorError {
  const hint = "Give another name, or remove it first: only a page of `hosa report` is written over.";
  return new OperatorError(`${file} is there already and is no page of hosa`, 1, hint);
}

function nothing_found(why: "quiet_record" | "no_episode" | "no_record", path: string, id?: string): OperatorError {
  const list = "`hosa explain --timeline` lists the ids; rotated-out records are gone.";
  if (why === "no_record") return new OperatorError(`no record "${id}" in ${path}`, 1, list);
  if (why === "quiet_record") {
    return new OperatorError(`record "${id}" in ${path} belongs to no episode: the node was at level 0`, 1, list);
  }
  const hint = "An episode begins when `hosa run` leaves level 0.";
  return new OperatorError(`no episode in ${path}`, 1, hint);
}
