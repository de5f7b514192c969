import type { Maybe } from "./sample.ts";

/** An address prefix as bytes, 4 of them or 16; bits behind the length are 0. */
export interface Prefix {
  readonly address: Uint8Array;
  readonly length_bits: number;
}

/** `10.0.0.0/8`, `2001:db8::/32`, or one address → the prefix; null when the text is none. */
export function parse_prefix(text: string): Maybe<Prefix> {
  const [host = "", length, ...rest] = text.split("/");
  const address = host.includes(":") ? bytes_of_ipv6(host) : bytes_of_ipv4(host);
  if (address === null || rest.length > 0) return null;
  const bits = address.length * 8;
  if (length !== undefined && !/^\d{1,3}$/.test(length)) return null;
  const length_bits = length === undefined ? bits : Number(length);
  if (length_bits > bits) return null;
  return { address: address.map((byte, at) => byte & mask(length_bits - 8 * at)), length_bits };
}

/** The first `bits` of a byte. */
function mask(bits: number): number {
  return bits >= 8 ? 255 : bits <= 0 ? 0 : (255 << (8 - bits)) & 255;
}

function bytes_of_ipv4(text: string): Maybe<Uint8Array> {
  const parts = text.split(".");
  const valid = parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256);
  return valid ? new Uint8Array(parts.map(Number)) : null;
}

function bytes_of_ipv6(text: string): Maybe<Uint8Array> {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const tail = dotted === null ? [] : bytes_of_ipv4(dotted[2]!);
  if (tail === null) return null;
  const hex = dotted === null ? text : dotted[1]!.replace(/(?<!:):$/, "");
  const [left = "", right, ...more] = hex.split("::");
  if (more.length > 0) return null;
  const [head, end] = [groups(left), groups(right ?? "")];
  if (head === null || end === null) return null;
  const missing = 16 - head.length - end.length - tail.length;
  if (right === undefined ? missing !== 0 : missing < 2) return null;
  return new Uint8Array([...head, ...Array<number>(missing).fill(0), ...end, ...tail]);
}

/** `2001:db8` → its bytes; null when a group is none. */
function groups(text: string): Maybe<readonly number[]> {
  if (text === "") return [];
  const parts = text.split(":");
  if (!parts.every((part) => /^[0-9a-fA-F]{1,4}$/.test(part))) return null;
  return parts.flatMap((part) => [Number.parseInt(part, 16) >> 8, Number.parseInt(part, 16) & 255]);
}
