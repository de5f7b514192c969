import type { UnixConnection } from "../../ffi/unix_socket.ts";

/** What may wait for one client; whoever takes less than it asked for is let go. */
export const OUTPUT_BYTES_MAX = 131_072;

/** Lines on their way to one client. The buffers may be shared by many clients; nothing here changes them. */
export class ClientOutput {
  #waiting: Uint8Array[] = [];
  #sent = 0;
  #bytes = 0;

  get empty(): boolean {
    return this.#waiting.length === 0;
  }

  get waiting_bytes(): number {
    return this.#bytes;
  }

  /** False when it does not fit any more: the client is too slow, and nothing was taken. One answer alone always fits. */
  push(bytes: Uint8Array): boolean {
    if (this.#bytes > 0 && this.#bytes + bytes.length > OUTPUT_BYTES_MAX) return false;
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
    return true;
  }

  /** Hands over what the kernel takes now. "gone" when the other end is. */
  flush(connection: UnixConnection): "empty" | "waiting" | "gone" {
    for (;;) {
      const first = this.#waiting[0];
      if (first === undefined) return "empty";
      const count = connection.send(this.#sent === 0 ? first : first.subarray(this.#sent));
      if (count === 0) return "gone";
      if (count === null) return "waiting";
      this.#bytes -= count;
      this.#sent += count;
      if (this.#sent < first.length) return "waiting";
      this.#waiting.shift();
      this.#sent = 0;
    }
  }
}
