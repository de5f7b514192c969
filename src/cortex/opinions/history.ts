/** The last rows of a stream with a mark for those that were in alarm; bounded, oldest first when read. */
export class History {
  readonly #n: number;
  readonly #capacity: number;
  #rows: Float64Array;
  #alarm: Uint8Array;
  #next = 0;

  constructor(dimension_count: number, capacity: number) {
    this.#n = dimension_count;
    this.#capacity = capacity;
    const first = Math.min(capacity, 512);
    this.#rows = new Float64Array(first * dimension_count);
    this.#alarm = new Uint8Array(first);
  }

  get count(): number {
    return Math.min(this.#next, this.#alarm.length);
  }

  /** Number of the row that comes next; rows are numbered as they come, from 0. */
  get next(): number {
    return this.#next;
  }

  /** Number of the oldest row kept. */
  get oldest(): number {
    return this.#next - this.count;
  }

  push(x: Float64Array, alarm: boolean): void {
    const { length } = this.#alarm;
    if (this.#next === length && length < this.#capacity) this.#grow();
    const place = this.#next % this.#alarm.length;
    this.#rows.set(x, place * this.#n);
    this.#alarm[place] = alarm ? 1 : 0;
    this.#next += 1;
  }

  /** The row of that number, or the oldest where it was written over, into `out`; true when it was in alarm. */
  row_into(out: Float64Array, number: number): boolean {
    const place = Math.max(number, this.oldest) % this.#alarm.length;
    const at = place * this.#n;
    for (let j = 0; j < this.#n; j++) out[j] = this.#rows[at + j]!;
    return this.#alarm[place] === 1;
  }

  /** A copy, row-major, count × n. */
  rows(): Float64Array {
    const n = this.#n;
    const { count } = this;
    const first = this.#first();
    const rows = new Float64Array(count * n);
    rows.set(this.#rows.subarray(first * n, count * n));
    rows.set(this.#rows.subarray(0, first * n), (count - first) * n);
    return rows;
  }

  /** Dimension `j` of every row, oldest first, into the first `count` places of `out`, which has that many at least. */
  column_into(out: Float64Array, j: number): void {
    const { count } = this;
    const first = this.#first();
    for (let k = 0; k < count; k++) out[k] = this.#rows[((first + k) % count) * this.#n + j]!;
  }

  /** A copy in single precision, and the marks. */
  snapshot(): { readonly rows: Float32Array; readonly alarm: Uint8Array } {
    const { count } = this;
    const first = this.#first();
    const alarm = new Uint8Array(count);
    alarm.set(this.#alarm.subarray(first, count));
    alarm.set(this.#alarm.subarray(0, first), count - first);
    return { rows: new Float32Array(this.rows()), alarm };
  }

  /** Where the oldest row stands. */
  #first(): number {
    return this.oldest % this.#alarm.length;
  }

  /** Only while it has not wrapped: the rows stand in order from 0 on. */
  #grow(): void {
    const length = Math.min(this.#capacity, 2 * this.#alarm.length);
    const rows = new Float64Array(length * this.#n);
    const alarm = new Uint8Array(length);
    rows.set(this.#rows);
    alarm.set(this.#alarm);
    this.#rows = rows;
    this.#alarm = alarm;
  }
}
