/** What the shield answers, packet by packet, against answers written by hand (docs/SHIELD.md has the rule). */

import { afterAll, describe, expect, test } from "bun:test";
import { fuzz } from "../../scripts/shield/fuzz.ts";
import { fresh_memory, type Rule, verdict_of } from "../../scripts/shield/model.ts";
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
  RST,
  SYN,
  tagged,
  tcp,
  udp,
} from "../../scripts/shield/packets.ts";
import {
  CLIENT_PORT,
  CONNECTED_PEER,
  CONNECTED_PORT,
  LISTENER_PORT,
  RESOLVER_PORT,
  SERVED_PORT,
  World,
} from "../../scripts/shield/world.ts";
import { SHIELD_VERDICTS, type ShieldVerdict } from "../../src/model/shield.ts";

const world = await open_or_skip();
afterAll(async () => await world?.[Symbol.asyncDispose]());

async function open_or_skip(): Promise<World | null> {
  try {
    return await World.open();
  } catch (error) {
    console.error(`SKIPPED tests/kernel/shield.test.ts: no shield can be loaded here: ${error}`);
    return null;
  }
}

const ALL = 2 ** 32;
const MANY = 1e9;
const BASE: Omit<Rule, "mode"> = {
  established: true,
  dns: true,
  dhcp: true,
  ping: true,
  tcp_ports: new Set([22, 8080]),
  udp_ports: new Set([161]),
  prefixes4: ["0000101000001001"], // 10.9.0.0/16
  prefixes6: ["001000000000000100001101101110000000000000001001"], // 2001:db8:9::/48
  sockets: world?.sockets ?? [],
  ephemeral_low: 32_768,
  window: 1,
  quota: MANY,
  source_share: ALL,
  flow_packets: MANY,
  salt: 7n,
};

/** The columns of the tables. shed admits every new flow, starved none; closed is an isolation that leaves nothing. */
const RULES = {
  open: { ...BASE, mode: "open" },
  shed: { ...BASE, mode: "shed" },
  starved: { ...BASE, mode: "shed", quota: 0 },
  essential: { ...BASE, mode: "essential" },
  closed: { ...BASE, mode: "isolate", established: false, dns: false, dhcp: false, ping: false },
} satisfies Record<string, Rule>;
type Column = keyof typeof RULES;
type Answers = readonly [
  open: ShieldVerdict,
  shed: ShieldVerdict,
  starved: ShieldVerdict,
  essential: ShieldVerdict,
  closed: ShieldVerdict,
];
const COLUMNS = Object.keys(RULES) as Column[];

const always = (verdict: ShieldVerdict): Answers => ["open", verdict, verdict, verdict, verdict];
const ESTABLISHED: Answers = ["open", "established", "established", "established", "drop_refused"];
const NEW: Answers = ["open", "new_flow", "drop_share", "drop_refused", "drop_refused"];
const REPLY: Answers = ["open", "reply", "reply", "reply", "drop_refused"];
const MALFORMED = always("drop_malformed");

/** Both families, so that every row is asked twice. `peer` is on the allow-list; `far` is nobody in particular. */
const FAMILIES = {
  IPv4: { local: "127.0.0.1", far: "203.0.113.5", allowed: "10.9.1.2", icmp: { echo: 8, reply: 0, too_big: [3, 4] } },
  IPv6: {
    local: "::1",
    far: "2001:db8:5::5",
    allowed: "2001:db8:9::1",
    icmp: { echo: 128, reply: 129, too_big: [2, 0] },
  },
} as const;

