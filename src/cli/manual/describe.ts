import type { Command, Option } from "commander";

/** One option as the command line takes it. */
export interface OptionDoc {
  readonly flags: string;
  /** Every way to write it: `-c`, `--config`. */
  readonly names: readonly string[];
  /** `file`, `time`: the word in angle brackets; null for a switch. */
  readonly value: string | null;
  readonly choices: readonly string[];
  readonly description: string;
}

/** A block below the options in `--help`: its title without the colon, and its lines. */
export interface HelpBlock {
  readonly title: string;
  readonly lines: readonly string[];
}

export interface CommandDoc {
  /** Without the program's own name: `config check`; empty for the program itself. */
  readonly path: string;
  readonly usage: string;
  readonly description: string;
  readonly arguments: readonly { readonly name: string; readonly description: string; readonly is_file: boolean }[];
  readonly options: readonly OptionDoc[];
  readonly blocks: readonly HelpBlock[];
  readonly commands: readonly CommandDoc[];
}

/** What `--help` knows of a command and all below it: the one source of manual pages and completions. */
export function describe(command: Command, path = ""): CommandDoc {
  const help = command.createHelp();
  return {
    path,
    usage: help.commandUsage(command),
    description: command.description(),
    arguments: command.registeredArguments.map((argument) => ({
      name: argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
      description: argument.description,
      is_file: argument.name() === "file",
    })),
    options: help.visibleOptions(command).map(option_doc),
    blocks: help_blocks(command),
    commands: help
      .visibleCommands(command)
      .filter((one) => one.name() !== "help")
      .map((one) => describe(one, `${path} ${one.name()}`.trim())),
  };
}

/** The commands that do something, depth first. */
export function leaves(doc: CommandDoc): readonly CommandDoc[] {
  return doc.commands.length === 0 ? [doc] : doc.commands.flatMap(leaves);
}

function option_doc(option: Option): OptionDoc {
  return {
    flags: option.flags,
    names: [option.short, option.long].filter((name) => name !== undefined),
    value: /[<[]([^>\]]+)/.exec(option.flags)?.[1] ?? null,
    choices: option.argChoices ?? [],
    description: option.description,
  };
}

/** Commander keeps added help text in listeners: it is caught on its way out. Text before the first title has the title "". */
function help_blocks(command: Command): readonly HelpBlock[] {
  let text = "";
  const before = command.configureOutput();
  command.configureOutput({ ...before, writeOut: (part) => (text += part), getOutHasColors: () => false });
  command.outputHelp();
  command.configureOutput(before);
  const blocks: { title: string; lines: string[] }[] = [];
  for (const line of text.slice(command.helpInformation().length).split("\n")) {
    const title = /^([A-Z][\w ]*):$/.exec(line)?.[1];
    if (title !== undefined) blocks.push({ title, lines: [] });
    else if (/^\S/.test(line)) blocks.push({ title: "", lines: [line] });
    else if (line.trim() !== "") blocks.at(-1)?.lines.push(line.trim());
  }
  return blocks;
}
