import type { Subprocess } from "bun";
import { abort_after } from "../agent/clock.ts";
import { OperatorError } from "../model/error.ts";

/** A line of words and numbers, as the program of the demonstration writes them: `second 3 sent 50 answered 50`. */
export type Said = Readonly<Record<string, number>>;

/** One process of the demonstration, and what it says line by line. */
export class Child implements AsyncDisposable {
  readonly #name: string;
  readonly #process: Subprocess<"pipe", "pipe", "inherit">;
  readonly #said: Said[] = [];
  readonly #hear: (said: Said) => void;
  #wake = (): void => {};
  #stopped = false;

  /** @param hear every line, when it comes */
  constructor(name: string, command: readonly string[], hear: (said: Said) => void = () => {}) {
    this.#name = name;
    this.#hear = hear;
    this.#process = Bun.spawn([...command], { stdin: "pipe", stdout: "pipe", stderr: "inherit", env: {} });
    void this.#listen();
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Exit status, or null where a signal ended it. */
  get exited(): Promise<number | null> {
    return this.#process.exited.then(() => this.#process.exitCode);
  }

  /** It was ended by `stop`, and by nothing else. */
  get was_stopped(): boolean {
    return this.#stopped;
  }

  say(line: string): void {
    this.#process.stdin.write(`${line}\n`);
    this.#process.stdin.flush();
  }

  /** The first line that holds this word. Throws OperatorError where it does not come in time. */
  async until(word: string, within_ms: number): Promise<Said> {
    const late = abort_after(within_ms);
    for (;;) {
      const found = this.#said.find((said) => word in said);
      if (found !== undefined) return found;
      if (late.aborted || this.#process.exitCode !== null || this.#process.signalCode !== null) {
        throw new OperatorError(`the ${this.#name} of the demonstration did not say "${word}"`, 1, "Try again.");
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        late.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  /** Ends its standard input. */
  close(): void {
    this.#process.stdin.end();
  }

  async stop(signal: NodeJS.Signals): Promise<void> {
    this.#stopped = true;
    this.#process.kill(signal);
    await this.#process.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) await this.stop("SIGKILL");
  }

  async #listen(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of this.#process.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#take(said_of(line));
    }
    await this.#process.exited;
    this.#wake();
  }

  #take(said: Said): void {
    if (this.#said.length < 64) this.#said.push(said);
    this.#hear(said);
    this.#wake();
  }
}

export function said_of(line: string): Said {
  const words = line.split(" ");
  return Object.fromEntries(words.flatMap((word, i) => (i % 2 === 0 ? [[word, Number(words[i + 1])]] : [])));
}
