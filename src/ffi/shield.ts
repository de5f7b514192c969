import type { Prefix } from "../model/prefix.ts";
import { BpfMap } from "./bpf_map.ts";
import { KernelError } from "./errors.ts";
import { SHIELD_CONTROL, SHIELD_PREFIX4, SHIELD_PREFIX6, SHIELD_SLOT } from "./generated/shield_layout.ts";
import { libbpf } from "./libbpf.ts";
import { Mapping } from "./mapping.ts";
import { set_u64, u64_of } from "./memory.ts";
import { BpfObject, type TestRun } from "./program.ts";
import { with_cause } from "./refusal.ts";
import { pin, type XdpDriver, XdpLink } from "./xdp.ts";

const PROGRAM = "shield";
const CPUS_LIMIT = 512;
const PINNED_MAPS = [".data", ".bss", "flows", "datagrams", "sources", "met", "allowed4", "allowed6"] as const;
const PRESENT = new Uint8Array([1]);

/** The words of `struct shield_control` that are set at once; numbers as bpf/wire.h explains them. */
export interface ShieldWords {
  readonly mode: number;
  readonly keeps: number;
  readonly window: number;
  readonly quota: number;
  /** Of 2^32. */
  readonly source_share: number;
  readonly flow_packets: number;
  readonly ephemeral_low: number;
}

/** The loaded XDP program with its maps. For one thread; every method throws KernelError. */
export class ShieldProgram implements Disposable {
  /** Connection tracking is asked for flows without a socket here. */
  readonly tracks: boolean;
  readonly #object: BpfObject;
  readonly #control: Mapping;
  readonly #slots: Mapping;
  readonly #cpus: number;
  readonly #allowed4: BpfMap;
  readonly #allowed6: BpfMap;

  private constructor(object: BpfObject, tracks: boolean) {
    using undo = new DisposableStack();
    undo.use(object);
    this.#object = object;
    this.tracks = tracks;
    this.#control = undo.use(new Mapping(object.map_fd(".data"), SHIELD_CONTROL.size, true, ".data"));
    this.#slots = undo.use(new Mapping(object.map_fd(".bss"), CPUS_LIMIT * SHIELD_SLOT.size, false, ".bss"));
    this.#cpus = Math.min(Math.max(1, libbpf().libbpf_num_possible_cpus()), CPUS_LIMIT);
    this.#allowed4 = new BpfMap(object.map_fd("allowed4"), "allowed4", SHIELD_PREFIX4.size);
    this.#allowed6 = new BpfMap(object.map_fd("allowed6"), "allowed6", SHIELD_PREFIX6.size);
    undo.move();
  }

  /** Loads it; with connection tracking where the kernel offers that. Throws KernelError. */
  static load(bytes: Uint8Array): ShieldProgram {
    const tracking = attempt(bytes, true);
    if (tracking instanceof BpfObject) return new ShieldProgram(tracking, true);
    const plain = attempt(bytes, false);
    if (plain instanceof BpfObject) return new ShieldProgram(plain, false);
    throw plain;
  }

  /** Sets the mode and what belongs to it, the mode last: the rest is in place when it begins. */
  set_words(words: ShieldWords): void {
    const knobs = this.#knobs();
    knobs.setUint32(SHIELD_CONTROL.keeps, words.keeps, true);
    knobs.setUint32(SHIELD_CONTROL.flow_packets, words.flow_packets, true);
    knobs.setUint32(SHIELD_CONTROL.ephemeral_low, words.ephemeral_low, true);
    this.set_share(words.window, words.quota, words.source_share);
    knobs.setUint32(SHIELD_CONTROL.mode, words.mode, true);
  }

  /** A new window of fair shares. @param source_share of 2^32 */
  set_share(window: number, quota: number, source_share: number): void {
    const knobs = this.#knobs();
    knobs.setUint32(SHIELD_CONTROL.quota, quota, true);
    set_u64(knobs, SHIELD_CONTROL.source_share, source_share);
    knobs.setUint32(SHIELD_CONTROL.window, window, true);
  }

