import type { Assessment } from "../model/assessment.ts";
import type { Maybe } from "../model/sample.ts";
import type { DecisionConfig } from "./config.ts";
import type { ContainmentState, DecisionState } from "./state.ts";

const RECEIVED = "net_rx_packets_per_s";
/** Arriving packets against their own normal, and beyond it: fewer than this stall no node. */
const FACTOR_MIN = 3;
const EXCESS_MIN_PER_S = 1000;
/** Conversations begun from outside, and how many of them there must be among the packets: a transfer has hardly any. */
const ARRIVALS_MIN_PER_S = 100;
const ARRIVALS_SHARE_MIN = 0.02;

/** Load that arrives from outside. */
export interface Inbound {
  readonly packets_per_s: number;
  readonly normal_per_s: number;
  readonly arrivals_per_s: number;
  /** Part of D² that arriving packets carry; small where processors saturate, for those deviate further. */
  readonly share: number;
}

/**
 * Whether the network has to do with the deviation: packets arrive far beyond their own normal, and with them conversations that
 * somebody outside begins. Null when not: then nothing is ever shed, however bad things are.
 */
export function inbound(a: Assessment): Maybe<Inbound> {
  const arrivals_per_s = a.arrivals_per_s ?? 0;
  if (a.d <= 0 || arrivals_per_s < ARRIVALS_MIN_PER_S) return null;
  const received = a.dimension_names.indexOf(RECEIVED);
  if (received < 0) return null;
  const packets_per_s = a.x[received]!;
  // Rates enter the distance as log1p.
  const normal_per_s = Math.max(0, Math.expm1(a.mean[received]!));
  if (packets_per_s < FACTOR_MIN * normal_per_s || packets_per_s - normal_per_s < EXCESS_MIN_PER_S) return null;
  if (arrivals_per_s < ARRIVALS_SHARE_MIN * packets_per_s) return null;
  return { packets_per_s, normal_per_s, arrivals_per_s, share: a.contribution[received]! / (a.d * a.d) };
}

/**
 * Whether the load comes from outside, on a node that can answer it. Once the shield is on, the kernel no longer counts what
 * it refuses, and the shield's own counts take over: then it stays so until it is lifted.
 */
export function comes_from_outside(a: Assessment, state: DecisionState, config: DecisionConfig): boolean {
  if (config.shield === undefined) return false;
  return state.containments.some(is_shield) || inbound(a) !== null;
}

function is_shield({ rung }: ContainmentState): boolean {
  return rung === "shield";
}

/** `84000 packets/s arrive against 900 normally, 1200 conversations/s among them, 61 % of D²`. */
export function inbound_words({ packets_per_s, normal_per_s, arrivals_per_s, share }: Inbound): string {
  const [packets, normal, arrivals, percent] = [packets_per_s, normal_per_s, arrivals_per_s, 100 * share].map((value) =>
    value.toFixed(0),
  );
  return `${packets} packets/s arrive against ${normal} normally, ${arrivals} conversations/s among them, ${percent} % of D²`;
}
