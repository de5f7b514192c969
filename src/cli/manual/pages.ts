import { KEY_DOCS, type KeyDocs } from "../../config/index.ts";
import { type CommandDoc, type HelpBlock, leaves, type OptionDoc } from "./describe.ts";
import { entry, header, paragraph, section, subsection, verbatim } from "./roff.ts";

/** hosa(8), from the command line's own help. */
export function command_page(program: CommandDoc, version: string): string {
  return page([
    header("HOSA", 8, `hosa ${version}`, "System Administration"),
    section("NAME", `hosa \\- ${lower_first(program.description).replaceAll("-", "\\-").replace(/\.$/, "")}`),
    section("SYNOPSIS", paragraph("hosa [OPTION]... COMMAND [ARGUMENT]...")),
    section("DESCRIPTION", paragraph(program.description)),
    section("COMMANDS", ...leaves(program).map((command) => command_part(command, program))),
    section("OPTIONS", ...program.options.map(option_part)),
    ...program.blocks.map((block) => section(block.title.toUpperCase(), block_part(block))),
    section("SEE ALSO", paragraph("hosa.yaml(5), systemctl(1), journalctl(1), capabilities(7), cgroups(7)")),
  ]);
}

/** hosa.yaml(5), from the schema that checks the file. */
export function config_page(version: string): string {
  const sections = new Map<string, KeyDocs[]>();
  for (const key of KEY_DOCS) {
    const name = key.path.split(".")[0]!;
    sections.set(name, [...(sections.get(name) ?? []), key]);
  }
  return page([
    header("HOSA.YAML", 5, `hosa ${version}`, "File Formats"),
    section("NAME", "hosa.yaml \\- configuration of hosa(8)"),
    section("SYNOPSIS", paragraph("/etc/hosa/hosa.yaml, /etc/hosa/hosa.d/*.yaml")),
    section(
      "DESCRIPTION",
      paragraph(
        "YAML. The drop-ins are merged over hosa.yaml in the order of their names, key by key; a list replaces the list before it. What is " +
          "left out has its default. Unknown keys and values that are not accepted are errors, named with file, line and column; nothing " +
          "starts, and nothing is reloaded, on a file with an error. A file X.yaml given with --config is read with its own drop-ins, X.d/*.yaml, and no others. `hosa arm` and `hosa disarm` write the drop-in 90-autonomy.yaml.",
      ),
      paragraph(
        "A reload (systemctl reload hosa) takes up the keys that say so below; for every other key it keeps the value in force, and names it.",
      ),
    ),
    section("KEYS", ...[...sections].map(([name, keys]) => subsection(name, ...keys.map(key_part)))),
    section("SEE ALSO", paragraph("hosa(8); hosa config check, hosa config show")),
  ]);
}

function page(parts: readonly string[]): string {
  return `${parts.join("\n")}\n`;
}

function command_part(command: CommandDoc, program: CommandDoc): string {
  const inherited = new Set(program.options.map(({ flags }) => flags));
  const own = command.options.filter(({ flags }) => !inherited.has(flags));
  return subsection(
    `hosa ${command.path} ${command.usage.slice(`hosa ${command.path}`.length).replace("[options]", "").trim()}`.trim(),
    paragraph(sentence(command.description)),
    ...command.arguments.map(({ name, description }) => entry(name, sentence(description))),
    ...own.map(option_part),
    ...command.blocks.map((block) => (block.title === "Examples" ? verbatim(block.lines) : block_part(block))),
  );
}

function option_part({ flags, choices, description }: OptionDoc): string {
  const accepted = choices.length === 0 ? "" : ` One of ${choices.join(", ")}.`;
  return entry(flags, `${sentence(description)}${accepted}`);
}

/** Lines of two columns become terms, others stay as they are. */
function block_part({ lines }: HelpBlock): string {
  const rows = lines.map((line) => /^(\S(?:.*?\S)?) {2,}(.+)$/.exec(line));
  if (rows.every((row) => row !== null)) return rows.map((row) => entry(row[1]!, sentence(row[2]!))).join("\n");
  return lines.some((line) => line.startsWith("hosa ")) ? verbatim(lines) : lines.map(paragraph).join("\n");
}

function key_part({ path, docs, unit, accepts, initial, live }: KeyDocs): string {
  const measured = unit === "–" ? "" : ` Unit: ${unit}.`;
  const taken_up = live ? "Taken up by a reload." : "Needs a restart.";
  return entry(path, `${docs}${measured} Accepts: ${accepts}. Default: ${JSON.stringify(initial)}. ${taken_up}`);
}

function sentence(words: string): string {
  const capital = `${words.slice(0, 1).toUpperCase()}${words.slice(1)}`;
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}

function lower_first(words: string): string {
  return `${words.slice(0, 1).toLowerCase()}${words.slice(1)}`;
}