function rows_of(name: keyof typeof FAMILIES): readonly (readonly [string, Bytes, Answers])[] {
  const family = FAMILIES[name];
  const own = frames_between(family.local, family.local);
  const far = frames_between(family.far, family.local);
  const allowed = frames_between(family.allowed, family.local);
  const [big_type, big_code] = family.icmp.too_big;
  return [
    ["a SYN to the service", far.tcp(5000, LISTENER_PORT, SYN), NEW],
    ["a SYN to nobody", far.tcp(5000, 81, SYN), NEW],
    ["a SYN to ssh", far.tcp(5000, 22, SYN), always("port")],
    ["a segment to ssh", far.tcp(5000, 22, ACK), always("port")],
    ["a SYN to the healthcheck", far.tcp(5000, 8080, SYN), always("port")],
    ["a SYN to the number of a UDP port that is open", far.tcp(5000, 161, SYN), NEW],
    ["a datagram to an open port", far.udp(5000, 161), always("port")],
    ["a SYN from the allow-list", allowed.tcp(5000, 81, SYN), always("allowed")],
    ["a datagram from the allow-list", allowed.udp(5000, 81), always("allowed")],
    ["a segment of an established connection", own.tcp(CLIENT_PORT, LISTENER_PORT, ACK), ESTABLISHED],
    ["its other direction", own.tcp(LISTENER_PORT, CLIENT_PORT, ACK), ESTABLISHED],
    ["a reset of it", own.tcp(CLIENT_PORT, LISTENER_PORT, RST), ESTABLISHED],
    ["a SYN on an established connection", own.tcp(CLIENT_PORT, LISTENER_PORT, SYN), NEW],
    ["an ACK of no connection", far.tcp(5000, LISTENER_PORT, ACK), NEW],
    ["a SYN-ACK nobody asked for", far.tcp(80, 5000, SYN | ACK), NEW],
    ["a datagram to a connected socket", own.udp(CONNECTED_PEER, CONNECTED_PORT), ESTABLISHED],
    ["a datagram to it from somebody else", far.udp(CONNECTED_PEER, CONNECTED_PORT), NEW],
    ["a datagram to a socket that serves", far.udp(5000, SERVED_PORT), NEW],
    ["a datagram to nobody", far.udp(5000, 81), NEW],
    ["a DNS reply", own.udp(53, RESOLVER_PORT), REPLY],
    ["a DNS reply from afar", far.udp(53, RESOLVER_PORT), REPLY],
    ["port 53 to a service", own.udp(53, SERVED_PORT), NEW],
    ["port 53 to nobody", own.udp(53, 45_999), NEW],
    ["an echo request", far.icmp(family.icmp.echo), ["open", "ping", "drop_share", "ping", "drop_refused"]],
    ["an echo reply", far.icmp(family.icmp.reply), REPLY],
    ["packet too big", far.icmp(big_type, big_code), always("link")],
    ["another ICMP message", far.icmp(200), NEW],
    ["a routing protocol", far.protocol(89), always("link")],
    ["VRRP", far.protocol(112), always("link")],
    ["a tunnel", far.protocol(47), ["open", "unjudged", "unjudged", "drop_refused", "drop_refused"]],
    ["the ICMP of the other family", name === "IPv4" ? far.protocol(58) : far.protocol(1), MALFORMED],
  ];
}

const MAC_ONLY = new Uint8Array(46);
const local4 = { source: "203.0.113.5", destination: "127.0.0.1" } as const;
const local6 = { source: "2001:db8:5::5", destination: "::1" } as const;
const four = (header: Partial<Parameters<typeof ip4>[0]>, payload: Bytes) =>
  ethernet(0x0800, ip4({ ...local4, protocol: 6, ...header }, payload));
const six = (header: Partial<Parameters<typeof ip6>[0]>, payload: Bytes) =>
  ethernet(0x86dd, ip6({ ...local6, next: 6, ...header }, payload));
const with_byte = (frame: Bytes, at: number, value: number): Bytes => frame.map((byte, i) => (i === at ? value : byte));
const SSH = tcp(5000, 22, ACK);
const chain = (count: number): Bytes =>
  Array.from({ length: count - 1 }).reduce<Bytes>((inner) => options6(60, inner), options6(6, SSH));

