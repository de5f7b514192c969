import { createSocket, type Socket as Datagrams } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket as Stream } from "node:net";
import { set_interface_up } from "../../src/ffi/interfaces.ts";
import { ScratchNetwork } from "../../src/ffi/network_namespace.ts";
import { shield_object } from "../../src/ffi/object.ts";
import { ShieldProgram } from "../../src/ffi/shield.ts";
import { SHIELD_MODES, SHIELD_VERDICTS } from "../../src/model/shield.ts";
import type { Rule, Socket } from "./model.ts";

export const LISTENER_PORT = 8000;
export const CLIENT_PORT = 45_001;
export const SERVED_PORT = 9000;
export const CONNECTED_PORT = 45_002;
export const CONNECTED_PEER = 9999;
/** Serves everybody, and lies where the node takes its own ports from: a resolver that does not connect. */
export const RESOLVER_PORT = 45_003;

const LOCAL = { 4: "7f000001", 6: "00000000000000000000000000000001" } as const;
const HOST = { 4: "127.0.0.1", 6: "::1" } as const;

/**
 * A network namespace with nothing in it but these sockets, in both families, and the loaded shield. Tests of the program
 * look sockets up in the namespace of their thread.
 */
export class World implements AsyncDisposable {
  readonly program: ShieldProgram;
  /** As on a node that forwards: connection tracking, which knows of nothing here, is asked too. */
  tracked = true;
  readonly sockets: readonly Socket[];
  readonly #network: ScratchNetwork;
  readonly #servers: readonly Server[];
  readonly #streams: readonly Stream[];
  readonly #datagrams: readonly Datagrams[];

  private constructor(network: ScratchNetwork, program: ShieldProgram, opened: readonly Opened[]) {
    this.#network = network;
    this.program = program;
    this.sockets = opened.flatMap(({ sockets }) => sockets);
    this.#servers = opened.map(({ server }) => server);
    this.#streams = opened.flatMap(({ streams }) => streams);
    this.#datagrams = opened.flatMap(({ datagrams }) => datagrams);
  }

  /** Throws KernelError where BPF or namespaces are not to be had. */
  static async open(): Promise<World> {
    const network = new ScratchNetwork();
    try {
      set_interface_up("lo", true);
      const opened = [await open_family(4), await open_family(6)];
      return new World(network, ShieldProgram.load(shield_object()), opened);
    } catch (error) {
      network[Symbol.dispose]();
      throw error;
    }
  }

  /** Puts a rule of the model into the program, which forgets all it has seen. */
  set(rule: Rule): void {
    const keeps =
      (rule.established ? 1 : 0) |
      (rule.dns ? 2 : 0) |
      (rule.dhcp ? 4 : 0) |
      (rule.ping ? 8 : 0) |
      (this.tracked ? 16 : 0);
    this.program.forget();
    this.program.set_lease(0);
    this.program.set_salt(rule.salt);
    this.program.set_ports("tcp", rule.tcp_ports);
    this.program.set_ports("udp", rule.udp_ports);
    this.program.set_prefixes([
      ...rule.prefixes4.map((bits) => bytes_of(bits, 4)),
      ...rule.prefixes6.map((bits) => bytes_of(bits, 16)),
    ]);
    this.program.set_words({ ...rule, keeps, mode: SHIELD_MODES.indexOf(rule.mode) });
  }

  /** What the program says about a frame: its verdict by name, and whether it let it pass. */
  ask(frame: Uint8Array): { readonly verdict: string; readonly passed: boolean } {
    const before = this.program.counts();
    const { result } = this.program.test(frame);
    const after = this.program.counts();
    const found = after.findIndex((count, index) => count > before[index]!);
    return { verdict: SHIELD_VERDICTS[found] ?? "none", passed: result === XDP_PASS };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.program[Symbol.dispose]();
    for (const stream of this.#streams) stream.destroy();
    for (const socket of this.#datagrams) socket.close();
    for (const server of this.#servers) server.close();
    this.#network[Symbol.dispose]();
  }
}

const XDP_PASS = 2;

function bytes_of(bits: string, size: number) {
  const whole = bits.padEnd(size * 8, "0");
  const address = new Uint8Array(size).map((_, index) => Number.parseInt(whole.slice(index * 8, index * 8 + 8), 2));
  return { address, length_bits: bits.length };
}

interface Opened {
  readonly server: Server;
  readonly streams: readonly Stream[];
  readonly datagrams: readonly Datagrams[];
  readonly sockets: readonly Socket[];
}

async function open_family(version: 4 | 6): Promise<Opened> {
  const host = HOST[version];
  const server = createServer().listen({ port: LISTENER_PORT, host });
  await once(server, "listening");
  const accepted = once(server, "connection");
  const client = connect({ port: LISTENER_PORT, host, localPort: CLIENT_PORT });
  await once(client, "connect");
  const [stream] = (await accepted) as [Stream];
  const served = await datagrams(version, SERVED_PORT);
  const resolver = await datagrams(version, RESOLVER_PORT);
  const connected = await datagrams(version, CONNECTED_PORT);
  connected.connect(CONNECTED_PEER, host);
  await once(connected, "connect");
  const of = (protocol: "tcp" | "udp", port: number, peer: number | null): Socket => ({
    protocol,
    version,
    address: LOCAL[version],
    port,
    peer: peer === null ? null : { address: LOCAL[version], port: peer },
  });
  return {
    server,
    streams: [client, stream],
    datagrams: [served, resolver, connected],
    sockets: [
      of("tcp", LISTENER_PORT, null),
      of("tcp", LISTENER_PORT, CLIENT_PORT),
      of("tcp", CLIENT_PORT, LISTENER_PORT),
      of("udp", SERVED_PORT, null),
      of("udp", RESOLVER_PORT, null),
      of("udp", CONNECTED_PORT, CONNECTED_PEER),
    ],
  };
}

async function datagrams(version: 4 | 6, port: number): Promise<Datagrams> {
  const socket = createSocket(version === 4 ? "udp4" : "udp6").bind(port, HOST[version]);
  await once(socket, "listening");
  return socket;
}
