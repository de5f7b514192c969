import { createInterface } from "node:readline/promises";
import {
  conservative_marker,
  end_conservative,
  held_in_ledger,
  preview_without_agent,
  release_without_agent,
  selected,
} from "../../agent/release.ts";
import type { Config } from "../../config/index.ts";
import type { HeldItem, ReleaseReply, Selector } from "../../model/control.ts";
import { counted } from "../../model/counted.ts";
import { OperatorError } from "../../model/error.ts";
import { all_visible, visible } from "../../model/visible.ts";
import { duration, held_lines, outcome_line, release_help } from "../../report/release.ts";
import type { ControlClient } from "../../telemetry/control/client.ts";
import { is_reason, REASON_CHARS_MAX } from "../../telemetry/control/protocol.ts";
import { ask_release, ask_status, connect } from "../agent_client.ts";
import type { Context, ExitCode } from "../context.ts";
import type { ReleaseDocument } from "../documents.ts";
import { type GlobalOptions, trusted } from "../options.ts";

export interface ReleaseOptions extends GlobalOptions {
  readonly all?: boolean;
  readonly id?: string;
  readonly target?: string;
  readonly quarantine?: boolean;
  readonly yes?: boolean;
  readonly reason?: string;
}

/** Whoever can release: the running agent, or, where none runs, the ledger. */
interface Holder {
  readonly name: string;
  /** Nobody goes on with what stays pending. */
  readonly from_ledger: boolean;
  /** What is held, or with a selector what of it is meant. */
  preview(select: Selector): Promise<Pick<ReleaseReply, "selected" | "known" | "quarantine">>;
  release(select: Selector, reason: string): Promise<ReleaseReply>;
}

/**
 * Lifts what was limited, through the running agent or without one. Without a selector it only lists: exit code 2 when
 * something is held, for nothing was released. 1: nothing fits the selector, the answer was no, or an undo did not end.
 */
export async function release(options: ReleaseOptions, context: Context): Promise<ExitCode> {
  const select = selector(options);
  if (select === null && (options.yes === true || options.reason !== undefined)) {
    const given = options.yes === true ? "--yes" : "--reason";
    const hint = "Add --id, --target, --quarantine or --all; without one of them release only lists.";
    throw new OperatorError(`release ${given}: nothing was selected`, 2, hint);
  }
  const { reason = "" } = options;
  if (!is_reason(reason)) {
    throw new OperatorError(`--reason: expected one line of at most ${REASON_CHARS_MAX} characters`, 2, "Shorten it.");
  }
  const asks = select !== null && options.yes !== true && options.dryRun !== true;
  if (asks && !is_interactive()) {
    const hint = "Add --yes, or --dry-run to see what would be restored.";
    throw new OperatorError("release asks before it acts, and there is no terminal to ask on", 2, hint);
  }
  const config = trusted(options);
  using client = await connect(config);
  const holder = with_marker(await holder_of(client, config, context), config);
  if (select === null) return await list(holder, options, context);

  const { selected, known, quarantine } = await holder.preview(select);
  const found = { holder: holder.name, selected, quarantine };
  if (selected.length === 0 && !quarantine) return nothing_fits(select, known, found, options, context);
  if (options.dryRun === true) return show(found, options, context);
  if (asks && !(await confirmed(selected, quarantine, holder, context))) {
    if (options.output === "json") context.output.print_answer("release", answer("declined", found));
    context.output.say("nothing was released");
    return 1;
  }
  return say_released(await holder.release(select, reason), holder, options, context);
}

type Answer = Omit<ReleaseDocument, "schema_version">;
type Found = Pick<Answer, "holder" | "selected" | "quarantine">;

function answer(did: Answer["did"], found: Found): Answer {
  return { did, ...found, outcomes: [], cooldown_s: 0, unfinished: 0 };
}

/** The command line takes one of them at most. */
function selector({ all, id, target, quarantine }: ReleaseOptions): Selector | null {
  if (all === true) return { all };
  if (id !== undefined) return { id };
  if (target !== undefined) return { target };
  return quarantine === true ? { quarantine } : null;
}

