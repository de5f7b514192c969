import { named_settings } from "../../agent/config_names.ts";
import { replay } from "../../agent/replay.ts";
import { read_audit } from "../../audit/index.ts";
import { counted } from "../../model/counted.ts";
import { OperatorError } from "../../model/error.ts";
import { visible } from "../../model/visible.ts";
import type { Episode } from "../../report/episode.ts";
import { episode_page, PAGE_MARK } from "../../report/episode_page.ts";
import { EpisodeSearch } from "../../report/episode_search.ts";
import type { Context, ExitCode } from "../context.ts";
import type { Answers } from "../documents.ts";
import { audit_given, configured, type GlobalOptions, refuse_dry_run } from "../options.ts";
import { STANDARD_OUTPUT, write_own } from "../own_file.ts";
import { AuditProblems } from "../problems.ts";

export interface ReportOptions extends GlobalOptions {
  readonly html: string;
  readonly audit?: string;
}

export const PAGE = { mark: PAGE_MARK, name: "page of hosa", made_by: "page of `hosa report`" };

/** An episode of the audit as a page. Exit code 1 when the audit's chain is broken or a decision comes out differently. */
export async function report(id: string | undefined, options: ReportOptions, context: Context): Promise<ExitCode> {
  const { output } = context;
  refuse_dry_run("report", options);
  const to_output = options.html === STANDARD_OUTPUT;
  if (to_output && options.output === "json") {
    const hint = "Give --html a file, or leave -o json out.";
    throw new OperatorError("--html - and -o json both want standard output", 2, hint);
  }
  const path = audit_given(options) ?? configured(options).audit.path;
  const { page, episode: found, problems } = await page_of(id, path, context);
  if (to_output) await output.deliver_document(page);
  else {
    write_own(options.html, page, PAGE);
    if (options.output === "json") output.print_answer("report", answer(found, options.html, problems));
    else output.print(said(found, options.html));
  }
  if (found.differing_decisions > 0) {
    const decisions = counted(found.differing_decisions, "recorded decision");
    output.say(`error: not the same when decided again: ${decisions}; the page says which`);
  }
  return problems === 0 && found.differing_decisions === 0 ? 0 : 1;
}

/** The page of an episode of an audit, and places where the chain of the audit is broken. @param said_to_be the audit, on the page. Throws OperatorError. */
export async function page_of(
  id: string | undefined,
  path: string,
  { output, version }: Pick<Context, "output" | "version">,
  said_to_be = path,
): Promise<{ readonly page: string; readonly episode: Episode; readonly problems: number }> {
  const problems = new AuditProblems(output);
  const search = new EpisodeSearch(id ?? null, replay);
  for await (const item of read_audit(path)) {
    if (item.type === "problem") problems.say(item);
    else search.add(item.record);
  }
  const episode = search.get();
  if (typeof episode === "string") throw nothing_found(episode, path, id);
  const from = { audit: said_to_be, chain_problems: problems.count, version, settings: named_settings };
  return { page: episode_page(episode, from), episode, problems: problems.count };
}

function said({ first, last, max_level }: Episode, file: string): string {
  return `${visible(file)}: episode ${first.id} – ${last.id}, highest level ${max_level}\n`;
}

function answer(episode: Episode, file: string, audit_problems: number): Omit<Answers["report"], "schema_version"> {
  const { first, last, max_level, end, decisions, omitted, differing_decisions } = episode;
  const about = { file, first: first.id, last: last.id, max_level, end };
  return { ...about, decisions: decisions.length + omitted.decisions, differing_decisions, audit_problems };
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
