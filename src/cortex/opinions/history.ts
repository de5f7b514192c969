/** The last rows of a stream with a mark for those that were in alarm; bounded, oldest first when read. */
export class History {
  readonly #n: number;
  readonly #capacity: number;
  #rows: Float64Array;
  #alarm: Uint8Array;
  #count = 0;
  #next = 0;

  constructor(dimension_count: number, capacity: number) {
    this.#n = dimension_count;
    this.#capacity = capacity;
    const first = Math.min(capacity, 512);
    this.#rows = new Float64Array(first * dimension_count);
    this.#alarm = new Uint8Array(first);
  }

  get count(): number {
    return this.#count;
  }

  clear(): void {
    this.#count = 0;
    this.#next = 0;
  }

  push(x: Float64Array, alarm: boolean): void {
    if (this.#count === this.#alarm.length && this.#count < this.#capacity) this.#grow();
    this.#rows.set(x, this.#next * this.#n);
    this.#alarm[this.#next] = alarm ? 1 : 0;
    this.#next = (this.#next + 1) % this.#alarm.length;
    this.#count = Math.min(this.#count + 1, this.#alarm.length);
  }

  /** A copy, row-major, count × n. */
  rows(): Float64Array {
    const n = this.#n;
    const first = this.#oldest();
    const rows = new Float64Array(this.#count * n);
    rows.set(this.#rows.subarray(first * n, this.#count * n));
    rows.set(this.#rows.subarray(0, first * n), (this.#count - first) * n);
    return rows;
  }

  /** Dimension `j` of every row, oldest first, into the first `count` places of `out`, which has that many at least. */
  column_into(out: Float64Array, j: number): void {
    const first = this.#oldest();
    for (let k = 0; k < this.#count; k++) out[k] = this.#rows[((first + k) % this.#count) * this.#n + j]!;
  }

  /** A copy in single precision, and the marks. */
  snapshot(): { readonly rows: Float32Array; readonly alarm: Uint8Array } {
    const first = this.#oldest();
    const alarm = new Uint8Array(this.#count);
    alarm.set(this.#alarm.subarray(first, this.#count));
    alarm.set(this.#alarm.subarray(0, first), this.#count - first);
    return { rows: new Float32Array(this.rows()), alarm };
  }

  alarm(row: number): boolean {
    return this.#alarm[(this.#oldest() + row) % this.#alarm.length] === 1;
  }

  #oldest(): number {
    return this.#count < this.#alarm.length ? 0 : this.#next;
  }

  /** Only while it has not wrapped: the rows stand in order from 0 on. */
  #grow(): void {
    const length = Math.min(this.#capacity, 2 * this.#alarm.length);
    const rows = new Float64Array(length * this.#n);
    const alarm = new Uint8Array(length);
    rows.set(this.#rows);
    alarm.set(this.#alarm);
    this.#next = this.#count;
    this.#rows = rows;
    this.#alarm = alarm;
  }
}
