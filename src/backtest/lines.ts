import { createReadStream, statSync } from "node:fs";
import { createGunzip } from "node:zlib";
import { errno_of, reason_of } from "../model/errno.ts";
import { OperatorError } from "../model/error.ts";

/** A longer line is no row; so a reader needs no more memory than this for one. */
const MAX_LINE_CHARS = 1_048_576;
const CHUNK_BYTES = 65_536;

/** The name that stands for standard input. */
export const STANDARD_INPUT = "-";

/** A text file, gzipped or not, read once from its beginning in bounded memory. */
export class LineReader {
  readonly name: string;
  readonly #path: string;
  readonly #total_bytes: number;
  #read_bytes = 0;

  /** Throws OperatorError (exit code 2) when there is no such file. */
  constructor(path: string) {
    this.name = path === STANDARD_INPUT ? "standard input" : path;
    this.#path = path === STANDARD_INPUT ? "/dev/stdin" : path;
    try {
      const { size, mode } = statSync(this.#path);
      const is_directory = (mode & 0o170000) === 0o040000;
      if (is_directory) throw new Error("it is a directory");
      this.#total_bytes = size;
    } catch (error) {
      throw this.#unreadable(error);
    }
  }

  /** Part of the file read so far, 0..1; null where its size is not known (a pipe). */
  get progress(): number | null {
    return this.#total_bytes > 0 ? Math.min(1, this.#read_bytes / this.#total_bytes) : null;
  }

  /** Lines without their ends, some at a time. Throws OperatorError: unreadable, damaged gzip, endless line. */
  async *lines(): AsyncGenerator<readonly string[]> {
    let decoder: TextDecoder | null = null;
    let rest = "";
    let line = 1;
    for await (const bytes of this.#plain()) {
      decoder ??= new TextDecoder(encoding_of(bytes));
      const pieces = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = pieces.pop() ?? "";
      line += pieces.length;
      if (rest.length > MAX_LINE_CHARS) {
        const hint = "Give a CSV with one row per line, or a flight written by `hosa run`.";
        throw new OperatorError(`${this.name}:${line}: longer than ${MAX_LINE_CHARS} characters`, 2, hint);
      }
      if (pieces.length > 0) yield pieces.map(without_return);
    }
    rest += decoder?.decode() ?? "";
    if (rest !== "") yield [without_return(rest)];
  }

  async *#plain(): AsyncGenerator<Uint8Array> {
    const chunks = this.#chunks();
    const first = await chunks.next();
    if (first.done === true) return;
    if (first.value[0] !== 0x1f || first.value[1] !== 0x8b) {
      yield first.value;
      yield* chunks;
      return;
    }
    const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
    let failed: unknown = null;
    const feeding = feed(gunzip, first.value, chunks).catch((error: unknown) => {
      failed = error;
      gunzip.destroy();
    });
    try {
      for await (const bytes of gunzip as AsyncIterable<Uint8Array>) yield bytes;
    } catch (error) {
      if (failed !== null) throw failed;
      const why = errno_of(error) === "Z_BUF_ERROR" ? "it ends too early" : "its content is damaged";
      throw new OperatorError(`${this.name}: damaged gzip: ${why}`, 2, "Copy it again, or unpack what is left.", error);
    } finally {
      gunzip.destroy();
    }
    await feeding;
    if (failed !== null) throw failed;
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    const stream = createReadStream(this.#path, { highWaterMark: CHUNK_BYTES });
    try {
      for await (const chunk of stream as AsyncIterable<Uint8Array>) {
        this.#read_bytes += chunk.length;
        yield chunk;
      }
    } catch (error) {
      throw this.#unreadable(error);
    } finally {
      stream.destroy();
    }
  }

  #unreadable(error: unknown): OperatorError {
    const why = reason_of(error);
    return new OperatorError(
      `${this.name} cannot be read: ${why}`,
      2,
      "Give a CSV or a flight, gzipped or not, or - for standard input.",
      error,
    );
  }
}

/** Hands the chunks over no faster than they are unpacked. */
async function feed(
  gunzip: ReturnType<typeof createGunzip>,
  first: Uint8Array,
  rest: AsyncGenerator<Uint8Array>,
): Promise<void> {
  const write = (bytes: Uint8Array) =>
    new Promise<void>((resolve) => {
      gunzip.once("close", resolve);
      gunzip.write(bytes, () => {
        gunzip.off("close", resolve);
        resolve();
      });
    });
  await write(first);
  for await (const bytes of rest) {
    if (gunzip.destroyed) return;
    await write(bytes);
  }
  gunzip.end();
}

/** Spreadsheet programs write UTF-16, which begins with its byte order mark. */
function encoding_of(bytes: Uint8Array): "utf-8" | "utf-16le" | "utf-16be" {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  return bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : "utf-8";
}

function without_return(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}
