import { Argument, Command, InvalidArgumentError, Option } from "commander";
import { nearest } from "../config/nearest.ts";
import { OperatorError } from "../model/error.ts";
import { visible } from "../model/visible.ts";
import type { ReplayOptions } from "./commands/replay.ts";
import type { Context, ExitCode } from "./context.ts";
import {
  acting_level,
  collected,
  duration_s,
  type GlobalOptions,
  LOG_LEVELS,
  positive_integer,
  positive_number,
  since_ms,
  train_rows,
} from "./options.ts";

/** Where the output is no terminal. */
const HELP_COLUMNS = 80;

/** What `explain` tells of a whole run, and of one episode of it. */
const WHOLE_RUN = ["baseline", "timeline", "svg"] as const;
const ONE_OF_RUN = ["episode", ...WHOLE_RUN] as const;

const FOOTER = `
Levels:
  0  homeostasis: the node is as it was learned
  1  vigilance: it watches ten times as often
  2  soft containment of the culprit
  3  active containment, and a share of the new connections is refused
  4  severe containment, and only what is needed is admitted
  5  quarantine: the node is isolated until \`hosa release --quarantine\`

Exit codes:
  0  ok
  1  failed at run time; of \`hosa run\`: also that its audit lacks lines
  2  usage or configuration
  3  privilege or kernel feature missing

Files:
  /etc/hosa/hosa.yaml, /etc/hosa/hosa.d/*.yaml   configuration; every key: \`hosa man hosa.yaml | man -l -\`
  /var/log/hosa                                  why everything was done (audit.jsonl), the beats around it (flight-*), evidence (quarantine-*)
  /etc/hosa/hosa.d/90-autonomy.yaml              what it may do on its own, written by arm and disarm
  /var/lib/hosa                                  what was learned of this node, and a pause
  /run/hosa                                      what has to be undone, and the control socket

JSON (-o json):
  one document on standard output, also where the command fails: {"error": {"kind", "message", "hint", "exit_code"}}
  one line per beat or row and an error as the last line: observe, run, replay
  docs/schema/ describes every document

Environment:
  NO_COLOR                set to anything: no colors
  LC_ALL, LC_CTYPE, LANG  the first that is set names no UTF-8: text in ASCII
  COLUMNS                 width of a terminal that does not tell its own
`;

const SIGNALS = `
Signals:
  SIGTERM, SIGINT  undo every containment and end; a quarantine (level 5) stays
  SIGHUP           with --daemon read the configuration again, all or nothing; otherwise as SIGTERM
`;

