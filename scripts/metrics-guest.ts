import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { folder_of } from "../lab/cells.ts";
import type { AuditRecord } from "../src/model/audit.ts";

const SCENARIO = "payment";
const SEED = 1;
/** The hold is verified within some seconds of the onset, and then only looked at ever more rarely. */
const AFTER_S = 30;

/** What an agent that acts said of itself while a service leaked in a guest, and what it recorded. */
export interface Recording {
  /** One a second, oldest first. */
  readonly pages: readonly { readonly t_ms: number; readonly text: string }[];
  readonly audit: readonly AuditRecord[];
}

/** Begins a run of the lab whose agent serves /metrics; everything it leaves is in the directory, what it says in the log. */
export function begin_guest(directory: string, log: string): Bun.Subprocess {
  mkdirSync(directory);
  const config = join(directory, "hosa.yaml");
  const own = readFileSync("lab/hosa.yaml", "utf8");
  writeFileSync(config, `${own}metrics: { enabled: true }\n`);
  const what = ["--agent", "hosa", "--seed", String(SEED), "--after", String(AFTER_S), "--config", config];
  const said = Bun.file(log);
  return Bun.spawn(["scripts/lab", SCENARIO, ...what, "--out", directory], {
    stdin: "ignore",
    stdout: said,
    stderr: said,
  });
}

/** What the run left. @throws where it was not recorded */
export function read_recording(directory: string): Recording {
  const folder = join(directory, folder_of(SCENARIO, "6.12", "hosa", SEED));
  const names = readdirSync(join(folder, "pages")).toSorted((one, other) => Number(one) - Number(other));
  const pages = names.map((name) => ({
    t_ms: Number(name),
    text: readFileSync(join(folder, "pages", name), "utf8"),
  }));
  const lines = readFileSync(join(folder, "audit.jsonl"), "utf8").trimEnd().split("\n");
  return { pages, audit: lines.map((line) => JSON.parse(line) as AuditRecord) };
}

/** Gives one page to each scrape, in their order, and the last one from then on. */
export class Playback implements Disposable {
  readonly #server: Bun.Server<undefined>;
  #left: readonly string[];

  constructor(pages: readonly string[]) {
    this.#left = pages;
    this.#server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => this.#next() });
  }

  get port(): number {
    return this.#server.port!;
  }

  get over(): boolean {
    return this.#left.length === 1;
  }

  #next(): Response {
    const [page, ...rest] = this.#left;
    if (rest.length > 0) this.#left = rest;
    return new Response(page!, { headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" } });
  }

  [Symbol.dispose](): void {
    this.#server.stop(true);
  }
}
