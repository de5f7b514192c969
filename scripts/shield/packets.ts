/** Packets made by hand: each function wraps what it is given into one more header. Lengths are right, checksums are 0. */

export type Bytes = Uint8Array;

export const join = (...parts: readonly (Bytes | readonly number[])[]): Bytes =>
  new Uint8Array(parts.flatMap((part) => [...part]));

const be16 = (value: number) => [(value >> 8) & 255, value & 255];
const be32 = (value: number) => [...be16(value >>> 16), ...be16(value & 0xffff)];

export const SYN = 2;
export const RST = 4;
export const ACK = 16;

export function v4(text: string): Bytes {
  return new Uint8Array(text.split(".").map(Number));
}

/** Only with at most one "::", no embedded IPv4. */
export function v6(text: string): Bytes {
  const [head = "", tail] = text.split("::");
  const groups = (part: string | undefined) => (part === undefined || part === "" ? [] : part.split(":"));
  const [first, last] = [groups(head), groups(tail)];
  const middle = tail === undefined ? [] : Array(8 - first.length - last.length).fill("0");
  return join(...[...first, ...middle, ...last].map((group) => be16(Number.parseInt(group, 16))));
}

export function ethernet(ethertype: number, payload: Bytes): Bytes {
  return join([2, 0, 0, 0, 0, 2], [2, 0, 0, 0, 0, 1], be16(ethertype), payload);
}

/** The frame with one more VLAN tag on the outside. */
export function tagged(frame: Bytes, protocol = 0x8100, id = 7): Bytes {
  return join(frame.subarray(0, 12), be16(protocol), be16(id), frame.subarray(12));
}

export interface Ip4 {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly ttl?: number;
  readonly id?: number;
  /** In units of 8 bytes. */
  readonly offset?: number;
  readonly more?: boolean;
  readonly options?: Bytes;
}

export function ip4(header: Ip4, payload: Bytes): Bytes {
  const options = header.options ?? new Uint8Array();
  const place = (header.more === true ? 0x2000 : 0) | (header.offset ?? 0);
  return join(
    [0x45 + options.length / 4, 0],
    be16(20 + options.length + payload.length),
    be16(header.id ?? 0),
    be16(place),
    [header.ttl ?? 64, header.protocol, 0, 0],
    v4(header.source),
    v4(header.destination),
    options,
    payload,
  );
}

export interface Ip6 {
  readonly source: string;
  readonly destination: string;
  readonly next: number;
  readonly hop_limit?: number;
}

export function ip6(header: Ip6, payload: Bytes): Bytes {
  return join(
    [0x60, 0, 0, 0],
    be16(payload.length),
    [header.next, header.hop_limit ?? 64],
    v6(header.source),
    v6(header.destination),
    payload,
  );
}

/** Hop-by-hop, routing or destination options of 8 + 8·extra bytes. */
export function options6(next: number, payload: Bytes, extra = 0): Bytes {
  return join([next, extra, 1, 4, 0, 0, 0, 0], new Uint8Array(8 * extra), payload);
}

/** Authentication header: length in words of 4 bytes, less 2. */
export function authentication(next: number, payload: Bytes): Bytes {
  return join([next, 4, 0, 0], new Uint8Array(20), payload);
}

export function fragment6(next: number, offset: number, more: boolean, id: number, payload: Bytes): Bytes {
  return join([next, 0], be16((offset << 3) | (more ? 1 : 0)), be32(id), payload);
}

export function tcp(from: number, to: number, flags: number, payload: Bytes = new Uint8Array()): Bytes {
  return join(be16(from), be16(to), be32(1), be32(flags & ACK ? 1 : 0), [0x50, flags], be16(1024), be32(0), payload);
}

export function udp(from: number, to: number, payload: Bytes = new Uint8Array(4)): Bytes {
  return join(be16(from), be16(to), be16(8 + payload.length), be16(0), payload);
}

export function icmp(type: number, code: number, payload: Bytes = new Uint8Array(4)): Bytes {
  return join([type, code, 0, 0, 0, 0, 0, 0], payload);
}

const TCP = 6;
const UDP = 17;

/** Whole frames of one conversation between two IPv4 or two IPv6 addresses. */
export function frames_between(source: string, destination: string) {
  const six = source.includes(":");
  const wrap = (protocol: number, payload: Bytes) =>
    six
      ? ethernet(0x86dd, ip6({ source, destination, next: protocol }, payload))
      : ethernet(0x0800, ip4({ source, destination, protocol }, payload));
  return {
    tcp: (from: number, to: number, flags: number) => wrap(TCP, tcp(from, to, flags)),
    udp: (from: number, to: number) => wrap(UDP, udp(from, to)),
    icmp: (type: number, code = 0) => wrap(six ? 58 : 1, icmp(type, code)),
    protocol: (number: number) => wrap(number, new Uint8Array(16)),
  };
}
