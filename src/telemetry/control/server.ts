import { Readiness } from "../../ffi/readiness.ts";
import type { UnixConnection } from "../../ffi/unix_socket.ts";
import type { Asker } from "../../model/asker.ts";
import type { Maybe } from "../../model/sample.ts";
import { ClientOutput } from "./client_output.ts";
import { Framer } from "./framer.ts";
import { Leaving } from "./leaving.ts";
import { BACKLOG, type PlacedSocket } from "./place.ts";
import {
  beat_line,
  end_line,
  parse_request,
  type RefusalCode,
  type Request,
  refusal_line,
  reply_line,
} from "./protocol.ts";

export interface ControlOptions {
  readonly socket: PlacedSocket;
  /** Besides root and the agent's own user, who is in this group may connect; null: nobody else. */
  readonly gid: Maybe<number>;
  readonly own_uid: number;
  readonly max_connections: number;
  /** Answers every request but `watch`; may answer later, and then at most once. */
  readonly answer: (request: Exclude<Request, { op: "watch" }>, by: Asker, reply: Reply) => void;
  /** CLOCK_MONOTONIC, ns: bounds the length of a turn. */
  readonly clock: () => number;
}

/** The answer to one request. */
export interface Reply {
  (content: object): void;
  refuse(code: RefusalCode, error: string): void;
}

/** A beat as it is shown, put into words only when somebody watches. */
export interface Shown {
  readonly t_ns: number;
  readonly eventful: boolean;
  view(): object;
}

interface Client {
  readonly connection: UnixConnection;
  readonly by: Asker;
  readonly framer: Framer;
  readonly output: ClientOutput;
  /** A request of its own is being answered. */
  asking: boolean;
  /** Null: it does not watch. */
  every_ns: Maybe<number>;
  next_ns: number;
  /** Closed when its output is empty. */
  leaving: boolean;
  writable_wanted: boolean;
  /** Last time it asked or was answered. */
  active_ns: number;
}

/** With nobody connected the socket is looked at this often, otherwise as often as the second says. */
const IDLE_PERIOD_NS = 250e6;
export const PERIOD_NS = 20e6;
/** What one turn may take when nothing else is said. What is left over comes first in the next one. */
const BUDGET_NS = 2e6;
const ACCEPTS_MAX = 32;
const READY_MAX = 64;
/** Whoever neither asks nor watches for so long is let go. */
const SILENT_NS = 10e9;
/** Connections kept free of watchers, so that a release always finds one. */
const RESERVED = 16;
const SEND_BUFFER_BYTES = 32_768;

/**
 * The control socket, served by the beat's own thread in bounded turns between two beats: it never waits, and what a client
 * does or leaves undone costs at most the budget of a turn and a bounded number of bytes.
 */
export class ControlServer {
  readonly #options: ControlOptions;
  #socket: PlacedSocket;
  readonly #readiness = new Readiness(READY_MAX);
  readonly #clients = new Map<number, Client>();
  readonly #leaving = new Leaving();
  readonly #unsent = new Set<Client>();
  readonly #received = new Uint8Array(65_536);
  #watchers = 0;
  #turned_ns = Number.NEGATIVE_INFINITY;
  #now_ns = 0;
  /** Clients let go because they did not read what they asked for. */
  dropped = 0;
  /** Connections refused: not allowed, or one too many. */
  refused = 0;

  constructor(options: ControlOptions) {
    this.#options = options;
    this.#socket = options.socket;
    this.#readiness.add(options.socket.listener.fd);
  }

  /** Whether new clients find it. */
  get stands(): boolean {
    return this.#socket.stands();
  }

  /** New clients come by this socket from now on; those that are connected stay. */
  move_to(socket: PlacedSocket): void {
    // All that wait at the old one, whatever time that takes: closing it would end them without an answer.
    this.#accept(Number.POSITIVE_INFINITY, BACKLOG + 1);
    this.#readiness.remove(this.#socket.listener.fd);
    this.#socket[Symbol.dispose]();
    this.#socket = socket;
    this.#readiness.add(socket.listener.fd);
  }

  get connections(): number {
    return this.#clients.size;
  }

  get watchers(): number {
    return this.#watchers;
  }

  /** A turn ended before everybody was served: the next one should not wait for the next beat. */
  get behind(): boolean {
    return this.#unsent.size > 0;
  }