function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}\n`;
}

/** Commander quotes what was typed; only its own suggestion is a line by itself. */
function usage_error(text: string): string {
  const [, message = text, suggestion = ""] = /^([\s\S]*?)(\n\(Did you mean [^\n]*\))?\n$/.exec(text) ?? [];
  return `${visible(message)}${suggestion}\n`;
}

/**
 * The command line. Each command loads its own code when it is called, so that help and `explain` need no kernel.
 * `done` receives the exit code of the command that ran; errors are thrown.
 */
export function build_program(context: Context, done: (code: ExitCode) => void): Command {
  const program = new Command("hosa")
    .description(
      "An autonomous nervous system for a Linux node: senses, judges, acts, and can undo and explain all of it.",
    )
    .version(context.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help; `hosa COMMAND --help` for a command")
    .option("-c, --config <file>", "configuration instead of /etc/hosa/hosa.yaml and its drop-ins")
    .option(
      "--dry-run",
      "run: decide and record as always, touch nothing; release, arm, disarm, pause: show what would be done",
    )
    .addOption(new Option("-o, --output <format>", "format of the output").choices(["text", "json"]).default("text"))
    .addOption(new Option("--log-level <level>", "messages on standard error").choices(LOG_LEVELS))
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.output.add_help(text),
      writeErr: (text) => context.output.say_lines(text),
      outputError: (text) => context.output.say_lines(usage_error(text)),
      getOutHelpWidth: () => context.output.screen.columns ?? HELP_COLUMNS,
      getErrHelpWidth: () => context.output.screen.columns ?? HELP_COLUMNS,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .helpCommand(false)
    .addHelpText("after", FOOTER)
    .addHelpText(
      "after",
      examples(
        "hosa doctor",
        "hosa observe",
        "hosa run --dry-run",
        "hosa status",
        "hosa explain --last",
        "hosa release",
      ).slice(1),
    );
  const given = <T extends GlobalOptions>(command: Command): T => command.optsWithGlobals<T>();

  program
    .command("run")
    .description(
      "sense, judge and act until stopped; every containment is undone at the end, only a quarantine (level 5) stays",
    )
    .option("--daemon", "as a service: SIGHUP reads the configuration again, one line per event, no reader needed")
    .option("--duration <time>", "end by itself after this long", duration_s)
    .addHelpText(
      "after",
      examples("hosa run", "hosa run --dry-run --duration 20s", "hosa run -c ./hosa.yaml --log-level debug"),
    )
    .addHelpText("after", SIGNALS)
    .action(async (_options, command: Command) => {
      const { run } = await import("./commands/live.ts");
      done(await run(given(command), context));
    });

  program
    .command("observe")
    .description(
      "what is sensed and judged, touching nothing: one line a second, or every beat as JSON; a running agent's, if one runs",
    )
    .option("--interval <time>", "time between two lines or objects", duration_s)
    .option("--count <n>", "end after this many", positive_integer)
    .option("--duration <time>", "end after this long", duration_s)
    .addHelpText(
      "after",
      examples("hosa observe", "hosa observe --interval 5s", "hosa observe -o json --count 100 | jq .d_smooth"),
    )
    .action(async (_options, command: Command) => {
      const { observe } = await import("./commands/live.ts");
      done(await observe(given(command), context));
    });

  program
    .command("top")
    .description("a live screen of the node: level, dimensions, cgroups, threads, what is held; q quits")
    .option("--interval <time>", "time between two beats that are shown (default: 1s)", duration_s)
    .option("--duration <time>", "end after this long", duration_s)
    .addHelpText("after", examples("hosa top", "hosa top --interval 5s"))
    .addHelpText(
      "after",
      `
Keys:
  q, Ctrl-C  leave; the agent goes on
  ?, h       help
  p, space   hold the display still, and go on
  s          dimensions by their share of the deviation, or by name

