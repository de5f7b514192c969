import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monotonic_ns } from "../../src/ffi/libc.ts";
import { senses_object } from "../../src/ffi/object.ts";
import { type BeatRecord, Senses } from "../../src/ffi/senses.ts";

/** Opens the senses, or says why the tests of this file are skipped. */
export function open_or_skip(file: string): Senses | null {
  try {
    return Senses.open({ object: senses_object() });
  } catch (error) {
    console.error(`SKIPPED ${file}: BPF cannot be loaded here: ${error}`);
    return null;
  }
}

export function attached(senses: Senses | null, name: string): boolean {
  const program = senses?.programs.find((candidate) => candidate.name === name);
  if (program?.attached === true) return true;
  console.error(`SKIPPED tests of ${name}: ${program?.why ?? "no senses"}`);
  return false;
}

/** A copy of the first beat stamped after this call. */
export function fresh_beat(senses: Senses): BeatRecord {
  const from_ns = monotonic_ns();
  for (let attempt = 0; attempt < 100; attempt++) {
    senses.poll(1000);
    senses.drain();
    if (senses.beat.t_ns >= from_ns) return { ...senses.beat, syscalls: senses.beat.syscalls.slice() };
  }
  throw new Error("no beat came");
}

export interface Bracket {
  readonly before: BeatRecord;
  readonly after: BeatRecord;
  /** Growth of the independent counter strictly inside, and around, the two beats. */
  readonly inner: number;
  readonly outer: number;
}

/** Runs `work` between two beats and reads an independent counter around each, so that other processes cannot disturb. */
export async function bracket(
  senses: Senses,
  counter: () => number,
  work: () => void | Promise<void>,
): Promise<Bracket> {
  const first = counter();
  const before = fresh_beat(senses);
  const second = counter();
  await work();
  const third = counter();
  const after = fresh_beat(senses);
  const fourth = counter();
  return { before, after, inner: third - second, outer: fourth - first };
}

export function number_in(path: string, pattern: RegExp): number {
  const match = pattern.exec(readFileSync(path, "utf8"))?.[1];
  if (match === undefined) throw new Error(`${path} has no ${pattern}`);
  return Number(match);
}

/** Compiles a C program into a scratch directory, which goes away on disposal. */
export class CompiledHelper implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), "hosa-helper-"));
  readonly path = join(this.#directory, "helper");

  constructor(source: string) {
    const compiler = Bun.spawnSync(["gcc", "-O1", "-pthread", "-x", "c", "-o", this.path, "-"], {
      stdin: Buffer.from(source),
    });
    if (compiler.exitCode !== 0) throw new Error(`gcc: ${compiler.stderr.toString()}`);
  }

  /** Starts it. It says when it is ready, then does what each line of numbers asks for and says so. */
  async start() {
    const child = Bun.spawn([this.path], { stdin: "pipe", stdout: "pipe" });
    const said = child.stdout.getReader();
    await said.read();
    return {
      pid: child.pid,
      async call(...numbers: readonly number[]): Promise<void> {
        child.stdin.write(`${numbers.join(" ")}\n`);
        child.stdin.flush();
        await said.read();
      },
      async [Symbol.asyncDispose]() {
        child.stdin.end();
        await child.exited;
      },
    };
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