  /** CLOCK_MONOTONIC until which anything is refused; 0: for good. */
  set_lease(lease_ns: number): void {
    set_u64(this.#knobs(), SHIELD_CONTROL.lease_ns, lease_ns);
  }

  set_salt(salt: bigint): void {
    this.#knobs().setBigUint64(SHIELD_CONTROL.salt, salt, true);
  }

  /** Exactly these ports of the node stay reachable. */
  set_ports(protocol: "tcp" | "udp", ports: Iterable<number>): void {
    const wanted = new Uint8Array(SHIELD_CONTROL.tcp_ports_length * 8);
    for (const port of ports) wanted[port >> 3]! |= 1 << (port & 7);
    const start = protocol === "tcp" ? SHIELD_CONTROL.tcp_ports : SHIELD_CONTROL.udp_ports;
    new Uint8Array(this.#control.buffer, start, wanted.length).set(wanted);
  }

  /** Exactly these prefixes are on the allow-lists; those that stay are never missing in between. */
  set_prefixes(prefixes: readonly Prefix[]): void {
    const four = prefixes.filter(({ address }) => address.length === 4);
    const six = prefixes.filter(({ address }) => address.length === 16);
    replace(this.#allowed4, four);
    replace(this.#allowed6, six);
    this.#knobs().setUint32(SHIELD_CONTROL.prefixes4, four.length, true);
    this.#knobs().setUint32(SHIELD_CONTROL.prefixes6, six.length, true);
  }

  /** Packets by verdict, in the order of `enum shield_verdict`, summed over the CPUs. */
  counts(): Float64Array {
    const sums = new Float64Array(SHIELD_SLOT.packets_length);
    const counters = new DataView(this.#slots.buffer);
    for (let cpu = 0; cpu < this.#cpus; cpu++) {
      for (let verdict = 0; verdict < sums.length; verdict++) {
        sums[verdict]! += u64_of(counters, cpu * SHIELD_SLOT.size + verdict * 8);
      }
    }
    return sums;
  }

  attach(index: number, name: string, drivers: readonly XdpDriver[]): XdpLink {
    return XdpLink.attach(this.#object.program_fd(PROGRAM), index, name, drivers);
  }

  /** Program and maps get names in a directory of bpffs. A link is pinned by whoever holds it. */
  pin_into(directory: string): void {
    pin(this.#object.program_fd(PROGRAM), `${directory}/program`);
    for (const name of PINNED_MAPS) pin(this.#object.map_fd(name), `${directory}/map_${name.replace(".", "")}`);
  }

  /** What it answers to a packet in this thread's network namespace, over so many repetitions. */
  test(packet: Uint8Array, repeat = 1): TestRun {
    return this.#object.test(PROGRAM, packet, repeat);
  }

  /** Forgets every flow, fragment and source it has seen. */
  forget(): void {
    const seen = { flows: 40, datagrams: 40, sources: 8, met: 8 };
    for (const [name, key_bytes] of Object.entries(seen)) {
      new BpfMap(this.#object.map_fd(name), name, key_bytes).clear();
    }
  }

  [Symbol.dispose](): void {
    this.#control[Symbol.dispose]();
    this.#slots[Symbol.dispose]();
    this.#object[Symbol.dispose]();
  }

  #knobs(): DataView {
    return new DataView(this.#control.buffer);
  }
}

/** The loaded object, or why this kernel refuses it. */
function attempt(bytes: Uint8Array, tracks: boolean): BpfObject | KernelError {
  const object = BpfObject.open(bytes);
  try {
    object.set_constant(".rodata", 0, tracks ? 1 : 0);
    object.listen_to_verifier(PROGRAM);
    object.load("the XDP shield");
    return object;
  } catch (error) {
    const caused = with_cause(error, object.verdict());
    object[Symbol.dispose]();
    if (!(caused instanceof KernelError)) throw caused;
    return caused;
  }
}

function key_of({ address, length_bits }: Prefix): Uint8Array {
  const layout = address.length === 4 ? SHIELD_PREFIX4 : SHIELD_PREFIX6;
  const key = new Uint8Array(layout.size);
  new DataView(key.buffer).setUint32(layout.length_bits, length_bits, true);
  key.set(address, layout.address);
  return key;
}

function replace(map: BpfMap, prefixes: readonly Prefix[]): void {
  const wanted = new Map(prefixes.map((prefix) => [key_of(prefix).join(), key_of(prefix)]));
  for (const key of wanted.values()) map.set(key, PRESENT);
  for (const key of map.keys()) if (!wanted.has(key.join())) map.delete(key);
}
