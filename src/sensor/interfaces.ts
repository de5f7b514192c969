import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename, join } from "node:path";
import type { NetworkInterface } from "../model/quarantine.ts";
import type { Maybe } from "../model/sample.ts";
import { default_route_interfaces } from "./listeners.ts";
import type { Session } from "./sockets.ts";

/** Interfaces read at most. */
const INTERFACES_MAX = 512;
const ARPHRD_ETHER = 1;
const IFF_UP = 1;
const IFF_LOOPBACK = 8;
/** Drivers under which a BMC shows its own end of the link to the host (Redfish host interface). */
const BMC_LINK_DRIVERS = new Set(["cdc_ether", "cdc_eem", "cdc_ncm", "rndis_host"]);

export interface InterfaceRoots {
  readonly sys: string;
  readonly proc: string;
  /** Addresses of this node by interface; `addresses_of_node` on a real one. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
}

/**
 * Every interface of this network namespace, and which of them an operator comes in by: those configured, those of open ssh
 * sessions, of the default route, of the BMC's link to the host, and everything these are stacked on.
 */
export function read_interfaces(
  roots: InterfaceRoots,
  configured: readonly string[],
  sessions: readonly Session[],
): readonly NetworkInterface[] {
  const directory = join(roots.sys, "class/net");
  const plain = names_in(directory)
    .slice(0, INTERFACES_MAX)
    .flatMap((name) => read_one(directory, name) ?? []);
  const why = new Map<string, { configured: boolean; why: string }>();
  const routes = default_route_interfaces(roots.proc);
  for (const { name } of plain) {
    const session = sessions.find((each) => roots.addresses.get(name)?.includes(each.local));
    const driver = link_name(join(directory, name, "device/driver"));
    if (configured.includes(name))
      why.set(name, { configured: true, why: "named in quarantine.management_interfaces" });
    else if (session !== undefined)
      why.set(name, { configured: false, why: `an ssh session from ${session.peer} uses it` });
    else if (routes.includes(name)) why.set(name, { configured: false, why: "the default route uses it" });
    else if (driver !== null && BMC_LINK_DRIVERS.has(driver)) {
      why.set(name, { configured: false, why: `${driver}: it may be the link to the BMC` });
    }
  }
  const by_name = new Map(plain.map((each) => [each.name, each]));
  const queue = [...why.keys()];
  for (let at = 0; at < queue.length; at++) {
    for (const lower of by_name.get(queue[at]!)?.lowers ?? []) {
      if (why.has(lower)) continue;
      why.set(lower, { configured: why.get(queue[at]!)!.configured, why: `${queue[at]} is stacked on it` });
      queue.push(lower);
    }
  }
  return plain.map((each) => ({ ...each, management: why.get(each.name) ?? null }));
}

/** Interfaces beyond the bound of what is read. */
export function interfaces_left_out(sys: string): number {
  return Math.max(0, names_in(join(sys, "class/net")).length - INTERFACES_MAX);
}

function read_one(directory: string, name: string): Maybe<Omit<NetworkInterface, "management">> {
  const at = join(directory, name);
  const index = Number(read(join(at, "ifindex")));
  const flags = Number.parseInt(read(join(at, "flags")) ?? "", 16);
  // An interface may go while it is read, and class/net also holds files such as bonding_masters.
  if (!Number.isInteger(index) || index < 1 || Number.isNaN(flags)) return null;
  const links = names_in(at);
  const stacked = (prefix: string) =>
    links.filter((each) => each.startsWith(prefix)).map((each) => each.slice(prefix.length));
  return {
    name,
    index,
    up: (flags & IFF_UP) !== 0,
    loopback: (flags & IFF_LOOPBACK) !== 0,
    ethernet: Number(read(join(at, "type"))) === ARPHRD_ETHER,
    physical: exists(join(at, "device")),
    enslaved: exists(join(at, "master")),
    uppers: stacked("upper_"),
    lowers: stacked("lower_"),
  };
}

function read(path: string): Maybe<string> {
  try {
    return readFileSync(path, "latin1").trimEnd();
  } catch {
    return null;
  }
}

function names_in(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function exists(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function link_name(path: string): Maybe<string> {
  try {
    return basename(readlinkSync(path));
  } catch {
    return null;
  }
}
