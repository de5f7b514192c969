import { named_settings } from "../../agent/config_names.ts";
import { replay } from "../../agent/replay.ts";
import { read_audit } from "../../audit/index.ts";
import { counted } from "../../model/counted.ts";
import { OperatorError } from "../../model/error.ts";
import { visible } from "../../model/visible.ts";
import type { Episode } from "../../report/episode.ts";
import { episode_page, PAGE_MARK } from "../../report/episode_page.ts";
import { EpisodeSearch } from "../../report/episode_search.ts";
import { episode_story } from "../../report/episode_words.ts";
import type { Context, ExitCode } from "../context.ts";
import type { Answers } from "../documents.ts";
import { asked_ms, audit_path, episodes_of, no_such_episode } from "../episodes.ts";
import { type GlobalOptions, refuse_dry_run } from "../options.ts";
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
  const path = await audit_path(options);
  const choice = id === undefined ? await most_severe(path) : { id, said: null };
  const { page, episode: found, problems } = await page_of(choice.id, path, context);
  if (to_output) await output.deliver_document(page);
  else {
    write_own(options.html, page, PAGE);
    const told = { file: options.html, choice: choice.said, audit_problems: problems };
    if (options.output === "json") output.print_answer("report", answer(found, told));
    else output.print(said(found, told));
  }
  if (found.differing_decisions > 0) {
    const decisions = counted(found.differing_decisions, "recorded decision");
    output.say(`error: not the same when decided again: ${decisions}; the page says which`);
  }
  return problems === 0 && found.differing_decisions === 0 ? 0 : 1;
}

/** The page of an episode of an audit, and places where the chain of the audit is broken. @param said_to_be the audit, on the page. Throws OperatorError. */
export async function page_of(
  id: string,
  path: string,
  { output, version }: Pick<Context, "output" | "version">,
  said_to_be = path,
): Promise<{ readonly page: string; readonly episode: Episode; readonly problems: number }> {
  const problems = new AuditProblems(output);
  const search = new EpisodeSearch(id, replay);
  for await (const item of read_audit(path)) {
    if (item.type === "problem") problems.say(item);
    else {
      problems.remark(item);
      search.add(item.record);
    }
  }
  const episode = search.get();
  if (typeof episode === "string") throw no_such_episode(episode, path, id);
  const from = { audit: said_to_be, chain_problems: problems.count, version, settings: named_settings };
  return { page: episode_page(episode, from), episode, problems: problems.count };
}

/** Without an id: the most severe, and how another is chosen. Throws OperatorError where there is none. */
export async function most_severe(path: string): Promise<{ readonly id: string; readonly said: string | null }> {
  const list = await episodes_of(path);
  const choice = list.most_severe(asked_ms());
  if (choice === null) {
    throw new OperatorError(`no episode in ${path}`, 1, "An episode begins when `hosa run` leaves level 0.");
  }
  const { chosen, of, hours } = choice;
  if (of === 1) return { id: chosen.id, said: null };
  const among = hours === null ? `of ${of} episodes` : `of ${of} episodes in ${hours} h`;
  const how = "`hosa explain --list` lists them, `hosa report ID --html FILE` draws another";
  return { id: chosen.id, said: `${chosen.id} is the most severe ${among}; ${how}` };
}

type Told = Pick<Answers["report"], "file" | "choice" | "audit_problems">;

function said(episode: Episode, { file, choice }: Told): string {
  const { first, last, max_level } = episode;
  const { headline } = episode_story(episode);
  const chosen = choice === null ? "" : `${visible(choice)}\n`;
  return `${visible(file)}: episode ${first.id} – ${last.id}, highest level ${max_level}\n${visible(headline)}\n${chosen}`;
}

function answer(episode: Episode, { file, choice, audit_problems }: Told): Omit<Answers["report"], "schema_version"> {
  const { first, last, max_level, end, decisions, omitted, differing_decisions } = episode;
  const about = { file, first: first.id, last: last.id, began: first.wall_time, max_level, end };
  const made_again = { decisions: decisions.length + omitted.decisions, differing_decisions };
  return { ...about, ...made_again, story: episode_story(episode), choice, audit_problems };
}