/** What belongs to one family only, and what is no IP at all. */
const SINGLE: readonly (readonly [string, Bytes, Answers])[] = [
  ["ARP", ethernet(0x0806, MAC_ONLY), always("link")],
  ["LACP", ethernet(0x8809, MAC_ONLY), always("link")],
  ["LLDP", ethernet(0x88cc, MAC_ONLY), always("link")],
  ["802.1X", ethernet(0x888e, MAC_ONLY), always("link")],
  ["spanning tree (802.3 length)", ethernet(38, MAC_ONLY), always("link")],
  [
    "another protocol than IP",
    ethernet(0x8847, MAC_ONLY),
    ["open", "unjudged", "unjudged", "unjudged", "drop_refused"],
  ],
  ["IGMP", frames_between("203.0.113.5", "127.0.0.1").protocol(2), always("link")],
  ["a DHCP offer", frames_between("203.0.113.5", "127.0.0.1").udp(67, 68), REPLY],
  ["a DHCPv6 reply", frames_between("fe80::1", "::1").udp(547, 546), REPLY],
  ["a DHCP request", frames_between("203.0.113.5", "127.0.0.1").udp(68, 67), NEW],
  ["ICMP unreachable", frames_between("203.0.113.5", "127.0.0.1").icmp(3, 1), REPLY],
  ["ICMP time exceeded", frames_between("203.0.113.5", "127.0.0.1").icmp(11), REPLY],
  ["ICMPv6 unreachable", frames_between("2001:db8::1", "::1").icmp(1), REPLY],
  ["ICMP redirect", frames_between("203.0.113.5", "127.0.0.1").icmp(5), NEW],
  ["a neighbour solicitation", six({ next: 58, hop_limit: 255 }, icmp(135, 0)), always("link")],
  ["a neighbour advertisement", six({ next: 58, hop_limit: 255 }, icmp(136, 0)), always("link")],
  ["a router advertisement", six({ next: 58, hop_limit: 255 }, icmp(134, 0)), always("link")],
  ["a solicitation that crossed a router", six({ next: 58, hop_limit: 254 }, icmp(135, 0)), MALFORMED],
  [
    "a listener report behind hop-by-hop options",
    six({ next: 0, hop_limit: 1 }, options6(58, icmp(143, 0))),
    always("link"),
  ],

  ["IPv4 options before ssh", four({ options: new Uint8Array(40) }, SSH), always("port")],
  ["hop-by-hop options before ssh", six({ next: 0 }, options6(6, SSH)), always("port")],
  ["long options before ssh", six({ next: 60 }, options6(6, SSH, 20)), always("port")],
  ["routing and authentication before ssh", six({ next: 43 }, options6(51, authentication(6, SSH))), always("port")],
  ["eight extension headers before ssh", six({ next: 60 }, chain(8)), always("port")],
  ["nine extension headers before ssh", six({ next: 60 }, chain(9)), MALFORMED],
  ["options that promise more than there is", six({ next: 60 }, with_byte(options6(6, SSH), 1, 200)), MALFORMED],
  [
    "no next header",
    six({ next: 59 }, new Uint8Array(0)),
    ["open", "unjudged", "unjudged", "drop_refused", "drop_refused"],
  ],
  ["an atomic fragment to ssh", six({ next: 44 }, fragment6(6, 0, false, 1, SSH)), always("port")],

  ["IPv4 that says it is version 5", with_byte(four({}, SSH), 14, 0x55), MALFORMED],
  ["IPv6 that says it is version 4", with_byte(six({}, SSH), 14, 0x40), MALFORMED],
  ["an IPv4 header of 16 bytes", with_byte(four({}, SSH), 14, 0x44), MALFORMED],
  ["an IPv4 header longer than its packet", with_byte(four({}, SSH), 14, 0x4f), MALFORMED],
  ["a total length below the header", with_byte(four({}, SSH), 17, 12), MALFORMED],
  ["a total length of 0", with_byte(four({}, SSH), 17, 0), MALFORMED],
  ["a TCP header of 16 bytes", with_byte(four({}, SSH), 14 + 20 + 12, 0x40), MALFORMED],
  ["TCP options that are not there", with_byte(four({}, SSH), 14 + 20 + 12, 0x60), MALFORMED],
  ["half a TCP header", four({}, SSH.subarray(0, 19)), MALFORMED],
  [
    "half a TCP header, padded by the link",
    new Uint8Array([...four({}, SSH.subarray(0, 13)), ...new Uint8Array(20)]),
    MALFORMED,
  ],
  ["half a UDP header", four({ protocol: 17 }, udp(1, 2).subarray(0, 7)), MALFORMED],
  ["half an ICMP header", four({ protocol: 1 }, icmp(8, 0).subarray(0, 7)), MALFORMED],
  ["half a TCP header over IPv6", six({}, SSH.subarray(0, 19)), MALFORMED],
  ["half an extension header", six({ next: 60 }, options6(6, SSH).subarray(0, 7)), MALFORMED],
];

