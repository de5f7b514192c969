/**
 * The admission rule of docs/SHIELD.md in another language and another style, to hold bpf/shield.bpf.c against: it reads whole
 * packets where the program reads step by step. Pure; what it remembers is in the `Memory` it is given.
 */

export interface Socket {
  readonly protocol: "tcp" | "udp";
  readonly version: 4 | 6;
  readonly address: string;
  readonly port: number;
  /** Null: it listens (TCP) or serves everybody (UDP). */
  readonly peer: { readonly address: string; readonly port: number } | null;
}

export interface Rule {
  readonly mode: "open" | "shed" | "essential" | "isolate";
  readonly established: boolean;
  readonly dns: boolean;
  readonly dhcp: boolean;
  readonly ping: boolean;
  readonly tcp_ports: ReadonlySet<number>;
  readonly udp_ports: ReadonlySet<number>;
  /** Bits of an address, as text of 0 and 1, by family. */
  readonly prefixes4: readonly string[];
  readonly prefixes6: readonly string[];
  readonly sockets: readonly Socket[];
  readonly ephemeral_low: number;
  readonly window: number;
  readonly quota: number;
  readonly source_share: number;
  readonly flow_packets: number;
  readonly salt: bigint;
}

export interface Memory {
  /** Flow → packets in a window, or proven. */
  readonly flows: Map<string, { proven: boolean; window: number; packets: number }>;
  readonly datagrams: Set<string>;
  /** Source → new flows in a window. */
  readonly sources: Map<string, { window: number; count: number }>;
  /** Sources with an established connection. */
  readonly met: Set<string>;
}

const MET_WEIGHT = 16;

export const fresh_memory = (): Memory => ({
  flows: new Map(),
  datagrams: new Set(),
  sources: new Map(),
  met: new Set(),
});

interface Read {
  readonly version: 4 | 6;
  readonly protocol: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly hop_limit: number;
  /** Id of the datagram when it is one of several fragments. */
  readonly fragment: { readonly id: string; readonly first: boolean } | null;
  readonly payload: Uint8Array;
}

const be16 = (bytes: Uint8Array, at: number) => bytes[at]! * 256 + bytes[at + 1]!;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bits = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");

/** The verdict on one Ethernet frame, named as in SHIELD_VERDICTS. */
export function verdict_of(frame: Uint8Array, rule: Rule, memory: Memory): string {
  if (rule.mode === "open") return "open";
  if (frame.length < 14) return "drop_malformed";
  let ethertype = be16(frame, 12);
  let at = 14;
  for (let tags = 0; tags < 2 && (ethertype === 0x8100 || ethertype === 0x88a8); tags++, at += 4) {
    if (frame.length < at + 4) return "drop_malformed";
    ethertype = be16(frame, at + 2);
  }
  const packet = frame.subarray(at);
  if (ethertype === 0x0800) return of_ip(read_ipv4(packet), rule, memory);
  if (ethertype === 0x86dd) return of_ip(read_ipv6(packet), rule, memory);
  if (ethertype < 1536 || [0x0806, 0x8809, 0x88cc, 0x888e].includes(ethertype)) return "link";
  return rule.mode === "isolate" ? "drop_refused" : "unjudged";
}

function read_ipv4(bytes: Uint8Array): Read | null {
  if (bytes.length < 20 || bytes[0]! >> 4 !== 4) return null;
  const header = (bytes[0]! & 15) * 4;
  const total = be16(bytes, 2);
  if (header < 20 || total < header || total > bytes.length) return null;
  const offset = be16(bytes, 6) & 0x1fff;
  const more = (be16(bytes, 6) & 0x2000) !== 0;
  return {
    version: 4,
    protocol: bytes[9]!,
    source: bytes.subarray(12, 16),
    destination: bytes.subarray(16, 20),
    hop_limit: bytes[8]!,
    fragment: more || offset > 0 ? { id: hex(bytes.subarray(4, 6)), first: offset === 0 } : null,
    payload: bytes.subarray(header, total),
  };
}

const OPTIONS = [0, 43, 60];
const AUTHENTICATION = 51;
const FRAGMENT = 44;
const EXTENSIONS_MAX = 8;