It shows the agent that runs. Where none runs, root senses by itself and touches nothing. Where standard
output is no terminal, it is \`hosa observe\`.
`,
    )
    .action(async (_options, command: Command) => {
      const { top } = await import("./commands/top.ts");
      done(await top(given(command), context));
    });

  program
    .command("demo")
    .description(
      "show on a service of its own what a leak does without HOSA and with it; about 90 s, then it is removed",
    )
    .option("--html <file>", "page to write (default: hosa-demo.html); only a page of hosa is written over")
    .addOption(
      new Option("--recorded", "play a recorded demonstration; nothing happens on this node").conflicts([
        "clean",
        "record",
      ]),
    )
    .addOption(
      new Option("--speed <n>", "how much faster a recorded one is played (default: 4)")
        .argParser(positive_number)
        .conflicts(["clean", "record"]),
    )
    .addOption(
      new Option("--clean", "remove what a demonstration left that was killed").conflicts([
        "html",
        "recorded",
        "speed",
        "record",
      ]),
    )
    .addOption(new Option("--record <file>", "write down what happens").hideHelp())
    .addHelpText("after", examples("sudo hosa demo", "hosa demo --recorded", "sudo hosa demo --clean"))
    .addHelpText(
      "after",
      `
It needs root, cgroup v2 with the memory controller, and 1 GiB of available memory; where one of them is
missing it says so and plays the recorded demonstration. It touches /hosa-demo.slice alone, which an agent
that runs on this node leaves alone. Exit code 1 when HOSA did not help.
`,
    )
    .action(async (_options, command: Command) => {
      const { demo } = await import("./commands/demo.ts");
      done(await demo(given(command), context));
    });

  program
    .command("explain")
    .description(
      "say from the audit what happened, to what, and why nothing or something was done; prove it by deciding it again",
    )
    .argument("[id]", "record to explain; without it the last episode")
    .addOption(exclusive("--last", "the last episode, at its peak (the default)", "list", "since", ...ONE_OF_RUN))
    .addOption(exclusive("--list", "the episodes: id, when, how long, highest level, what happened", ...ONE_OF_RUN))
    .addOption(
      exclusive(
        "--since <time>",
        "the episodes since then: 2h, 1d, or a date such as 2026-01-02T03:04:05Z",
        ...ONE_OF_RUN,
      ).argParser(since_ms),
    )
    .addOption(exclusive("--episode <id>", "the episode that a record belongs to, at its peak", ...WHOLE_RUN))
    .addOption(exclusive("--baseline", "the learned self: means, deviations, thresholds", "timeline", "svg"))
    .option("--timeline", "the whole last run, line by line")
    .option(
      "--svg <file>",
      "the whole last run as a picture; - for standard output; only a picture of hosa is written over",
    )
    .option("--audit <file>", "audit instead of the configured one")
    .addHelpText(
      "after",
      examples(
        "hosa explain",
        "hosa explain --since 2h",
        "hosa explain --episode e17",
        "hosa explain e17",
        "hosa explain --timeline --svg run.svg",
        "hosa explain --baseline -o json",
      ),
    )
    .action(async (id: string | undefined, _options, command: Command) => {
      const { explain } = await import("./commands/explain.ts");
      done(await explain(id, given(command), context));
    });

  program
    .command("report")
    .description(
      "one episode of the audit as a page: what was seen, who, what was done, what would have come, the proof",
    )
    .argument("[id]", "any record of the episode; without it the most severe of the last day")
    .requiredOption("--html <file>", "page to write; - for standard output; only a page of hosa is written over")
    .option("--audit <file>", "audit instead of the configured one")
    .addHelpText("after", examples("hosa report --html episode.html", "hosa report e8 --html - | gzip > e8.html.gz"))
    .action(async (id: string | undefined, _options, command: Command) => {
      const { report } = await import("./commands/report.ts");
      done(await report(id, given(command), context));
    });

  program
    .command("replay")
    .description("judge the rows of a CSV, or decide a recorded flight again; no kernel, no root")
    .argument("<file>", "CSV or flight-*.jsonl.gz, gzipped or not; - for standard input")
    .option(
      "--row-interval <time>",
      "what one row of the CSV stands for (default: the median step between its times; 5m without times)",
      duration_s,
    )
    .option(
      "--train-rows <n|part%>",
      "rows to learn from, a number or a percentage, where no column `split` says it (default: the first third)",
      train_rows,
    )
    .option(
      "--alarms-per-day <n>",
      "asked alarms per day: what the threshold is learned for (default: 24 times thresholds.vigilance_per_hour)",
      positive_number,
    )
    .option(
      "--budget-hours <h>",
      "budget hours per day: false-alarm hours allowed in `event recall at budget`",
      positive_number,
      1,
    )
    .addOption(
      new Option("--detector <name>", "seed: z-score, IQR fence and isolation forest judge beside hosa")
        .choices(["hosa", "seed"])
        .default("hosa"),
    )
    .option("--set <key=value>", "a configuration key for this replay; may be repeated", collected, [])
    .addHelpText(
      "after",
      `
A CSV names its columns in its first line. With the columns split (train, test) and label (0, 1) the result is
figures: AUC, recall, delay, false alarms. Without them it is the episodes: when, how long, by which metrics.
Times, separators (, ; tab), decimal commas, quotes, missing values and the long format are detected.
${examples(
  "hosa replay grafana-export.csv --train-rows 2000",
  "hosa replay node.csv.gz --row-interval 5m --alarms-per-day 2 --detector seed",
  "hosa replay node.csv -o json --set learning.half_life_s=600 | tail -n 1 | jq .summary.auc_pr",
  "hosa replay /var/log/hosa/flight-2026-01-01T000108.539Z.jsonl.gz",
)}`,
    )
    .action(async (file: string, _options, command: Command) => {
      const { replay } = await import("./commands/replay.ts");
      done(await replay(file, { ...given<ReplayOptions>(command), given: typed_options(command) }, context));
    });

  program
    .command("what-if")
    .description(
      "decide recorded flights again with another configuration: what would have been done, to whom, how often",
    )
    .argument("[files...]", "flight-*.jsonl.gz or audit.jsonl; without any, all flights beside the configured audit")
    .option("--set <key=value>", "change this key of the recorded configuration; may be repeated", collected, [])
    .addHelpText(
      "after",
      `
With --config that file takes the place of the recorded configuration as a whole.
${examples(
  "hosa what-if --set act.ttf_horizon_s=30",
  "hosa what-if flight-*.jsonl.gz --config ./stricter.yaml",
  "hosa what-if audit.jsonl --set thresholds.mode=fixed --set thresholds.fixed=[3,5,7,9] -o json",
)}`,
    )
    .action(async (files: readonly string[], _options, command: Command) => {
      const { what_if } = await import("./commands/what_if.ts");
      done(await what_if(files, given(command), context));
    });

  program
    .command("status")
    .description("what the running agent feels and holds; exit code 1 when none runs, then what the ledger holds")
    .addHelpText("after", examples("hosa status", "hosa status -o json | jq .held"))
    .action(async (_options, command: Command) => {
      const { status } = await import("./commands/status.ts");
      done(await status(given(command), context));
    });

  program
    .command("release")
    .description("lift what HOSA limited, through the running agent or without one; without a selector only list it")
    .addOption(
      exclusive(
        "--id <id>",
        "one action: the id of its containment or of its ledger entry",
        "target",
        "quarantine",
        "all",
      ).argParser(once),
    )
    .addOption(
      exclusive("--target <cgroup>", "one cgroup: its path, directory or id", "quarantine", "all").argParser(once),
    )
    .addOption(exclusive("--quarantine", "what level 5 did, and level 5", "all"))
    .option("--all", "everything")
    .option("--yes", "do not ask; without a terminal it is needed")
    .option("--reason <text>", "one line for the audit")
    .addHelpText(
      "after",
      examples(
        "hosa release",
        "hosa release --id c1",
        "hosa release --target /payment.slice --reason 'the batch may have it'",
        "hosa release --all --yes",
        "hosa release --all --dry-run",
      ),
    )
    .addHelpText(
      "after",
      "\nA running agent leaves what was released alone for control.release_cooldown_s (10 min).\nWithout a selector: exit code 2 when something is held, for nothing was released.\n",
    )
    .action(async (_options, command: Command) => {
      const { release } = await import("./commands/release.ts");
      done(await release(given(command), context));
    });

  program
    .command("arm")
    .description("let HOSA act on its own from now on: one drop-in, which the running agent takes up at once")
    .addOption(
      new Option(
        "--up-to <level>",
        "highest level it may enter (default: 4, or max_level of the configuration where that is lower); 5 isolates the node",
      ).argParser(acting_level),
    )
    .option("--yes", "do not ask; without a terminal it is needed")
    .addHelpText("after", examples("hosa arm", "hosa arm --up-to 2", "hosa arm --up-to 5 --yes", "hosa arm --dry-run"))
    .addHelpText(
      "after",
      "\nExit code 1: the answer was no, or the file is written and a running agent does not do as it says.\n",
    )
    .action(async (_options, command: Command) => {
      const { arm } = await import("./commands/arm.ts");
      done(await arm(given(command), context));
    });

  program
    .command("disarm")
    .description("stop HOSA from acting: release what is held, and only record and tell from now on what it would do")
    .option("--yes", "do not ask; without a terminal it never asks")
    .addHelpText("after", examples("hosa disarm", "hosa disarm --dry-run"))
    .addHelpText("after", "\nA quarantine (level 5) stays; `hosa release --quarantine` ends it.\n")
    .action(async (_options, command: Command) => {
      const { disarm } = await import("./commands/arm.ts");
      done(await disarm(given(command), context));
    });

  program
    .command("pause")
    .description(
      "contain nothing new for a time, at most 24h; it resumes by itself, and a restart or reboot does not end it",
    )
    .addArgument(new Argument("[time]", "how long: 30m, 2h").argParser(duration_s))
    .option("--reason <text>", "one line for the audit")
    .addOption(exclusive("--release", "release what is held (the default)", "keep"))
    .option("--keep", "keep what is held: it is let go in its time, and not replaced")
    .addOption(exclusive("--status", "only say whether it is paused", "reason", "release", "keep"))
    .addHelpText(
      "after",
      examples("hosa pause 30m --reason 'kernel upgrade'", "hosa pause 10m --keep", "hosa pause --status"),
    )
    .addHelpText("after", "\nA quarantine (level 5) is not entered while paused; one that stands stays.\n")
    .action(async (time: number | undefined, _options, command: Command) => {
      const { pause } = await import("./commands/pause.ts");
      done(await pause(time, given(command), context));
    });

  program
    .command("resume")
    .description("end a pause before its time")
    .addHelpText("after", examples("hosa resume"))
    .action(async (_options, command: Command) => {
      const { resume } = await import("./commands/pause.ts");
      done(await resume(given(command), context));
    });

  program
    .command("doctor")
    .description("examine this host: what HOSA can feel and do here, what is missing, what that costs")
    .addHelpText("after", examples("hosa doctor", "hosa doctor -o json | jq .usable"))
    .action(async (_options, command: Command) => {
      const { doctor } = await import("./commands/doctor.ts");
      done(await doctor(given(command), context));
    });

  const config = program.command("config").description("check or show the configuration").helpCommand(false);
  config
    .command("check")
    .description("read the configuration as `hosa run` would")
    .addHelpText("after", examples("hosa config check", "hosa config check -c ./hosa.yaml"))
    .action(async (_options, command: Command) => {
      const { config_check } = await import("./commands/config.ts");
      done(config_check(given(command), context));
    });
  config
    .command("show")
    .description("the configuration as the files say it, every key described")
    .addHelpText("after", examples("hosa config show", "hosa config show -o json"))
    .action(async (_options, command: Command) => {
      const { config_show } = await import("./commands/config.ts");
      done(await config_show(given(command), context));
    });

  program
    .command("completion")
    .description("completion of this command line for a shell, as a script")
    .addArgument(new Argument("<bash|zsh|fish>", "the shell").choices(["bash", "zsh", "fish"]))
    .addHelpText("after", examples("source <(hosa completion bash)", "hosa completion zsh > ~/.zsh/functions/_hosa"))
    .action(async (shell: "bash" | "zsh" | "fish", _options, command: Command) => {
      refuse_json(command);
      const { complete } = await import("./commands/manual.ts");
      done(await complete(shell, program, context));
    });
  program
    .command("man")
    .description("a manual page, as roff")
    .addArgument(new Argument("[hosa|hosa.yaml]", "the page").choices(["hosa", "hosa.yaml"]).default("hosa"))
    .addHelpText("after", examples("hosa man | man -l -", "hosa man hosa.yaml | man -l -"))
    .action(async (page: "hosa" | "hosa.yaml", _options, command: Command) => {
      refuse_json(command);
      const { man } = await import("./commands/manual.ts");
      done(await man(page, program, context));
    });
  program
    .command("help")
    .description("help for a command")
    .argument("[command...]", "the command, in as many words as it has")
    .action((words: readonly string[]) => command_of(program, words).help());
  return program;
}

