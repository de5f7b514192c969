import type { Assessment } from "../model/assessment.ts";
import type { Maybe } from "../model/sample.ts";

const RECEIVED = "net_rx_packets_per_s";
const SENT = "net_tx_packets_per_s";
/** Part of D² that packets (those that arrive, and the answers to them) must carry. */
const SHARE_MIN = 0.25;
/** Arriving packets against their own normal, and beyond it: fewer than this stall no node. */
const FACTOR_MIN = 3;
const EXCESS_MIN_PER_S = 1000;

/** Load that arrives from outside. */
export interface Inbound {
  readonly packets_per_s: number;
  readonly normal_per_s: number;
  /** Part of D² the packets carry. */
  readonly share: number;
}

/**
 * Whether the network has to do with the deviation: packets arrive far beyond their own normal, and they carry a good part of
 * D². Null when it has not: then nothing is ever shed, however bad things are.
 */
export function inbound(a: Assessment): Maybe<Inbound> {
  const received = a.dimension_names.indexOf(RECEIVED);
  if (received < 0 || a.d <= 0) return null;
  const packets_per_s = a.x[received]!;
  // Rates enter the distance as log1p.
  const normal_per_s = Math.max(0, Math.expm1(a.mean[received]!));
  if (packets_per_s < FACTOR_MIN * normal_per_s || packets_per_s - normal_per_s < EXCESS_MIN_PER_S) return null;
  const sent = a.dimension_names.indexOf(SENT);
  const carried = a.contribution[received]! + (sent < 0 ? 0 : a.contribution[sent]!);
  const share = carried / (a.d * a.d);
  return share >= SHARE_MIN ? { packets_per_s, normal_per_s, share } : null;
}

/** `84,000 packets/s arrive against 900 normally, 61 % of D²`, in plain figures. */
export function inbound_words({ packets_per_s, normal_per_s, share }: Inbound): string {
  const rounded = (value: number) => value.toFixed(0);
  return `${rounded(packets_per_s)} packets/s arrive against ${rounded(normal_per_s)} normally, ${rounded(100 * share)} % of D²`;
}