function read_ipv6(bytes: Uint8Array): Read | null {
  if (bytes.length < 40 || bytes[0]! >> 4 !== 6 || be16(bytes, 4) > bytes.length - 40) return null;
  let payload = bytes.subarray(40, 40 + be16(bytes, 4));
  let protocol = bytes[6]!;
  let fragment: Read["fragment"] = null;
  for (let headers = 0; [...OPTIONS, AUTHENTICATION, FRAGMENT].includes(protocol); headers++) {
    if (payload.length < 8) return null;
    const size =
      protocol === FRAGMENT ? 8 : protocol === AUTHENTICATION ? (payload[1]! + 2) * 4 : (payload[1]! + 1) * 8;
    if (payload.length < size) return null;
    const was_fragment = protocol === FRAGMENT;
    protocol = payload[0]!;
    if (was_fragment) {
      const place = be16(payload, 2);
      const id = hex(payload.subarray(4, 8));
      const first = place >> 3 === 0;
      // An "atomic" fragment is a whole packet, whatever headers follow; a later one ends what can be read.
      fragment = first && (place & 1) === 0 ? null : { id, first };
      if (!first) return v6(bytes, protocol, fragment, payload.subarray(8));
    }
    payload = payload.subarray(size);
    if (headers === EXTENSIONS_MAX) return null;
  }
  return v6(bytes, protocol, fragment, payload);
}

function v6(bytes: Uint8Array, protocol: number, fragment: Read["fragment"], payload: Uint8Array): Read {
  const source = bytes.subarray(8, 24);
  const destination = bytes.subarray(24, 40);
  return { version: 6, protocol, source, destination, hop_limit: bytes[7]!, fragment, payload };
}

function of_ip(read: Read | null, rule: Rule, memory: Memory): string {
  if (read === null) return "drop_malformed";
  const { fragment } = read;
  // RFC 8200, 4.5: an IPv6 fragment is known by its addresses and its identification alone.
  const named = read.version === 6 ? 0 : read.protocol;
  const datagram = `${read.version} ${hex(read.source)} ${hex(read.destination)} ${named} ${fragment?.id}`;
  if (fragment !== null && !fragment.first) {
    if (is_allowed(read, rule)) return "allowed";
    return memory.datagrams.has(datagram) ? "fragment" : "drop_fragment";
  }
  const verdict = of_whole(read, rule, memory);
  if (fragment !== null && !verdict.startsWith("drop")) memory.datagrams.add(datagram);
  return verdict;
}

const SHORTEST: Readonly<Record<number, number>> = { 6: 20, 17: 8, 1: 8, 58: 8 };

function of_whole(read: Read, rule: Rule, memory: Memory): string {
  const { protocol, payload, version } = read;
  if (payload.length < (SHORTEST[protocol] ?? 0)) return "drop_malformed";
  if (protocol === 6 && (payload[12]! >> 4 < 5 || (payload[12]! >> 4) * 4 > payload.length)) return "drop_malformed";
  if (is_allowed(read, rule)) return "allowed";
  if (protocol === 6) return of_tcp(read, rule, memory);
  if (protocol === 17) return of_udp(read, rule, memory);
  if (protocol === 1) return version === 4 ? of_icmp4(read, rule, memory) : "drop_malformed";
  if (protocol === 58) return version === 6 ? of_icmp6(read, rule, memory) : "drop_malformed";
  if ([2, 88, 89, 103, 112].includes(protocol)) return "link";
  return rule.mode === "shed" ? "unjudged" : "drop_refused";
}

function is_allowed(read: Read, rule: Rule): boolean {
  const address = bits(read.source);
  return (read.version === 4 ? rule.prefixes4 : rule.prefixes6).some((prefix) => address.startsWith(prefix));
}

function of_tcp(read: Read, rule: Rule, memory: Memory): string {
  const flags = read.payload[13]!;
  if (rule.tcp_ports.has(be16(read.payload, 2))) return "port";
  const opens = (flags & 2) !== 0 && (flags & 16) === 0;
  if (opens) return begin(read, rule, memory);
  if (!rule.established) return "drop_refused";
  const known = memory.flows.has(flow_of(read));
  if (known || socket_for(read, rule)?.peer) {
    if (!known) memory.met.add(source_of(read).toString());
    memory.flows.set(flow_of(read), { proven: true, window: 0, packets: 0 });
    return "established";
  }
  return begin(read, rule, memory);
}

