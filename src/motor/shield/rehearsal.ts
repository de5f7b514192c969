import { KernelError } from "../../ffi/errors.ts";
import { interface_index, set_interface_up } from "../../ffi/interfaces.ts";
import { ScratchNetwork } from "../../ffi/network_namespace.ts";
import { PacketSocket } from "../../ffi/packet_socket.ts";
import type { ShieldProgram } from "../../ffi/shield.ts";
import { create_veth } from "../../ffi/veth.ts";
import type { XdpDriver } from "../../ffi/xdp.ts";
import type { Maybe } from "../../model/sample.ts";
import { SHIELD_MODES, SHIELD_VERDICTS, type ShieldVerdict } from "../../model/shield.ts";

const SHIELDED = "hosa-scratch0";
const OUTSIDE = "hosa-scratch1";
const ARRIVES_WITHIN_MS = 1000;
const FRAMES_MAX = 64;

const ETHERNET = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1] as const;
/** A SYN from one address for documentation to another, port 9. */
const REFUSED = new Uint8Array([
  ...ETHERNET,
  ...[8, 0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2],
  ...[4, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
]);
/** An ARP request between the same two. */
const ADMITTED = new Uint8Array([
  ...ETHERNET,
  ...[8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 192, 0, 2, 2],
  ...Array<number>(18).fill(0),
]);

/**
 * Tries the loaded program on a scratch pair of interfaces in a scratch network namespace: a packet it must refuse, then one
 * it must admit. Why it cannot be used; null when it did both. Nothing of it remains.
 */
export function rehearse_shield(program: ShieldProgram, drivers: readonly XdpDriver[]): Maybe<string> {
  try {
    using _network = new ScratchNetwork();
    create_veth(SHIELDED, OUTSIDE);
    for (const name of [SHIELDED, OUTSIDE]) set_interface_up(name, true);
    const [inside, outside] = [interface_index(SHIELDED), interface_index(OUTSIDE)];
    if (inside === null || outside === null) return "rehearsal: the scratch interfaces are not there";
    using sender = new PacketSocket(outside);
    using receiver = new PacketSocket(inside);
    using _link = program.attach(inside, SHIELDED, drivers);
    return tried(program, sender, receiver);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return `rehearsal: ${error.message}`;
  }
}

function tried(program: ShieldProgram, sender: PacketSocket, receiver: PacketSocket): Maybe<string> {
  const mode = SHIELD_MODES.indexOf("essential");
  const words = { keeps: 0, window: 1, quota: 0, source_share: 2 ** 32, flow_packets: 1, ephemeral_low: 32_768 };
  const before = program.counts();
  program.set_lease(0);
  program.set_words({ ...words, mode });
  try {
    sender.send(REFUSED);
    sender.send(ADMITTED);
    // The second came behind the first: once it is there, both were judged.
    if (!arrives(receiver)) return "rehearsal: a packet that must be admitted did not arrive";
    const after = program.counts();
    const judged = (verdict: ShieldVerdict) => {
      const index = SHIELD_VERDICTS.indexOf(verdict);
      return after[index]! - before[index]!;
    };
    if (judged("drop_refused") < 1) return "rehearsal: a packet that must be refused was not";
    return null;
  } finally {
    program.set_words({ ...words, mode: SHIELD_MODES.indexOf("open") });
  }
}

/** The kernel says things of its own on a new interface: they are passed over. */
function arrives(receiver: PacketSocket): boolean {
  for (let frames = 0; frames < FRAMES_MAX; frames++) {
    const frame = receiver.receive(ARRIVES_WITHIN_MS);
    if (frame === null) return false;
    if (Buffer.from(frame.subarray(0, ADMITTED.length)).equals(Buffer.from(ADMITTED))) return true;
  }
  return false;
}
