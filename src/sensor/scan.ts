const SPACE = 32;
const TAB = 9;
const NEWLINE = 10;
const COLON = 58;
const ZERO = 48;
/** 2^64 has 20 digits: anything longer is no counter of the kernel. */
const MAX_DIGITS = 20;

/** A cursor over the bytes of a /proc file: reads numbers without making strings. */
export class Scanner {
  at = 0;
  bytes: Uint8Array = new Uint8Array(0);

  start(bytes: Uint8Array): this {
    this.bytes = bytes;
    this.at = 0;
    return this;
  }

  get ended(): boolean {
    return this.at >= this.bytes.length;
  }

  /** The byte at the cursor, or -1 at the end. */
  peek(): number {
    return this.at < this.bytes.length ? this.bytes[this.at]! : -1;
  }

  skip_spaces(): void {
    while (this.at < this.bytes.length && (this.bytes[this.at] === SPACE || this.bytes[this.at] === TAB)) this.at++;
  }

  /** Move behind the next newline. */
  skip_line(): void {
    while (this.at < this.bytes.length && this.bytes[this.at] !== NEWLINE) this.at++;
    this.at++;
  }

  /** Move behind `word` when it stands at the cursor. */
  accept(word: Uint8Array): boolean {
    if (this.at + word.length > this.bytes.length) return false;
    for (let i = 0; i < word.length; i++) if (this.bytes[this.at + i] !== word[i]) return false;
    this.at += word.length;
    return true;
  }

  /** Move behind the next `word` on this line. */
  find_on_line(word: Uint8Array): boolean {
    for (; this.at < this.bytes.length && this.bytes[this.at] !== NEWLINE; this.at++) {
      if (this.accept(word)) return true;
    }
    return false;
  }

  /** Decimal digits at the cursor, after spaces, ended by a space, a newline or the end; NaN for anything else. */
  number(): number {
    this.skip_spaces();
    const value = this.digits();
    const next = this.peek();
    return next === SPACE || next === TAB || next === NEWLINE || next === -1 ? value : Number.NaN;
  }

  /** Decimal digits right at the cursor, whatever ends them; NaN when there are none or too many. */
  digits(): number {
    const start = this.at;
    let value = 0;
    while (this.at < this.bytes.length) {
      const digit = this.bytes[this.at]! - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      this.at++;
    }
    const count = this.at - start;
    return count === 0 || count > MAX_DIGITS ? Number.NaN : value;
  }
}

export function bytes_of(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Reads chosen lines of files like meminfo ("Key:   123 kB") and vmstat ("key 123"). */
export class KeyedLines {
  readonly #keys: readonly Uint8Array[];
  readonly #scanner = new Scanner();

  constructor(keys: readonly string[]) {
    this.#keys = keys.map(bytes_of);
  }

  /** Fill `into` (one value per key, NaN where the key is missing). False when any is missing or malformed. */
  read(bytes: Uint8Array, into: Float64Array): boolean {
    const scanner = this.#scanner.start(bytes);
    into.fill(Number.NaN, 0, this.#keys.length);
    let missing = this.#keys.length;
    while (missing > 0 && !scanner.ended) {
      const key = this.#key_at(scanner);
      if (key >= 0) {
        into[key] = scanner.number();
        missing--;
      }
      scanner.skip_line();
    }
    for (let key = 0; key < this.#keys.length; key++) if (Number.isNaN(into[key])) return false;
    return true;
  }

  #key_at(scanner: Scanner): number {
    const start = scanner.at;
    for (let key = 0; key < this.#keys.length; key++) {
      if (scanner.accept(this.#keys[key]!)) {
        if (scanner.peek() === COLON) scanner.at++;
        const next = scanner.peek();
        if (next === SPACE || next === TAB) return key;
        scanner.at = start;
      }
    }
    return -1;
  }
}
