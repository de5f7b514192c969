const HIGH = 4294967296;

/** A little-endian u64 of a buffer as a number (exact below 2^53). */
export function u64_of(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * HIGH;
}

export function set_u64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value % HIGH, true);
  view.setUint32(offset + 4, Math.floor(value / HIGH), true);
}

const decoder = new TextDecoder();

/** The NUL-terminated text in `bytes[offset .. offset + length)`. */
export function text_of(bytes: Uint8Array, offset: number, length: number): string {
  let end = offset;
  while (end < offset + length && bytes[end] !== 0) end++;
  return decoder.decode(bytes.subarray(offset, end));
}