  /** Whether it is time for a turn. */
  due(now_ns: number): boolean {
    return now_ns - this.#turned_ns >= (this.#clients.size === 0 ? IDLE_PERIOD_NS : PERIOD_NS);
  }

  /** One turn: shows the beats since the last one to whoever watches, takes connections and requests, hands over answers. */
  turn(now_ns: number, beats: readonly Shown[], budget_ns = BUDGET_NS): void {
    this.#turned_ns = now_ns;
    this.#now_ns = now_ns;
    const end_ns = this.#options.clock() + budget_ns;
    if (this.#watchers > 0 && beats.length > 0) this.#show(beats);
    const count = this.#readiness.look();
    for (let i = 0; i < count; i++) {
      const fd = this.#readiness.fd_at(i);
      if (fd === this.#socket.listener.fd) {
        this.#accept(end_ns);
        continue;
      }
      const client = this.#clients.get(fd);
      if (client === undefined) continue;
      if (this.#readiness.writable_at(i)) this.#unsent.add(client);
      if (this.#readiness.readable_at(i)) this.#receive(client);
      if (this.#options.clock() > end_ns) break;
    }
    this.#flush(end_ns);
    this.#leaving.turn(now_ns, this.#received);
    this.#let_silent_go();
  }

  /** Says why and closes everything; a client that does not read is not waited for. */
  close(reason: string): void {
    const last = Buffer.from(end_line(reason));
    for (const client of [...this.#clients.values()]) {
      client.output.push(last);
      client.output.flush(client.connection);
      this.#drop(client);
    }
    this.#leaving.close();
    this.#readiness[Symbol.dispose]();
    this.#socket[Symbol.dispose]();
  }

  /** Clients of the same pace share one buffer, so that many of them cost one. */
  #show(beats: readonly Shown[]): void {
    const lines = new Map<Shown, Uint8Array>();
    const joined = new Map<string, Uint8Array>();
    for (const client of this.#clients.values()) {
      if (client.every_ns === null || client.leaving) continue;
      const chosen = beats.filter((beat) => is_due(client, beat));
      if (chosen.length === 0) continue;
      const key = chosen.map((beat) => beat.t_ns).join();
      const bytes = joined.get(key) ?? Buffer.concat(chosen.map((beat) => line_of(beat, lines)));
      joined.set(key, bytes);
      this.#say(client, bytes);
    }
  }

  #accept(end_ns: number, most = ACCEPTS_MAX): void {
    for (let taken = 0; taken < most && this.#options.clock() < end_ns; taken++) {
      const connection = this.#socket.listener.accept();
      if (connection === null) return;
      const { uid, pid } = connection.peer();
      const allowed = uid === 0 || uid === this.#options.own_uid || this.#in_group(connection);
      if (!allowed || !this.#make_room()) {
        this.refused++;
        const line = allowed
          ? refusal_line(
              "busy",
              `${this.#clients.size} connections are open, the bound is ${this.#options.max_connections}`,
            )
          : refusal_line("denied", `user ${uid} may not: only root and the members of control.group may`);
        connection.send(Buffer.from(line));
        this.#leaving.add(connection, this.#now_ns);
        continue;
      }
      connection.set_send_buffer(SEND_BUFFER_BYTES);
      const client: Client = {
        connection,
        by: { uid, pid },
        framer: new Framer(),
        output: new ClientOutput(),
        asking: false,
        every_ns: null,
        next_ns: Number.NEGATIVE_INFINITY,
        leaving: false,
        writable_wanted: false,
        active_ns: this.#now_ns,
      };
      this.#clients.set(connection.fd, client);
      this.#readiness.add(connection.fd);
      this.#receive(client);
    }
  }

  /** When all places are taken, the oldest that has nothing to say gives way: hoarders keep nobody out who asks. */
  #make_room(): boolean {
    if (this.#clients.size < this.#options.max_connections) return true;
    for (const client of this.#clients.values()) {
      if (client.every_ns !== null || client.asking || !client.output.empty) continue;
      this.refused++;
      this.#drop(client);
      return true;
    }
    return false;
  }

  #in_group(connection: UnixConnection): boolean {
    return this.#options.gid !== null && connection.peer_in_group(this.#options.gid);
  }

  /** At most one request, of at most one buffer. */
  #receive(client: Client): void {
    const count = client.connection.receive(this.#received);
    if (count === null) return;
    if (count === 0) {
      // It may have said all it had to say and still wait for the answer.
      if (!client.asking) this.#drop(client);
      return;
    }
    if (client.leaving) return;
    const framed = client.framer.push(this.#received.subarray(0, count));
    if (framed === null) return;
    client.active_ns = this.#now_ns;
    if ("refused" in framed) this.#refuse(client, framed.refused, framed.why);
    else if (client.asking) this.#refuse(client, "one_at_a_time", "the request before is still being answered");
    else this.#ask(client, framed.line);
  }

  #ask(client: Client, line: Uint8Array): void {
    const request = parse_request(line);
    if ("wrong" in request) {
      this.#refuse(client, "bad_request", request.wrong);
      return;
    }
    if (request.op === "watch") {
      this.#watch(client, request.every_ms);
      return;
    }
    client.asking = true;
    const reply: Reply = Object.assign((content: object) => this.#answer(client, reply_line(content)), {
      refuse: (code: RefusalCode, error: string) => this.#answer(client, refusal_line(code, error)),
    });
    this.#options.answer(request, client.by, reply);
  }

  #watch(client: Client, every_ms: number): void {
    if (client.every_ns === null && this.#watchers >= this.#options.max_connections - RESERVED) {
      this.#refuse(client, "busy", `${this.#watchers} clients watch already`);
      return;
    }
    if (client.every_ns === null) this.#watchers++;
    client.every_ns = every_ms * 1e6;
    this.#say(client, Buffer.from(reply_line({ watching: true, pid: process.pid })));
  }

