import { began_ms } from "../agent/clock.ts";
import { replay } from "../agent/replay.ts";
import { read_audit } from "../audit/index.ts";
import { OperatorError } from "../model/error.ts";
import { EpisodeList } from "../report/episode_list.ts";
import { EpisodeSearch, type FoundEpisode } from "../report/episode_search.ts";
import { connect, flush_audit } from "./agent_client.ts";
import { audit_given, configured, type GlobalOptions } from "./options.ts";

/** The audit that was named, else the configured one, where a running agent first writes what it still has to write. */
export async function audit_path(options: GlobalOptions & { readonly audit?: string }): Promise<string> {
  const given = audit_given(options);
  if (given !== undefined) return given;
  const config = configured(options);
  try {
    using client = await connect(config);
    if (client !== null) await flush_audit(client);
  } catch (error) {
    // Whoever may not ask the agent may still read what is written.
    if (!(error instanceof OperatorError)) throw error;
  }
  return config.audit.path;
}

/** All episodes of an audit. What is wrong with the audit is told by whoever reads the chosen one. */
export async function episodes_of(path: string): Promise<EpisodeList> {
  const list = new EpisodeList();
  for await (const item of read_audit(path)) if (item.type === "record") list.add(item.record);
  return list;
}

/** Starting this very command may be what a quiet node feels: what began since then, or so shortly before, is no answer to it. */
const OWN_START_MS = 500;

/** What began later than this is about this command. */
export function asked_ms(): number {
  return began_ms() - OWN_START_MS;
}

/** The episode that a record belongs to, with every decision made again. */
export async function search_episode(id: string, path: string): Promise<FoundEpisode> {
  const search = new EpisodeSearch(id, replay);
  for await (const item of read_audit(path)) if (item.type === "record") search.add(item.record);
  return search.get();
}

export function no_such_episode(why: "quiet_record" | "no_record", path: string, id: string): OperatorError {
  const hint =
    "`hosa explain --list` lists the episodes, `hosa explain --timeline` every id; rotated-out records are gone.";
  const said =
    why === "no_record"
      ? `no record "${id}" in ${path}`
      : `record "${id}" in ${path} belongs to no episode: the node was at level 0`;
  return new OperatorError(said, 1, hint);
}
