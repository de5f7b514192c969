import { Argument, Command, Option } from "commander";
import type { Context, ExitCode } from "./context.ts";
import {
  collected,
  duration_s,
  type GlobalOptions,
  LOG_LEVELS,
  positive_integer,
  positive_number,
  since_ms,
} from "./options.ts";

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
  1  failed at run time
  2  usage or configuration
  3  privilege or kernel feature missing

Files:
  /etc/hosa/hosa.yaml, /etc/hosa/hosa.d/*.yaml   configuration; every key: \`hosa man hosa.yaml | man -l -\`
  /var/log/hosa                                  why everything was done (audit.jsonl), the beats around it (flight-*), evidence (quarantine-*)
  /var/lib/hosa                                  what was learned of this node
  /run/hosa                                      what has to be undone, and the control socket

Environment:
  NO_COLOR  set to anything: no colours
`;

const SIGNALS = `
Signals:
  SIGTERM, SIGINT  undo every containment and end; a quarantine (level 5) stays
  SIGHUP           with --daemon read the configuration again, all or nothing; otherwise as SIGTERM
`;

function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}\n`;
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
    .version(context.version, "--version", "print the version")
    .helpOption("-h, --help", "print help; `hosa COMMAND --help` for a command")
    .option("-c, --config <file>", "configuration instead of /etc/hosa/hosa.yaml and its drop-ins")
    .option("--dry-run", "run: decide and record as always, touch nothing; release: show what would be restored")
    .addOption(new Option("-o, --output <format>", "format of the output").choices(["text", "json"]).default("text"))
    .addOption(new Option("--log-level <level>", "messages on standard error").choices(LOG_LEVELS))
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError()
    .exitOverride()
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
    .command("explain")
    .description(
      "say from the audit what happened, to what, and why nothing or something was done; prove it by deciding it again",
    )
    .argument("[id]", "record to explain; without it the last episode")
    .option("--last", "the last episode, at its peak (the default)")
    .option("--list", "the episodes: id, when, how long, highest level, what happened")
    .option("--since <time>", "the episodes since then: 2h, 1d, or a date such as 2026-01-02T03:04:05Z", since_ms)
    .option("--episode <id>", "the episode that a record belongs to, at its peak")
    .option("--baseline", "the learned self: means, deviations, thresholds")
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
    .description("try the judgement on a labelled CSV, or decide a recorded flight again; no kernel, no root")
    .argument("<file>", "CSV (`split,label,dim…`) or flight-*.jsonl.gz, gzipped or not; - for standard input")
    .addOption(
      new Option("--row-interval <time>", "what one row of the CSV stands for")
        .argParser(duration_s)
        .default(300, "5m"),
    )
    .option("--alarms-per-day <n>", "vigilance budget: false alarms per day θ1 is learned for", positive_number)
    .option("--budget-hours <h>", "budget of event_recall_at_budget: false-alarm hours per day", positive_number, 1)
    .option("--set <key=value>", "a configuration key for this replay; may be repeated", collected, [])
    .addHelpText(
      "after",
      examples(
        "hosa replay node.csv.gz --row-interval 5m --alarms-per-day 2",
        "hosa replay node.csv -o json --set learning.half_life_s=600 | tail -n 1 | jq .summary.auc_pr",
        "hosa replay /var/log/hosa/flight-2026-01-01T000108.539Z.jsonl.gz",
      ),
    )
    .action(async (file: string, _options, command: Command) => {
      const { replay } = await import("./commands/replay.ts");
      done(await replay(file, given(command), context));
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
    .option("--id <id>", "one action: the id of its containment or of its ledger entry")
    .option("--target <cgroup>", "one cgroup: its path, directory or id")
    .option("--quarantine", "what level 5 did, and level 5")
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
    .command("doctor")
    .description("examine this host: what HOSA can feel and do here, what is missing, what that costs")
    .addHelpText("after", examples("hosa doctor", "hosa doctor -o json | jq .usable"))
    .action(async (_options, command: Command) => {
      const { doctor } = await import("./commands/doctor.ts");
      done(await doctor(given(command), context));
    });

  const config = program.command("config").description("check or show the configuration");
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
      done(config_show(given(command), context));
    });

  program
    .command("completion")
    .description("completion of this command line for a shell, as a script")
    .addArgument(new Argument("<bash|zsh|fish>", "the shell").choices(["bash", "zsh", "fish"]))
    .addHelpText("after", examples("source <(hosa completion bash)", "hosa completion zsh > ~/.zsh/functions/_hosa"))
    .action(async (shell: "bash" | "zsh" | "fish", _options, _command: Command) => {
      const { complete } = await import("./commands/manual.ts");
      done(await complete(shell, program, context));
    });
  program
    .command("man")
    .description("a manual page, as roff")
    .addArgument(new Argument("[hosa|hosa.yaml]", "the page").choices(["hosa", "hosa.yaml"]).default("hosa"))
    .addHelpText("after", examples("hosa man | man -l -", "hosa man hosa.yaml | man -l -"))
    .action(async (page: "hosa" | "hosa.yaml", _options, _command: Command) => {
      const { man } = await import("./commands/manual.ts");
      done(await man(page, program, context));
    });
  return program;
}
