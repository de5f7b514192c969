/** Random and mutated packets: what the program in the kernel answers, against the model. */

import { fresh_memory, type Rule, verdict_of } from "./model.ts";
import {
  ACK,
  authentication,
  type Bytes,
  ethernet,
  fragment6,
  frames_between,
  icmp,
  ip4,
  ip6,
  options6,
  SYN,
  tagged,
  tcp,
  udp,
} from "./packets.ts";
import { Chance } from "./random.ts";
import {
  CLIENT_PORT,
  CONNECTED_PEER,
  CONNECTED_PORT,
  LISTENER_PORT,
  RESOLVER_PORT,
  SERVED_PORT,
  type World,
} from "./world.ts";

export interface Disagreement {
  readonly frame: string;
  readonly rule: string;
  readonly kernel: string;
  readonly model: string;
}

export interface FuzzResult {
  readonly packets: number;
  readonly passed: number;
  readonly verdicts: Readonly<Record<string, number>>;
  /** The first ten of them, and how many there were. */
  readonly disagreements: readonly Disagreement[];
  readonly disagreed: number;
}

const PER_ROUND = 200;
const SHOWN_MAX = 10;
/** Flows and fragments are forgotten after some time: a round that was held up for so long is begun anew. */
const ROUND_MAX_MS = 5000;

/** @param now_ms a clock, to notice rounds that were held up */
export function fuzz(world: World, seed: number, count: number, now_ms: () => number): FuzzResult {
  const verdicts: Record<string, number> = {};
  const disagreements: Disagreement[] = [];
  let [packets, passed, disagreed] = [0, 0, 0];
  for (let round = 0; packets < count; round++) {
    const size = Math.min(PER_ROUND, count - packets);
    let answers: readonly Answer[] = [];
    for (let held_up = true; held_up; ) {
      const started_ms = now_ms();
      answers = run_round(world, seed * 7919 + round, size);
      held_up = now_ms() - started_ms > ROUND_MAX_MS;
    }
    for (const { frame, rule, kernel, model, let_in } of answers) {
      packets += 1;
      if (let_in) passed += 1;
      verdicts[model] = (verdicts[model] ?? 0) + 1;
      if (kernel === model && let_in === !model.startsWith("drop")) continue;
      disagreed += 1;
      if (disagreements.length >= SHOWN_MAX) continue;
      const { sockets: _, ...shown } = rule;
      disagreements.push({ frame: Buffer.from(frame).toString("hex"), rule: inspect(shown), kernel, model });
    }
  }
  return { packets, passed, verdicts, disagreements, disagreed };
}

function inspect(rule: object): string {
  return JSON.stringify(rule, (_key, value) =>
    value instanceof Set ? [...value] : typeof value === "bigint" ? value.toString() : value,
  );
}

interface Answer {
  readonly frame: Bytes;
  readonly rule: Rule;
  readonly kernel: string;
  readonly model: string;
  readonly let_in: boolean;
}

function run_round(world: World, seed: number, size: number): readonly Answer[] {
  const chance = new Chance(seed);
  let rule = random_rule(chance, world);
  const memory = fresh_memory();
  const earlier: Bytes[] = [];
  const answers: Answer[] = [];
  world.set(rule);
  for (let i = 0; i < size; i++) {
    if (chance.happens(0.02)) {
      rule = { ...rule, window: rule.window + 1, quota: chance.below(6), source_share: random_share(chance) };
      world.program.set_share(rule.window, rule.quota, rule.source_share);
    }
    const again = earlier.length > 0 && chance.happens(0.3);
    const base = again ? chance.one_of(earlier) : random_frame(chance);
    const frame = again && chance.happens(0.3) ? fragment_of(chance, base) : mutated(chance, base);
    if (!again) earlier.push(frame);
    const { verdict, passed } = world.ask(frame);
    answers.push({ frame, rule, kernel: verdict, model: verdict_of(frame, rule, memory), let_in: passed });
  }
  return answers;
}