function of_udp(read: Read, rule: Rule, memory: Memory): string {
  const from = be16(read.payload, 0);
  const to = be16(read.payload, 2);
  if (rule.udp_ports.has(to)) return "port";
  const dhcp = read.version === 4 ? from === 67 && to === 68 : from === 547 && to === 546;
  if (dhcp && rule.dhcp) return "reply";
  if (rule.established && is_known(read, rule, memory)) return "established";
  const socket = socket_for(read, rule);
  if (rule.established && socket?.peer) {
    memory.flows.set(flow_of(read), { proven: true, window: 0, packets: 0 });
    return "established";
  }
  if (rule.dns && socket !== undefined && from === 53 && to >= rule.ephemeral_low) return "reply";
  const verdict = begin(read, rule, memory);
  if (verdict === "new_flow") {
    memory.flows.set(flow_of(read), { proven: false, window: rule.window, packets: 1 });
  }
  return verdict;
}

function is_known(read: Read, rule: Rule, memory: Memory): boolean {
  const known = memory.flows.get(flow_of(read));
  if (known === undefined) return false;
  if (known.proven) return true;
  if (known.window !== rule.window) Object.assign(known, { window: rule.window, packets: 0 });
  known.packets += 1;
  return known.packets <= rule.flow_packets;
}

function of_icmp4(read: Read, rule: Rule, memory: Memory): string {
  const [type, code] = read.payload;
  if (type === 3 && code === 4) return "link";
  if ([0, 3, 11, 12].includes(type!)) return rule.established ? "reply" : "drop_refused";
  return type === 8 ? ping(read, rule, memory) : begin(read, rule, memory);
}

function of_icmp6(read: Read, rule: Rule, memory: Memory): string {
  const type = read.payload[0]!;
  if (type >= 133 && type <= 137) return read.hop_limit === 255 ? "link" : "drop_malformed";
  if ([2, 130, 131, 132, 143].includes(type)) return "link";
  if ([1, 3, 4, 129].includes(type)) return rule.established ? "reply" : "drop_refused";
  return type === 128 ? ping(read, rule, memory) : begin(read, rule, memory);
}

function ping(read: Read, rule: Rule, memory: Memory): string {
  if (!rule.ping) return begin(read, rule, memory);
  return within_share(read, rule, memory) ? "ping" : "drop_share";
}

function begin(read: Read, rule: Rule, memory: Memory): string {
  if (rule.mode !== "shed") return "drop_refused";
  return within_share(read, rule, memory) ? "new_flow" : "drop_share";
}

const MASK = (1n << 64n) - 1n;

/** splitmix64's finalizer, upper half. */
function mix(value: bigint): number {
  let z = value;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
  return Number((z ^ (z >> 31n)) >> 32n);
}

/** An IPv4 address behind four zero bytes, or the first eight bytes of an IPv6 one, as a little-endian number. */
function source_of(read: Read): bigint {
  const bytes = read.version === 4 ? [0, 0, 0, 0, ...read.source] : [...read.source.subarray(0, 8)];
  return bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
}

function within_share(read: Read, rule: Rule, memory: Memory): boolean {
  const source = source_of(read);
  const key = source.toString();
  const met = memory.met.has(key);
  const turn = (BigInt(rule.window) * 0x9e3779b97f4a7c15n) & MASK;
  if (!met && mix(source ^ rule.salt ^ turn) >= rule.source_share) return false;
  const heard = memory.sources.get(key);
  const count = heard !== undefined && heard.window === rule.window ? heard.count + 1 : 1;
  memory.sources.set(key, { window: rule.window, count });
  return count <= rule.quota * (met ? MET_WEIGHT : 1);
}

function flow_of(read: Read): string {
  return `${read.version} ${read.protocol} ${hex(read.source)} ${hex(read.destination)} ${hex(read.payload.subarray(0, 4))}`;
}

const ANY = new Set(["00000000", "00000000000000000000000000000000"]);

/** The most exact socket for a packet, as the kernel looks it up. Addresses are hex here. */
function socket_for(read: Read, rule: Rule): Socket | undefined {
  const protocol = read.protocol === 6 ? "tcp" : "udp";
  const [from, to] = [be16(read.payload, 0), be16(read.payload, 2)];
  const [source, destination] = [hex(read.source), hex(read.destination)];
  const candidates = rule.sockets.filter(
    (one) =>
      one.protocol === protocol &&
      one.version === read.version &&
      one.port === to &&
      (ANY.has(one.address) || one.address === destination),
  );
  const own = candidates.find(({ peer }) => peer !== null && peer.port === from && peer.address === source);
  return own ?? candidates.find(({ peer }) => peer === null);
}
