import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { answering } from "./answering.ts";
import { hosa, in_directory, type Ran } from "./hosa.ts";

/** A configuration directory of its own, with what an agent in it answers. */
export class Place {
  readonly #directory: string;
  readonly config: string;

  constructor(directory: string, more = "") {
    this.#directory = directory;
    this.config = join(directory, "hosa.yaml");
    const places = `learning: {state_dir: ${directory}/state}\nmotor: {ledger_dir: ${directory}/run}\n`;
    writeFileSync(this.config, `${places}audit: {path: ${directory}/audit.jsonl}\n${more}`);
    mkdirSync(join(directory, "run"));
  }

  get drop_in(): string {
    return join(this.#directory, "hosa.d/90-autonomy.yaml");
  }

  /** What the drop-in sets; null without one. */
  get written(): string | null {
    if (!existsSync(this.drop_in)) return null;
    return readFileSync(this.drop_in, "utf8").replace(/^#.*\n/gm, "");
  }

  run(...args: readonly string[]): Ran {
    return hosa([...args, "-c", this.config]);
  }

  /** On a terminal of its own, answering what is typed. */
  on_terminal(typed: string, ...args: readonly string[]): Ran {
    const script = 'printf %s "$0" | script -qec "$*" /dev/null';
    return hosa([...args, "-c", this.config], ["sh", "-c", script, typed]);
  }

  /** Runs the body while something listens on the control socket and gives these answers. */
  async with_agent(answers: object, body: () => void): Promise<void> {
    await using _agent = await answering(`${this.#directory}/run/hosa.sock`, answers);
    body();
  }
}

export const in_place = (body: (place: Place, directory: string) => unknown, more = "") =>
  in_directory((directory) => body(new Place(directory, more), directory));