const PORTS = [
  22,
  53,
  67,
  68,
  80,
  161,
  546,
  547,
  LISTENER_PORT,
  CLIENT_PORT,
  SERVED_PORT,
  CONNECTED_PORT,
  CONNECTED_PEER,
  RESOLVER_PORT,
] as const;
const ADDRESSES4 = ["127.0.0.1", "127.0.0.2", "10.9.1.2", "10.8.0.1", "203.0.113.5", "203.0.113.6", "169.254.169.254"];
const ADDRESSES6 = ["::1", "fe80::1", "2001:db8:9::1", "2001:db8:8::1", "2001:db8:5::5", "2001:db8:5::6", "ff02::1"];

const random_share = (chance: Chance) => (chance.happens(0.5) ? 2 ** 32 : chance.below(2 ** 32));

function random_rule(chance: Chance, world: World): Rule {
  const mode = chance.one_of(["open", "shed", "shed", "shed", "essential", "essential", "isolate", "isolate"] as const);
  const keeps = () => mode !== "isolate" || chance.happens(0.5);
  const some = <T>(values: readonly T[], part: number) => values.filter(() => chance.happens(part));
  return {
    mode,
    established: keeps(),
    dns: keeps(),
    dhcp: keeps(),
    ping: keeps(),
    tcp_ports: new Set(some(PORTS, 0.15)),
    udp_ports: new Set(some(PORTS, 0.15)),
    prefixes4: some(["0000101000001001", "1010100111111110", "01111111000000000000000000000010", "00001010"], 0.3),
    prefixes6: some(["001000000000000100001101101110000000000000001001", "1111111010", "00100000"], 0.3),
    sockets: world.sockets,
    ephemeral_low: chance.one_of([1024, 32_768, 45_003, 60_000]),
    window: chance.below(1000),
    quota: chance.below(6),
    source_share: random_share(chance),
    flow_packets: 1 + chance.below(8),
    salt: BigInt(chance.below(2 ** 31)) * 4_294_967_311n,
  };
}

const random_bytes = (chance: Chance, size: number) => new Uint8Array(size).map(() => chance.below(256));
const random_port = (chance: Chance) => (chance.happens(0.9) ? chance.one_of(PORTS) : chance.below(65_536));

function random_transport(chance: Chance, protocol: number): Bytes {
  const flags = chance.one_of([SYN, ACK, SYN | ACK, 4, ACK | 1, chance.below(64)]);
  if (protocol === 6)
    return tcp(random_port(chance), random_port(chance), flags, random_bytes(chance, chance.below(12)));
  if (protocol === 17) return udp(random_port(chance), random_port(chance), random_bytes(chance, chance.below(12)));
  if (protocol === 1) return icmp(chance.one_of([0, 3, 3, 5, 8, 8, 11, 12, 13]), chance.below(6));
  if (protocol === 58)
    return icmp(chance.one_of([1, 2, 3, 4, 128, 128, 129, 130, 133, 134, 135, 136, 137, 143, 200]), chance.below(3));
  return random_bytes(chance, chance.below(30));
}

function random_ip4(chance: Chance): Bytes {
  const protocol = chance.one_of([6, 6, 6, 17, 17, 17, 1, 2, 47, 58, 89, 112, chance.below(256)]);
  const fragment = chance.happens(0.15);
  const header = {
    source: chance.one_of(ADDRESSES4),
    destination: chance.one_of(ADDRESSES4.slice(0, 2)),
    protocol,
    id: chance.below(3),
    more: fragment && chance.happens(0.6),
    offset: fragment && chance.happens(0.6) ? chance.below(4) : 0,
    options: new Uint8Array(chance.happens(0.1) ? 4 * chance.below(11) : 0),
  };
  return ethernet(0x0800, ip4(header, random_transport(chance, protocol)));
}

