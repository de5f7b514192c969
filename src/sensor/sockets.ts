import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";

/** One socket table of the kernel as it reads, cut at a bound. */
export interface SocketTable {
  /** Below /proc/net: tcp, tcp6, udp, udp6. */
  readonly name: string;
  readonly text: string;
  readonly cut: boolean;
}

const TABLES = ["tcp", "tcp6", "udp", "udp6"] as const;
const TABLE_BYTES_MAX = 2 * 1024 * 1024;
const TCP_ESTABLISHED = "01";

/** The socket tables of this network namespace, at most 2 MiB of each; those that do not exist are left out. */
export async function read_socket_tables(proc: string): Promise<readonly SocketTable[]> {
  const tables: SocketTable[] = [];
  for (const name of TABLES) {
    let file: FileHandle;
    try {
      file = await open(join(proc, "net", name));
    } catch {
      continue;
    }
    try {
      tables.push({ name, ...(await read_bounded(file)) });
    } finally {
      await file.close();
    }
  }
  return tables;
}

async function read_bounded(file: FileHandle): Promise<{ text: string; cut: boolean }> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  while (bytes < TABLE_BYTES_MAX) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(65_536), 0, 65_536, null);
    if (bytesRead === 0) return { text: Buffer.concat(pieces).toString("latin1"), cut: false };
    pieces.push(buffer.subarray(0, bytesRead));
    bytes += bytesRead;
  }
  return { text: Buffer.concat(pieces).toString("latin1"), cut: true };
}

/** One end of an open ssh session, as seen from here. */
export interface Session {
  readonly local: string;
  readonly peer: string;
}

/** Open TCP sessions on own ports. */
export function operator_sessions(tables: readonly SocketTable[], ports: readonly number[]): readonly Session[] {
  const found: Session[] = [];
  for (const { name, text } of tables) {
    if (!name.startsWith("tcp")) continue;
    for (const line of text.split("\n").slice(1)) {
      const [, local = "", peer = "", state] = line.trim().split(/\s+/);
      if (state !== TCP_ESTABLISHED || !ports.includes(Number.parseInt(local.split(":")[1] ?? "", 16))) continue;
      found.push({ local: address_of(local), peer: address_of(peer) });
    }
  }
  return found;
}

/** `0100007F:1F90` → 127.0.0.1: the kernel writes each 32-bit word of the address as it lies in a little-endian host. */
export function address_of(endpoint: string): string {
  const words = (endpoint.split(":")[0] ?? "").match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => [6, 4, 2, 0].map((at) => Number.parseInt(word.slice(at, at + 2), 16)));
  const mapped = bytes.length === 16 && bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255;
  if (bytes.length === 4 || mapped) return bytes.slice(-4).join(".");
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16));
  return compressed(groups);
}

/** The longest run of zero groups becomes "::" (RFC 5952), as every other source of addresses writes it. */
function compressed(groups: readonly string[]): string {
  let best = { at: 0, length: 0 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (groups[at + length] === "0") length += 1;
    if (length > best.length) best = { at, length };
  }
  if (best.length < 2) return groups.join(":");
  return `${groups.slice(0, best.at).join(":")}::${groups.slice(best.at + best.length).join(":")}`;
}
