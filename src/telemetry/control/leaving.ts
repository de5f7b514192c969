import type { UnixConnection } from "../../ffi/unix_socket.ts";

/** Not counted as a loss: these have had their answer. */
const LEAVING_MAX = 32;
const LINGER_NS = 1e9;

/**
 * Connections that have been told their last word. Closed over bytes nobody read, a connection is reset, and the other end may
 * never see that word: so what still comes is read and forgotten, for a second, of a bounded number of them.
 */
export class Leaving {
  readonly #connections: { readonly connection: UnixConnection; readonly until_ns: number }[] = [];

  add(connection: UnixConnection, now_ns: number): void {
    connection.finish();
    this.#connections.push({ connection, until_ns: now_ns + LINGER_NS });
    if (this.#connections.length > LEAVING_MAX) this.#connections.shift()!.connection[Symbol.dispose]();
  }

  /** Reads at most one buffer of each, and closes those that are through. */
  turn(now_ns: number, scratch: Uint8Array): void {
    for (let i = this.#connections.length - 1; i >= 0; i--) {
      const { connection, until_ns } = this.#connections[i]!;
      if (connection.receive(scratch) !== 0 && now_ns < until_ns) continue;
      connection[Symbol.dispose]();
      this.#connections.splice(i, 1);
    }
  }

  close(): void {
    for (const { connection } of this.#connections.splice(0)) connection[Symbol.dispose]();
  }
}