function random_ip6(chance: Chance): Bytes {
  let next: number = chance.one_of([6, 6, 6, 17, 17, 17, 58, 58, 1, 47, 59, 89, chance.below(256)]);
  let payload = random_transport(chance, next);
  const headers = chance.happens(0.4) ? 1 + chance.below(3) : chance.happens(0.05) ? 7 + chance.below(4) : 0;
  for (let i = 0; i < headers; i++) {
    const kind = chance.one_of([0, 43, 60, 60, 51, 44]);
    const inner = payload;
    if (kind === 51) payload = authentication(next, inner);
    else if (kind === 44)
      payload = fragment6(next, chance.happens(0.5) ? 0 : chance.below(4), chance.happens(0.5), chance.below(3), inner);
    else payload = options6(next, inner, chance.happens(0.2) ? chance.below(4) : 0);
    next = kind;
  }
  const hop_limit = chance.one_of([255, 255, 64, 1]);
  const source = chance.one_of(ADDRESSES6);
  const destination = chance.one_of([ADDRESSES6[0]!, ADDRESSES6[0]!, ADDRESSES6[6]!]);
  return ethernet(0x86dd, ip6({ source, destination, next, hop_limit }, payload));
}

/** Both ends of the sockets that are open: chance alone would hardly meet them. */
const CONVERSATIONS = [
  ["tcp", CLIENT_PORT, LISTENER_PORT],
  ["tcp", LISTENER_PORT, CLIENT_PORT],
  ["udp", CONNECTED_PEER, CONNECTED_PORT],
  ["udp", 53, RESOLVER_PORT],
  ["udp", 5000, SERVED_PORT],
] as const;

function conversation(chance: Chance): Bytes {
  const local = chance.one_of(["127.0.0.1", "::1"]);
  const [protocol, from, to] = chance.one_of(CONVERSATIONS);
  const frames = frames_between(local, local);
  return protocol === "tcp" ? frames.tcp(from, to, chance.one_of([SYN, ACK, ACK, ACK | 8])) : frames.udp(from, to);
}

/** The frame as the first of several fragments, or as a later one; as it is when it cannot be one. */
function fragment_of(chance: Chance, frame: Bytes): Bytes {
  const part = frame.slice();
  const later = chance.happens(0.6) ? 1 + chance.below(3) : 0;
  const more = chance.happens(0.7);
  if (part[12] === 0x08 && part[13] === 0x00 && part.length >= 34) {
    part[20] = (more ? 0x20 : 0) | (later >> 8);
    part[21] = later;
  } else if (part[12] === 0x86 && part[20] === 44 && part.length >= 62) {
    part[57] = (later << 3) | (more ? 1 : 0);
  }
  return part;
}

function random_frame(chance: Chance): Bytes {
  const draw = chance.next();
  let frame: Bytes;
  if (draw < 0.12) frame = conversation(chance);
  else if (draw < 0.5) frame = random_ip4(chance);
  else if (draw < 0.94) frame = random_ip6(chance);
  else if (draw < 0.97) {
    const types = [0x0806, 0x8809, 0x88cc, 0x888e, 0x8847, 0x0800, 0x86dd, chance.below(65_536)];
    frame = ethernet(chance.one_of(types), random_bytes(chance, chance.below(60)));
  } else frame = random_bytes(chance, 14 + chance.below(100));
  for (let tags = chance.happens(0.2) ? 1 + chance.below(3) : 0; tags > 0; tags--) {
    frame = tagged(frame, chance.one_of([0x8100, 0x88a8]), chance.below(4096));
  }
  return frame;
}

/** Mostly as it is; else some bytes changed, cut off or added. The kernel's test run takes no frame below 14 bytes. */
function mutated(chance: Chance, frame: Bytes): Bytes {
  if (chance.happens(0.6)) return frame;
  const draw = chance.next();
  if (draw < 0.2) return fragment_of(chance, frame);
  if (draw < 0.35) return frame.subarray(0, Math.max(14, chance.below(frame.length)));
  if (draw < 0.45) return new Uint8Array([...frame, ...random_bytes(chance, 1 + chance.below(40))]);
  const changed = frame.slice();
  for (let times = 1 + chance.below(3); times > 0; times--) {
    const at = 12 + chance.below(Math.min(frame.length, 80) - 12);
    changed[at] = chance.happens(0.5) ? chance.below(256) : changed[at]! ^ (1 << chance.below(8));
  }
  return changed;
}