function is_interactive(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** An agent that only records holds nothing of what the ledger holds: then the ledger counts. */
async function holder_of(client: ControlClient | null, config: Config, context: Context): Promise<Holder> {
  if (client !== null) {
    const { pid, motor, ledger_dir } = await ask_status(client);
    const left = motor === "recording" ? held_in_ledger(config.motor.ledger_dir) : [];
    if (left.length === 0) {
      return {
        name: `the running agent (process ${pid}, ledger ${ledger_dir})`,
        from_ledger: false,
        preview: async (select) => await ask_release(client, { select, reason: "", dry_run: true }, config),
        release: async (select, reason) => await ask_release(client, { select, reason, dry_run: false }, config),
      };
    }
  }
  return from_ledger(config, context, client === null ? "no agent runs" : "the agent that runs only records");
}

function from_ledger(config: Config, context: Context, who: string): Holder {
  const warn = (text: string) => context.output.say(`warn: ${text}`);
  return {
    name: `the ledger in ${config.motor.ledger_dir}, ${who}`,
    from_ledger: true,
    preview: async (select) => preview_without_agent(config, select),
    release: async (select, reason) => await release_without_agent(config, select, reason, warn),
  };
}

/** The marker of conservative mode lies on a disk, beside everything an agent or a ledger holds. */
function with_marker(holder: Holder, config: Config): Holder {
  const marker = config.quarantine.conservative_marker;
  const meant = (select: Selector) => {
    const item = conservative_marker(marker);
    return item === null ? [] : selected([item], select);
  };
  return {
    name: holder.name,
    from_ledger: holder.from_ledger,
    async preview(select) {
      const held = await holder.preview(select);
      // The ledger of the boot that wrote it holds it, too.
      const known = held.selected.some((item) => item.rung === "conservative");
      const more = known ? [] : meant(select);
      return { ...held, selected: [...held.selected, ...more], known: [...held.known, ...more.map((item) => item.id)] };
    },
    async release(select, reason) {
      const more = meant(select);
      const reply = await holder.release(select, reason);
      const outcome = more.length === 0 ? null : end_conservative(marker);
      return outcome === null ? reply : { ...reply, outcomes: [...reply.outcomes, outcome] };
    },
  };
}

async function list(holder: Holder, options: GlobalOptions, context: Context): Promise<ExitCode> {
  const { selected, quarantine } = await holder.preview({ all: true });
  const { output } = context;
  if (options.output === "json")
    output.print_answer("release", answer("listed", { holder: holder.name, selected, quarantine }));
  else if (selected.length === 0) output.print("nothing to release\n");
  else {
    const shown = all_visible(selected);
    const lines = shown.flatMap((item) => held_lines(item, output.paint));
    const title = `${shown.length} held by ${visible(holder.name)}:`;
    output.print(`${[title, ...lines, release_help(shown)].join("\n")}\n`);
  }
  return selected.length === 0 ? 0 : 2;
}

/** Everything of nothing is done already; a name that nothing held bears is a mistake. */
function nothing_fits(
  select: Selector,
  known: readonly string[],
  found: Found,
  options: GlobalOptions,
  context: Context,
): ExitCode {
  const name = "id" in select ? `the id ${select.id}` : "target" in select ? `the target ${select.target}` : null;
  if (name === null) {
    if (options.output === "json") context.output.print_answer("release", answer("released", found));
    else context.output.print("nothing to release\n");
    return 0;
  }
  const ids = [...new Set(known)].join(", ");
  const held = ids === "" ? "nothing is held at all" : `held are ${ids}`;
  throw new OperatorError(`nothing is held under ${name}; ${held}`, 1, "`hosa release` lists what is held.");
}

function show(found: Found, options: GlobalOptions, context: Context): ExitCode {
  const { output } = context;
  const { selected, quarantine } = found;
  if (options.output === "json") output.print_answer("release", answer("previewed", found));
  else output.print(`${preview_lines(selected, quarantine, "would be restored", context).join("\n")}\n`);
  return 0;
}

function preview_lines(
  selected: readonly HeldItem[],
  quarantine: boolean,
  what: string,
  { output }: Context,
): readonly string[] {
  const level = quarantine ? ["level 5 (quarantine) is left"] : [];
  return [
    `${selected.length} ${what} (value now → value restored):`,
    ...all_visible(selected).flatMap((item) => held_lines(item, output.paint)),
    ...level,
  ];
}

async function confirmed(
  selected: readonly HeldItem[],
  quarantine: boolean,
  holder: Holder,
  context: Context,
): Promise<boolean> {
  const lines = preview_lines(selected, quarantine, `would be restored by ${visible(holder.name)}`, context);
  context.output.say_lines(`${lines.join("\n")}\n`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question("Release? [y/N] ", { signal: context.signal });
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    // Interrupted, or the terminal went away: that is no yes.
    if (error instanceof Error) return false;
    throw error;
  } finally {
    terminal.close();
  }
}

function say_released(reply: ReleaseReply, holder: Holder, options: GlobalOptions, context: Context): ExitCode {
  const { selected, outcomes, quarantine, cooldown_s } = reply;
  const { output } = context;
  const alone = holder.from_ledger;
  const unfinished = outcomes.filter(({ status }) => status === "failed" || (alone && status === "pending")).length;
  if (options.output === "json") {
    const released = { selected, outcomes, quarantine, cooldown_s };
    output.print_answer("release", { did: "released", holder: holder.name, ...released, unfinished });
  } else {
    const level = quarantine ? ["level 5 (quarantine) left"] : [];
    const rest = cooldown_s > 0 ? [`not contained again for ${duration(cooldown_s)}`] : [];
    const done = outcomes.length === 0 && !quarantine ? ["nothing to release"] : [...level, ...rest];
    output.print(`${[...all_visible(outcomes).map(outcome_line), ...done].join("\n")}\n`);
  }
  if (unfinished === 0) return 0;
  const one = unfinished === 1;
  output.say(
    `error: ${counted(unfinished, "change")} could not be undone yet and ${one ? "stays" : "stay"} in the ledger; release again`,
  );
  return 1;
}
