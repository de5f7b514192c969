import { Readiness } from "../../ffi/readiness.ts";
import type { TcpListener } from "../../ffi/tcp_listener.ts";
import type { UnixConnection } from "../../ffi/unix_socket.ts";
import { ClientOutput } from "../control/client_output.ts";
import { Leaving } from "../control/leaving.ts";
import { type HttpAnswer, read_request, response_bytes } from "./http.ts";

export interface HttpOptions {
  readonly listener: TcpListener;
  /** The answer to a GET; null where there is nothing. */
  readonly answer: (path: string) => HttpAnswer | null;
  /** CLOCK_MONOTONIC, ns: bounds the length of a turn. */
  readonly clock: () => number;
}

interface Client {
  readonly connection: UnixConnection;
  readonly output: ClientOutput;
  readonly since_ns: number;
  head: string;
  answered: boolean;
}

export const CONNECTIONS_MAX = 16;
export const BACKLOG = 16;
const PERIOD_NS = 100e6;
const BUDGET_NS = 1e6;
/** From being taken to having read the answer. */
const PATIENCE_NS = 5e9;

/**
 * HTTP for scrapers, one GET per connection, served by the beat's own thread in bounded turns: an event loop would take whatever
 * waits, and anybody on the node may connect to a loopback port.
 */
export class HttpServer {
  readonly #options: HttpOptions;
  readonly #readiness = new Readiness(CONNECTIONS_MAX + 1);
  readonly #clients = new Map<number, Client>();
  readonly #leaving = new Leaving();
  readonly #received = new Uint8Array(16_384);
  #turned_ns = Number.NEGATIVE_INFINITY;
  /** Connections closed before they were served to the end: they gave way to others, or took too long. */
  dropped = 0;

  constructor(options: HttpOptions) {
    this.#options = options;
    this.#readiness.add(options.listener.fd);
  }

  get connections(): number {
    return this.#clients.size;
  }

  due(now_ns: number): boolean {
    return now_ns - this.#turned_ns >= PERIOD_NS;
  }

  /** One turn: takes connections and requests, and hands over answers; what is left over comes first in the next one. */
  turn(now_ns: number, budget_ns = BUDGET_NS): void {
    this.#turned_ns = now_ns;
    const end_ns = this.#options.clock() + budget_ns;
    const count = this.#readiness.look();
    for (let i = 0; i < count; i++) {
      const fd = this.#readiness.fd_at(i);
      const client = this.#clients.get(fd);
      if (fd === this.#options.listener.fd) this.#accept(now_ns, end_ns);
      else if (client !== undefined) this.#serve(client, now_ns);
      if (this.#options.clock() > end_ns) break;
    }
    this.#leaving.turn(now_ns, this.#received);
    for (const client of this.#clients.values()) if (now_ns - client.since_ns > PATIENCE_NS) this.#cut_off(client);
  }

  close(): void {
    for (const client of [...this.#clients.values()]) this.#drop(client);
    this.#leaving.close();
    this.#readiness[Symbol.dispose]();
    this.#options.listener[Symbol.dispose]();
  }

  #accept(now_ns: number, end_ns: number): void {
    for (let taken = 0; taken < CONNECTIONS_MAX && this.#options.clock() < end_ns; taken++) {
      const connection = this.#options.listener.accept();
      if (connection === null) return;
      // Whoever hoards connections gives way to whoever asks.
      if (this.#clients.size >= CONNECTIONS_MAX) this.#cut_off(this.#clients.values().next().value!);
      const client = { connection, output: new ClientOutput(), since_ns: now_ns, head: "", answered: false };
      this.#clients.set(connection.fd, client);
      this.#readiness.add(connection.fd);
      this.#serve(client, now_ns);
    }
  }

  #serve(client: Client, now_ns: number): void {
    if (!client.answered && !this.#receive(client)) return;
    const state = client.output.flush(client.connection);
    if (state === "waiting") this.#readiness.want_writable(client.connection.fd, true);
    else if (state === "gone") this.#drop(client);
    else if (this.#forget(client)) this.#leaving.add(client.connection, now_ns);
  }

  /** At most one buffer. True when there is an answer to hand over. */
  #receive(client: Client): boolean {
    const count = client.connection.receive(this.#received);
    if (count === null) return false;
    if (count === 0) {
      this.#drop(client);
      return false;
    }
    client.head += Buffer.from(this.#received.buffer, 0, count).toString("latin1");
    const request = read_request(client.head);
    if (request === null) return false;
    client.answered = true;
    client.head = "";
    if ("refused" in request) client.output.push(response_bytes(request.refused, false));
    else client.output.push(response_bytes(this.#options.answer(request.path) ?? NOTHING_HERE, request.head_only));
    return true;
  }

  #cut_off(client: Client): void {
    this.dropped += 1;
    this.#drop(client);
  }

  #drop(client: Client): void {
    if (this.#forget(client)) client.connection[Symbol.dispose]();
  }

  #forget(client: Client): boolean {
    const { fd } = client.connection;
    if (this.#clients.get(fd) !== client) return false;
    this.#clients.delete(fd);
    this.#readiness.remove(fd);
    return true;
  }
}

const NOTHING_HERE: HttpAnswer = { status: 404, type: "text/plain", body: "there are /metrics and /healthz\n" };
