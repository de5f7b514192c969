/** The buffer, or a new one, at least twice as long, where it holds fewer than `count` numbers: so it is made anew ever more rarely. */
export function room_for(buffer: Float64Array, count: number): Float64Array {
  return count <= buffer.length ? buffer : new Float64Array(Math.max(count, 2 * buffer.length));
}
