/**
 * Provokes a node whose agent decides in a dry run, and checks that the live view, `explain`, `report` and `status` name the same
 * and the right process, thread, cgroup and pattern. On this machine, and in a guest of the lab, where `hosa` is the runtime of this script too.
 *
 *   run.ts HOSA OUT SIZES RUNS NAMES WARMUP_S CGROUP      results to OUT/story.jsonl, a line each
 */
import { appendFileSync, existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Story } from "../../src/model/story.ts";
import { type Expected, faults, type Said } from "./check.ts";
import { cgroup_of } from "./processes.ts";
import { is_aged, PROVOCATIONS, type Provocation, SIZES } from "./provocations.ts";

const [
  hosa = "dist/hosa",
  out = "/tmp/story",
  sizes = "host",
  runs = "1",
  names = "vm,leak,fork,dd,cpu",
  warmup = "40",
  mount = "",
] = process.argv.slice(2);
/** An episode is over ten seconds after the last calm; then the node must be calm for a moment. */
const CALM_S = 13;
/** Until something named itself in the background, at most. */
const PATIENCE_S = 180;
/** The leak's process is so old when its turn comes. */
const AGE_S = 60;
const own = { BUN_BE_BUN: undefined };

mkdirSync(join(out, "state"), { recursive: true, mode: 0o700 });
mkdirSync(join(out, "ledger"), { recursive: true, mode: 0o700 });
const config = join(out, "hosa.yaml");
writeFileSync(
  config,
  `learning: {warmup_s: ${warmup}, state_dir: ${join(out, "state")}}
audit: {path: ${join(out, "audit.jsonl")}}
motor: {ledger_dir: ${join(out, "ledger")}}
control: {socket: ${join(out, "hosa.sock")}}
`,
);

function ask(...words: readonly string[]): string {
  const { stdout, stderr, exitCode } = Bun.spawnSync([hosa, ...words, "-c", config], {
    env: { ...process.env, ...own },
  });
  if (exitCode !== 0 && exitCode !== 1) throw new Error(`hosa ${words.join(" ")}: ${exitCode}: ${stderr.toString()}`);
  return stdout.toString();
}

interface Beat {
  readonly t_ns: number;
  readonly level: number;
  readonly warm: boolean;
  readonly story: Story;
}

/** The live view, as a person's second terminal would have it; the last beats are kept. */
class Watcher {
  readonly beats: Beat[] = [];
  readonly #child = Bun.spawn([hosa, "observe", "-o", "json", "--interval", "0.25s", "-c", config], {
    stdout: "pipe",
    stderr: "ignore",
    env: { ...process.env, ...own },
  });

  constructor() {
    void this.#read();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of this.#child.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.beats.push(JSON.parse(line) as Beat);
    }
  }

  end(): void {
    this.#child.kill();
  }
}

async function until(condition: () => boolean, patience_s: number, meanwhile: () => void = () => {}): Promise<boolean> {
  for (const end = performance.now() + patience_s * 1000; performance.now() < end; ) {
    if (condition()) return true;
    meanwhile();
    await Bun.sleep(200);
  }
  return condition();
}

const agent = Bun.spawn([hosa, "run", "--dry-run", "-c", config], {
  stdout: Bun.file(join(out, "run.log")),
  stderr: Bun.file(join(out, "run.err")),
  env: { ...process.env, ...own },
});
await until(() => existsSync(join(out, "hosa.sock")), 30);
const watcher = new Watcher();
const calm = () => {
  const last = watcher.beats.at(-1);
  const since = watcher.beats.findLast(({ level }) => level > 0)?.t_ns ?? 0;
  return last?.warm === true && last.t_ns - since > CALM_S * 1e9;
};

async function provoke(name: string, prepared: Provocation | null, cgroup: string | null): Promise<readonly string[]> {
  if (!(await until(calm, PATIENCE_S))) return ["the node was never calm before it"];
  const from = watcher.beats.length;
  const provocation = prepared ?? (await PROVOCATIONS[name]!(SIZES[sizes as "host"], out, cgroup));
  if (is_aged(provocation)) {
    await until(() => performance.now() - provocation.born_ms > AGE_S * 1000, AGE_S);
    provocation.begin();
  }
  const path = cgroup === null ? cgroup_of("self") : `/${cgroup.split("/").at(-1)}`;
  let over = false;
  void provocation.over.then(() => {
    over = true;
  });
  await until(() => over, 120, provocation.look);
  const live = watcher.beats.slice(from);
  // Asked when the episode is over, so that all are asked about the same.
  if (!(await until(calm, PATIENCE_S))) return ["the node did not become calm after it"];
  const explained = JSON.parse(ask("explain", "-o", "json")) as { story: Story; episode?: { id: string } };
  const id = explained.episode?.id ?? "";
  const said: Said = {
    live,
    explain: explained.story,
    explain_text: ask("explain"),
    report: (JSON.parse(ask("report", id, "--html", join(out, `${name}.html`), "-o", "json")) as { story: Story })
      .story,
    page: await Bun.file(join(out, `${name}.html`)).text(),
    status: (JSON.parse(ask("status", "-o", "json")) as { last_episode: Said["status"] }).last_episode,
  };
  const expected: Expected = { ...provocation.expected, path };
  writeFileSync(join(out, `${name}.txt`), `${said.explain_text}\n${ask("status")}`);
  return faults(expected, said);
}

const cgroup = mount === "" ? null : `${mount}/hosa-story.${process.pid}`;
if (cgroup !== null) mkdirSync(cgroup);
const wanted = names.split(",");
for (let run = 1; run <= Number(runs); run++) {
  // The leak's process is a minute old when its turn comes, unless it is alone.
  const aged = wanted.includes("leak") ? await PROVOCATIONS["leak"]!(SIZES[sizes as "host"], out, cgroup) : null;
  for (const name of wanted.toSorted((one, other) => Number(one === "leak") - Number(other === "leak"))) {
    const found = await provoke(name, name === "leak" ? aged : null, cgroup);
    appendFileSync(join(out, "story.jsonl"), `${JSON.stringify({ run, name, faults: found })}\n`);
    console.log(`${run} ${name}: ${found.length === 0 ? "right" : found.join("; ")}`);
  }
}
watcher.end();
agent.kill("SIGTERM");
await agent.exited;
if (cgroup !== null) rmdirSync(cgroup);