describe.skipIf(world === null)("the verdict on", () => {
  const rows = [...rows_of("IPv4").map(named("IPv4")), ...rows_of("IPv6").map(named("IPv6")), ...SINGLE];

  function named(family: string) {
    return ([name, frame, answers]: readonly [string, Bytes, Answers]) =>
      [`${family}: ${name}`, frame, answers] as const;
  }

  test.each(rows)("%s", (_name, frame, answers) => {
    const dressed = { plain: frame, vlan: tagged(frame), qinq: tagged(tagged(frame), 0x88a8) };
    for (const [dress, whole] of Object.entries(dressed)) {
      for (const [index, column] of COLUMNS.entries()) {
        world!.set(RULES[column]);
        const asked = world!.ask(whole);
        expect({ dress, column, ...asked }).toEqual({
          dress,
          column,
          verdict: answers[index]!,
          passed: !answers[index]!.startsWith("drop"),
        });
        expect(verdict_of(whole, RULES[column], fresh_memory())).toBe(answers[index]!);
      }
    }
  });

  test.each(rows)("%s, cut anywhere", (_name, frame) => {
    const ip = [0x0800, 0x86dd].includes(frame[12]! * 256 + frame[13]!);
    if (!ip) return;
    world!.set(RULES.shed);
    for (let length = 14; length < frame.length; length++) {
      const whole = verdict_of(frame.subarray(0, length), RULES.shed, fresh_memory());
      expect({ length, ...world!.ask(frame.subarray(0, length)) }).toEqual({
        length,
        verdict: whole,
        passed: !whole.startsWith("drop"),
      });
    }
  });

  test("a tag cut in half", () => {
    world!.set(RULES.shed);
    expect(world!.ask(tagged(four({}, SSH)).subarray(0, 16)).verdict).toBe("drop_malformed");
  });

  test("a frame with three tags, which nobody reads", () => {
    world!.set(RULES.essential);
    expect(world!.ask(tagged(tagged(tagged(four({}, SSH))))).verdict).toBe("unjudged");
    world!.set(RULES.closed);
    expect(world!.ask(tagged(tagged(tagged(four({}, SSH))))).verdict).toBe("drop_refused");
  });
});

describe.skipIf(world === null)("fragments", () => {
  const part4 = (port: number, offset: number, id = 9) =>
    four(
      { id, offset, more: offset < 2, protocol: 17 },
      offset === 0 ? udp(5000, port, new Uint8Array(8)) : new Uint8Array(16),
    );
  const part6 = (port: number, offset: number, id = 9) =>
    six(
      { next: 44 },
      fragment6(17, offset, offset < 2, id, offset === 0 ? udp(5000, port, new Uint8Array(8)) : new Uint8Array(16)),
    );

  test.each([
    ["IPv4", part4],
    ["IPv6", part6],
  ] as const)("of %s share the fate of their first", (_name, part) => {
    for (const column of ["shed", "essential", "closed"] as const) {
      world!.set(RULES[column]);
      expect(world!.ask(part(161, 2)).verdict).toBe("drop_fragment");
      expect(world!.ask(part(161, 0)).verdict).toBe("port");
      expect(world!.ask(part(161, 2)).verdict).toBe("fragment");
      expect(world!.ask(part(161, 2, 10)).verdict).toBe("drop_fragment");
    }
    world!.set(RULES.essential);
    expect(world!.ask(part(81, 0)).verdict).toBe("drop_refused");
    expect(world!.ask(part(81, 2)).verdict).toBe("drop_fragment");
  });

  test("from the allow-list need no first", () => {
    world!.set(RULES.closed);
    const later = ethernet(
      0x0800,
      ip4({ source: "10.9.1.2", destination: "127.0.0.1", protocol: 17, offset: 5 }, new Uint8Array(8)),
    );
    expect(world!.ask(later).verdict).toBe("allowed");
  });

  test("a first fragment too short for its ports is malformed", () => {
    world!.set(RULES.shed);
    expect(world!.ask(four({ more: true }, SSH.subarray(0, 8))).verdict).toBe("drop_malformed");
  });
});

