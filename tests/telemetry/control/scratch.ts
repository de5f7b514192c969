import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monotonic_ns } from "../../../src/ffi/libc.ts";
import { type PlacedSocket, place_socket } from "../../../src/telemetry/control/place.ts";
import { type ControlOptions, ControlServer, type Shown } from "../../../src/telemetry/control/server.ts";

/** A control server on a real socket in a scratch directory. Its turns are taken by the test, at a time of its own. */
export class Scratch implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), "hosa-control-"));
  readonly path = join(this.directory, "hosa.sock");
  readonly socket: PlacedSocket = place_socket(this.path, null, this.directory);
  readonly server: ControlServer;
  readonly #clients: Socket[] = [];
  now_ns = 0;

  constructor(options: Partial<ControlOptions> = {}) {
    this.server = new ControlServer({
      socket: this.socket,
      gid: null,
      own_uid: process.getuid!(),
      max_connections: 64,
      answer: (request, _by, reply) => reply({ op: request.op }),
      clock: monotonic_ns,
      ...options,
    });
  }

  /** One turn 100 ms later than the last. The real clock bounds only the length of a turn, so it is left out here. */
  turn(beats: readonly Shown[] = [], step_ms = 100): void {
    this.now_ns += step_ms * 1e6;
    this.server.turn(this.now_ns, beats);
  }

  async connect(): Promise<Socket> {
    const socket = createConnection({ path: this.path });
    socket.on("error", () => {});
    this.#clients.push(socket);
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return socket;
  }

  /** Turns until the condition holds: each one lets the event loop of the clients run. */
  async turns_until(condition: () => boolean): Promise<void> {
    for (let count = 0; count < 20_000; count++) {
      if (condition()) return;
      this.turn([], 1);
      await new Promise((resolve) => setImmediate(resolve));
    }
    throw new Error("the condition was not met within 20,000 turns");
  }

  /** Turns until the promise is settled; another process may need many, so hardly any time passes between two. */
  async turns_during<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const ended = work.finally(() => {
      settled = true;
    });
    while (!settled) {
      this.turn([], 0.001);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return await ended;
  }

  [Symbol.dispose](): void {
    for (const socket of this.#clients) socket.destroy();
    this.server.close("test ends");
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Collects what a client is sent. */
export function lines_of(socket: Socket): { readonly lines: Record<string, unknown>[]; closed: boolean } {
  const seen = { lines: [] as Record<string, unknown>[], closed: false };
  let rest = "";
  socket.on("data", (chunk) => {
    rest += chunk.toString();
    const parts = rest.split("\n");
    rest = parts.pop()!;
    for (const part of parts) seen.lines.push(JSON.parse(part));
  });
  socket.on("close", () => {
    seen.closed = true;
  });
  return seen;
}