/** An option that cannot be given together with others, each by the name it has in the parsed options. */
function exclusive(flags: string, description: string, ...others: string[]): Option {
  return new Option(flags, description).conflicts(others);
}

/** A second one would take the place of the first without a word. */
function once(value: string, before: string | undefined): string {
  if (before === undefined) return value;
  throw new InvalidArgumentError(`It is given twice: ${before} and ${value}. Call the command once for each.`);
}

/** Names of the options that stand on the command line, as they are typed there. */
function typed_options(command: Command): readonly string[] {
  const typed = (one: Command): string[] =>
    one.options.filter((option) => one.getOptionValueSource(option.attributeName()) === "cli").map(({ long }) => long!);
  return [...typed(command), ...(command.parent === null ? [] : typed(command.parent))];
}

/** A script and a page have no form in JSON. */
function refuse_json(command: Command): void {
  if (command.optsWithGlobals<GlobalOptions>().output !== "json") return;
  throw new OperatorError(`${command.name()} -o json: there is no such form of it`, 2, "Leave -o json out.");
}

/** @throws OperatorError (exit code 2) for a command that does not exist */
function command_of(program: Command, words: readonly string[]): Command {
  let found = program;
  for (const word of words) {
    const names = found.commands.map((one) => one.name());
    const next = found.commands.find((one) => one.name() === word);
    if (next === undefined) {
      const meant = nearest(word, names);
      const there = names.length === 0 ? `${found.name()} has no commands.` : `There are ${names.join(", ")}.`;
      const hint = meant === null ? there : `Did you mean ${meant}?`;
      throw new OperatorError(`help ${words.join(" ")}: there is no command "${word}"`, 2, hint);
    }
    found = next;
  }
  return found;
}