describe.skipIf(world === null)("shares of new flows", () => {
  const syn = (source: string, port: number) => frames_between(source, "127.0.0.1").tcp(port, 81, SYN);
  const admitted = (source: string, count: number) => {
    let passed = 0;
    for (let i = 0; i < count; i++) if (world!.ask(syn(source, 1024 + i)).passed) passed += 1;
    return passed;
  };

  test("a flooding source loses most, a modest one nothing", () => {
    world!.set({ ...RULES.shed, quota: 5 });
    expect(admitted("198.51.100.1", 500)).toBe(5);
    expect(admitted("198.51.100.2", 3)).toBe(3);
    world!.program.set_share(2, 5, ALL);
    expect(admitted("198.51.100.1", 500)).toBe(5);
  });

  test("a source that has completed a connection weighs more, and need not wait for its turn", () => {
    world!.set({ ...RULES.shed, quota: 2, source_share: 0 });
    const own = frames_between("127.0.0.1", "127.0.0.1");
    expect(world!.ask(own.tcp(1024, 81, SYN)).verdict).toBe("drop_share");
    expect(world!.ask(own.tcp(CLIENT_PORT, LISTENER_PORT, ACK)).verdict).toBe("established");
    expect(admitted("127.0.0.1", 100)).toBe(32);
    expect(admitted("198.51.100.1", 100)).toBe(0);
  });

  test("addresses of one IPv6 /64 are one source", () => {
    world!.set({ ...RULES.shed, quota: 1 });
    const from = (host: string) => world!.ask(frames_between(`2001:db8:7:7::${host}`, "::1").tcp(1, 2, SYN)).passed;
    expect([from("1"), from("2"), from("3")]).toEqual([true, false, false]);
  });

  test("where one flow each is too much, sources take turns", () => {
    world!.set({ ...RULES.shed, quota: 1, source_share: ALL / 4 });
    const heard = (window: number) => {
      world!.program.set_share(window, 1, ALL / 4);
      return Array.from({ length: 400 }, (_, i) => admitted(`192.0.${i >> 8}.${i & 255}`, 1));
    };
    const first = heard(1);
    const second = heard(2);
    const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
    // A quarter of 400, five standard deviations either way; the salt is fixed, so the answer is always the same.
    for (const counts of [first, second]) {
      expect(sum(counts)).toBeGreaterThan(100 - 5 * 8.7);
      expect(sum(counts)).toBeLessThan(100 + 5 * 8.7);
    }
    expect(first).not.toEqual(second);
  });

  test("a UDP conversation that was let in goes on, but may not be the flood", () => {
    world!.set({ ...RULES.shed, quota: 1, flow_packets: 10 });
    const packet = frames_between("198.51.100.3", "127.0.0.1").udp(5000, SERVED_PORT);
    const verdicts = Array.from({ length: 14 }, () => world!.ask(packet).verdict);
    expect(verdicts[0]).toBe("new_flow");
    expect(verdicts.slice(1, 10)).toEqual(Array(9).fill("established"));
    expect(verdicts.slice(10)).toEqual(Array(4).fill("drop_share"));
    world!.program.set_share(2, 1, ALL);
    expect(world!.ask(packet).verdict).toBe("established");
  });
});

describe.skipIf(world === null)("the lease", () => {
  test("when it has run out, everything is admitted; without one the mode is for good", () => {
    const refused = frames_between("203.0.113.5", "127.0.0.1").tcp(1, 81, SYN);
    world!.set(RULES.essential);
    expect(world!.ask(refused).verdict).toBe("drop_refused");
    world!.program.set_lease(1);
    expect(world!.ask(refused).verdict).toBe("open");
    world!.program.set_lease(2 ** 52);
    expect(world!.ask(refused).verdict).toBe("drop_refused");
  });
});

describe.skipIf(world === null)("random and mutated packets", () => {
  /** scripts/prove-shield does the same with a million. */
  const PACKETS = 20_000;

  test("never get another answer than the model's", () => {
    const result = fuzz(world!, 42, PACKETS, () => performance.now());
    expect(result.disagreements).toEqual([]);
    expect(result.packets).toBe(PACKETS);
    const met = SHIELD_VERDICTS.filter((verdict) => (result.verdicts[verdict] ?? 0) > 0);
    expect(met).toEqual([...SHIELD_VERDICTS]);
  }, 120_000);
});
