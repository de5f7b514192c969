import type { CommandDoc, OptionDoc } from "./describe.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** What a shell needs to know, from the command line's own description. */
interface Words {
  /** Every command and group, by its path; the program itself is "". */
  readonly places: readonly CommandDoc[];
  /** Options that take a value, by what completes it. */
  readonly choosing: readonly OptionDoc[];
  readonly naming_files: readonly string[];
  readonly valued: readonly string[];
  readonly taking_files: readonly string[];
}

/** A script for one shell. The same description gives the same script, byte by byte. */
export function completion(program: CommandDoc, shell: Shell): string {
  const words = collect(program);
  return { bash, zsh, fish }[shell](words);
}

function collect(program: CommandDoc): Words {
  const places = everything(program).map((place) => with_global_options(place, program));
  const options = [...new Map(places.flatMap(({ options }) => options.map((one) => [one.flags, one]))).values()];
  const valued = options.filter(({ value }) => value !== null);
  return {
    places,
    choosing: valued.filter(({ choices }) => choices.length > 0),
    naming_files: valued.filter(({ value }) => value === "file").flatMap(({ names }) => names),
    valued: valued.flatMap(({ names }) => names),
    taking_files: places.filter((place) => place.arguments.some(({ is_file }) => is_file)).map(({ path }) => path),
  };
}

/** What the program takes it takes after a command, too, but for what ends it at once. */
function with_global_options(place: CommandDoc, program: CommandDoc): CommandDoc {
  const own = new Set(place.options.flatMap(({ names }) => names));
  const others = program.options.filter(({ names }) => names.every((name) => name !== "--version" && !own.has(name)));
  return { ...place, options: [...place.options, ...others] };
}

function everything(doc: CommandDoc): readonly CommandDoc[] {
  return [doc, ...doc.commands.flatMap(everything)];
}

const last_word = (path: string): string => path.split(" ").at(-1) ?? "";
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Candidates at a place: its commands and its options, each with what it does. */
function candidates(place: CommandDoc): readonly (readonly [string, string])[] {
  return [
    ...place.commands.map(({ path, description }) => [last_word(path), description] as const),
    ...place.arguments.flatMap(({ name }) => choices_of(name).map((word) => [word, ""] as const)),
    ...place.options.flatMap(({ names, description }) => names.map((name) => [name, description] as const)),
  ];
}

/** An argument named after what it may be, `<bash|zsh|fish>`. */
function choices_of(name: string): readonly string[] {
  return name.includes("|") ? name.slice(1, -1).split("|") : [];
}

function bash(words: Words): string {
  const steps = words.places.filter(({ path }) => path !== "").map(({ path }) => quoted(` ${path}`));
  return `# bash completion for hosa; made by \`hosa completion bash\`
_hosa() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} at='' words='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
    ${words.valued.join(" | ")}) ((i++)) ;;
    *) case "$at \${COMP_WORDS[i]}" in
      ${steps.join(" | ")}) at="$at \${COMP_WORDS[i]}" ;;
      esac ;;
    esac
  done
  case $prev in
${words.choosing.map((one) => `  ${one.names.join(" | ")}) mapfile -t COMPREPLY < <(compgen -W ${quoted(one.choices.join(" "))} -- "$cur"); return ;;`).join("\n")}
  ${words.naming_files.join(" | ")}) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
  ${words.valued.join(" | ")}) return ;;
  esac
  case $at in
${words.places
  .map(
    (place) =>
      `  ${quoted(place.path === "" ? "" : ` ${place.path}`)}) words=${quoted(
        candidates(place)
          .map(([word]) => word)
          .join(" "),
      )} ;;`,
  )
  .join("\n")}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
  case $at in
  ${words.taking_files.map((path) => quoted(` ${path}`)).join(" | ")})
    if [[ $cur != -* ]]; then compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); fi ;;
  esac
}
complete -F _hosa hosa
`;
}

function zsh(words: Words): string {
  const steps = words.places.filter(({ path }) => path !== "").map(({ path }) => quoted(` ${path}`));
  const described = (place: CommandDoc): string =>
    candidates(place)
      .map(([word, description]) => quoted(`${word}:${description.replaceAll(":", "\\:")}`))
      .join(" ");
  return `#compdef hosa
# zsh completion for hosa; made by \`hosa completion zsh\`
_hosa() {
  local at='' i
  local -a choices
  for ((i = 2; i < CURRENT; i++)); do
    case $words[i] in
    ${words.valued.join("|")}) ((i++)) ;;
    *) case "$at $words[i]" in
      ${steps.join("|")}) at="$at $words[i]" ;;
      esac ;;
    esac
  done
  case $words[CURRENT-1] in
${words.choosing.map((one) => `  ${one.names.join("|")}) compadd -- ${one.choices.join(" ")}; return ;;`).join("\n")}
  ${words.naming_files.join("|")}) _files; return ;;
  ${words.valued.join("|")}) return ;;
  esac
  case $at in
${words.places.map((place) => `  ${quoted(place.path === "" ? "" : ` ${place.path}`)}) choices=(${described(place)}) ;;`).join("\n")}
  esac
  case $at in
  ${words.taking_files.map((path) => quoted(` ${path}`)).join("|")}) [[ $PREFIX == -* ]] || { _files; return } ;;
  esac
  _describe -o 'hosa' choices
}
if [ "$funcstack[1]" = _hosa ]; then _hosa "$@"; else compdef _hosa hosa; fi
`;
}

function fish(words: Words): string {
  const steps = words.places.filter(({ path }) => path !== "").map(({ path }) => quoted(path));
  const rows = words.places.flatMap((place) => {
    const here = `complete -c hosa -n ${quoted(`__hosa_at ${quoted(place.path)}`)}`;
    const commands = place.commands.map((one) => `${here} -a ${last_word(one.path)} -d ${quoted(one.description)}`);
    const named = place.arguments.flatMap(({ name }) => choices_of(name)).map((word) => `${here} -a ${word}`);
    const files = place.arguments.some(({ is_file }) => is_file) ? [`${here} -F`] : [];
    return [...commands, ...named, ...files, ...place.options.map((option) => `${here} ${fish_option(option)}`)];
  });
  return `# fish completion for hosa; made by \`hosa completion fish\`
function __hosa_at
    set -l at
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
            continue
        end
        switch $word
            case ${words.valued.join(" ")}
                set skip 1
            case '*'
                contains -- (string join ' ' $at $word) ${steps.join(" ")}; and set at $at $word
        end
    end
    test "$at" = "$argv[1]"
end
complete -c hosa -f
${rows.join("\n")}
`;
}

function fish_option({ names, value, choices, description }: OptionDoc): string {
  const how = names.map((name) => (name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)).join(" ");
  const takes =
    value === null
      ? ""
      : choices.length > 0
        ? ` -x -a ${quoted(choices.join(" "))}`
        : value === "file"
          ? " -r -F"
          : " -x";
  return `${how}${takes} -d ${quoted(description)}`;
}
