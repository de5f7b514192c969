import type { Maybe } from "../../model/sample.ts";

/** A request longer than this is refused, and its sender with it. */
export const REQUEST_BYTES_MAX = 65_536;

const NEWLINE = 10;

/** What the bytes received so far are: null while the line is unfinished. */
export type Framed = Maybe<
  { readonly line: Uint8Array } | { readonly refused: "too_long" | "one_at_a_time"; readonly why: string }
>;

/**
 * Cuts what a client sends into lines, one at a time: the next request is sent after the reply to the one before, so a client
 * never has more waiting here than one line.
 */
export class Framer {
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  /** Bytes kept for an unfinished line. */
  get waiting_bytes(): number {
    return this.#bytes;
  }

  /** @param chunk is copied where it has to be kept */
  push(chunk: Uint8Array): Framed {
    const end = chunk.indexOf(NEWLINE);
    const length = this.#bytes + (end < 0 ? chunk.length : end);
    if (length > REQUEST_BYTES_MAX) {
      this.#forget();
      return { refused: "too_long", why: `a request is at most ${REQUEST_BYTES_MAX} bytes` };
    }
    if (end < 0) {
      if (chunk.length > 0) this.#pieces.push(chunk.slice());
      this.#bytes = length;
      // Bytes that come one by one must not cost an object each.
      if (this.#pieces.length > 64) this.#pieces = [Buffer.concat(this.#pieces)];
      return null;
    }
    if (end + 1 < chunk.length) {
      this.#forget();
      return { refused: "one_at_a_time", why: "send the next request after the reply to this one" };
    }
    const line =
      this.#pieces.length === 0 ? chunk.slice(0, end) : Buffer.concat([...this.#pieces, chunk.subarray(0, end)]);
    this.#forget();
    return { line };
  }

  #forget(): void {
    this.#pieces = [];
    this.#bytes = 0;
  }
}
