import { KernelError } from "../../ffi/errors.ts";
import { IFF_UP, interface_flags, interface_index, set_interface_up } from "../../ffi/interfaces.ts";
import { RouteSocket } from "../../ffi/route_socket.ts";
import { counted } from "../../model/counted.ts";
import { FileTrouble, Refusal } from "../trouble.ts";

/**
 * What the kernel forgets of an interface when it goes down, as the messages that bring it back (base64 of what follows the
 * netlink header): IPv6 addresses, and the routes that lead through it.
 */
export interface LinkMemory {
  readonly addresses: readonly string[];
  readonly routes: readonly string[];
}

/** Interfaces, as far as the motor needs them. Every call throws FileTrouble with the errno. */
export interface Links {
  index(name: string): number;
  is_up(name: string): boolean;
  set_up(name: string, up: boolean): void;
  /** @throws Refusal when there is more than the ledger should hold */
  remember(index: number): LinkMemory;
  /** Puts back what is missing; what is there already is left. Returns what could not be put back, one line each. */
  restore(memory: LinkMemory): readonly string[];
}

const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const RTM_NEWROUTE = 24;
const RTM_GETROUTE = 26;
const NLM_F_EXCL = 0x200;
const NLM_F_CREATE = 0x400;
const AF_INET = 2;
const AF_INET6 = 10;
const RTMSG_BYTES = 12;
const IFADDRMSG_BYTES = 8;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_MULTIPATH = 9;
const RTA_VIA = 18;
const RT_TABLE_LOCAL = 255;
const RTM_F_CLONED = 0x200;
const RTNH_F_ONLINK = 4;
/** Made by the kernel itself, from redirects, addresses or router advertisements: it makes them again. */
const OWN_PROTOCOLS = new Set([1, 2, 9]);
const ROUTES_MAX = 256;
const ADDRESSES_MAX = 64;

function attempt<T>(verb: string, subject: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw new FileTrouble(verb, subject, error.errno);
  }
}

/** Attributes of a message after its fixed part: type and value of each. Source: rtnetlink(7). */
function* attributes(payload: Buffer, fixed_bytes: number): Generator<readonly [number, Buffer]> {
  for (let at = fixed_bytes; at + 4 <= payload.length; ) {
    const length = payload.readUInt16LE(at);
    if (length < 4 || at + length > payload.length) return;
    yield [payload.readUInt16LE(at + 2) & 0x3fff, payload.subarray(at + 4, at + length)];
    at += (length + 3) & ~3;
  }
}

function leads_through(route: Buffer, index: number): boolean {
  for (const [type, value] of attributes(route, RTMSG_BYTES)) {
    if (type === RTA_OIF && value.readInt32LE(0) === index) return true;
    if (type !== RTA_MULTIPATH) continue;
    for (const at of next_hops(value)) if (value.readInt32LE(at + 4) === index) return true;
  }
  return false;
}

function has_gateway(route: Buffer): boolean {
  for (const [type] of attributes(route, RTMSG_BYTES)) {
    if (type === RTA_GATEWAY || type === RTA_VIA || type === RTA_MULTIPATH) return true;
  }
  return false;
}

/** The kernel says of a route and of each of its next hops whether they are dead or offloaded, and accepts none of that back. */
function clear_state(route: Buffer): void {
  route.writeUInt32LE(route.readUInt32LE(8) & RTNH_F_ONLINK, 8);
  for (const [type, value] of attributes(route, RTMSG_BYTES)) {
    if (type !== RTA_MULTIPATH) continue;
    for (const at of next_hops(value)) value.writeUInt8(value.readUInt8(at + 2) & RTNH_F_ONLINK, at + 2);
  }
}

/** Where each struct rtnexthop begins: length, flags, hops, interface; then its own attributes. */
function* next_hops(value: Buffer): Generator<number> {
  for (let at = 0; at + 8 <= value.length; at += Math.max(8, (value.readUInt16LE(at) + 3) & ~3)) yield at;
}

/** struct rtmsg with the interface as the only thing asked for. */
function routes_request(family: number, index: number): Buffer {
  const request = Buffer.alloc(RTMSG_BYTES + 8);
  request.writeUInt8(family, 0);
  request.writeUInt16LE(8, RTMSG_BYTES);
  request.writeUInt16LE(RTA_OIF, RTMSG_BYTES + 2);
  request.writeUInt32LE(index, RTMSG_BYTES + 4);
  return request;
}

function remember_routes(socket: RouteSocket, index: number): string[] {
  const reached: string[] = [];
  const behind: string[] = [];
  for (const family of [AF_INET, AF_INET6]) {
    socket.dump(RTM_GETROUTE, routes_request(family, index), (route) => {
      const cloned = (route.readUInt32LE(8) & RTM_F_CLONED) !== 0;
      const local = route.readUInt8(4) === RT_TABLE_LOCAL;
      if (cloned || local || OWN_PROTOCOLS.has(route.readUInt8(5)) || !leads_through(route, index)) return;
      const kept = Buffer.from(route);
      clear_state(kept);
      // A gateway is accepted only when the way to it is there: routes without one come first.
      (has_gateway(kept) ? behind : reached).push(kept.toString("base64"));
    });
  }
  return [...reached, ...behind];
}

function remember_addresses(socket: RouteSocket, index: number): string[] {
  const addresses: string[] = [];
  const request = Buffer.alloc(IFADDRMSG_BYTES);
  request.writeUInt8(AF_INET6, 0);
  request.writeUInt32LE(index, 4);
  socket.dump(RTM_GETADDR, request, (address) => {
    if (address.readUInt32LE(4) === index) addresses.push(address.toString("base64"));
  });
  return addresses;
}

function put_back(socket: RouteSocket, what: string, type: number, messages: readonly string[]): readonly string[] {
  const missing: string[] = [];
  for (const message of messages) {
    try {
      socket.change(type, NLM_F_CREATE | NLM_F_EXCL, Buffer.from(message, "base64"));
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      if (error.errno !== "EEXIST") missing.push(`${what} ${message}: ${error.errno}`);
    }
  }
  return missing;
}

function missing(name: string): never {
  throw new KernelError("find", `interface ${name}`, "ENODEV");
}

/** The kernel's interfaces, in the network namespace of this process. */
export const kernel_links: Links = {
  index: (name) => attempt("find", `interface ${name}`, () => interface_index(name) ?? missing(name)),
  is_up: (name) => attempt("look at", `interface ${name}`, () => (interface_flags(name) & IFF_UP) !== 0),
  set_up: (name, up) => attempt(up ? "take up" : "take down", `interface ${name}`, () => set_interface_up(name, up)),
  remember(index) {
    return attempt("write down", `addresses and routes of interface ${index}`, () => {
      using socket = new RouteSocket();
      const memory = { addresses: remember_addresses(socket, index), routes: remember_routes(socket, index) };
      if (memory.routes.length > ROUTES_MAX || memory.addresses.length > ADDRESSES_MAX) {
        const much = `${counted(memory.addresses.length, "address", "addresses")} and ${counted(memory.routes.length, "route")}`;
        throw new Refusal(`${much} lead through it, the bound is ${ADDRESSES_MAX} and ${ROUTES_MAX}`);
      }
      return memory;
    });
  },
  restore(memory) {
    return attempt("put back", "addresses and routes", () => {
      using socket = new RouteSocket();
      return [
        ...put_back(socket, "address", RTM_NEWADDR, memory.addresses),
        ...put_back(socket, "route", RTM_NEWROUTE, memory.routes),
      ];
    });
  },
};