  #answer(client: Client, line: string): void {
    if (!client.asking || this.#clients.get(client.connection.fd) !== client) return;
    client.asking = false;
    client.active_ns = this.#now_ns;
    this.#say(client, Buffer.from(line));
  }

  /** What cannot be understood is answered once. */
  #refuse(client: Client, code: RefusalCode, why: string): void {
    client.leaving = true;
    this.#say(client, Buffer.from(refusal_line(code, why)));
  }

  #say(client: Client, bytes: Uint8Array): void {
    if (client.output.push(bytes)) {
      this.#unsent.add(client);
      return;
    }
    this.dropped++;
    this.#drop(client);
  }

  #flush(end_ns: number): void {
    for (const client of this.#unsent) {
      // Whoever is served moves behind the others, so that a short turn starves nobody.
      this.#unsent.delete(client);
      const state = client.output.flush(client.connection);
      if (state === "gone") this.#drop(client);
      else if (state === "empty" && client.leaving) this.#see_off(client);
      else this.#want_writable(client, state === "waiting");
      if (this.#options.clock() > end_ns) return;
    }
  }

  #want_writable(client: Client, wanted: boolean): void {
    if (client.writable_wanted === wanted) return;
    client.writable_wanted = wanted;
    this.#readiness.want_writable(client.connection.fd, wanted);
  }

  #let_silent_go(): void {
    for (const client of this.#clients.values()) {
      if (client.every_ns !== null && !client.leaving) continue;
      if (!client.asking && this.#now_ns - client.active_ns > SILENT_NS) this.#drop(client);
    }
  }

  #drop(client: Client): void {
    if (this.#forget(client)) client.connection[Symbol.dispose]();
  }

  #see_off(client: Client): void {
    if (this.#forget(client)) this.#leaving.add(client.connection, this.#now_ns);
  }

  #forget(client: Client): boolean {
    const { fd } = client.connection;
    if (this.#clients.get(fd) !== client) return false;
    this.#clients.delete(fd);
    this.#unsent.delete(client);
    if (client.every_ns !== null) this.#watchers--;
    this.#readiness.remove(fd);
    return true;
  }
}

function is_due(client: Client, beat: Shown): boolean {
  const due = beat.t_ns >= client.next_ns;
  if (due) client.next_ns = beat.t_ns + (client.every_ns ?? 0);
  return due || beat.eventful;
}

function line_of(beat: Shown, lines: Map<Shown, Uint8Array>): Uint8Array {
  const known = lines.get(beat);
  if (known !== undefined) return known;
  const line = Buffer.from(beat_line(beat.view()));
  lines.set(beat, line);
  return line;
}
