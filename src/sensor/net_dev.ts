import { bytes_of, Scanner } from "./scan.ts";

const scanner = new Scanner();
const LOOPBACK = bytes_of("lo:");
const HEADER = bytes_of("Inter-|");
const COLON = 58;
const NEWLINE = 10;

/**
 * Packets received and sent by each interface but lo. Source: proc_net(5), "dev".
 * Loopback is left out: it is a node talking to itself, every packet of it counted once each way, and a busy local
 * database would hide what arrives from outside; its cost is seen in the cpu dimensions.
 *
 * @param note told a hash of the interface's name, and the packets it ever received and sent
 */
export function parse_net_dev(bytes: Uint8Array, note: (name: number, rx: number, tx: number) => void): boolean {
  scanner.start(bytes);
  if (!scanner.accept(HEADER)) return false;
  scanner.skip_line();
  scanner.skip_line();
  for (; !scanner.ended; scanner.skip_line()) {
    scanner.skip_spaces();
    if (scanner.accept(LOOPBACK)) continue;
    let name = 0;
    while (scanner.peek() !== COLON) {
      if (scanner.ended || scanner.peek() === NEWLINE) return false;
      name = (Math.imul(name, 31) + scanner.peek()) >>> 0;
      scanner.at++;
    }
    scanner.at++;
    scanner.number();
    const rx = scanner.number();
    for (let skipped = 0; skipped < 7; skipped++) scanner.number();
    const tx = scanner.number();
    if (!Number.isFinite(rx + tx)) return false;
    note(name, rx, tx);
  }
  return true;
}
