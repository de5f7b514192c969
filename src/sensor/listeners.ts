import { closeSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";
import type { Maybe } from "../model/sample.ts";
import type { ShieldPort } from "../model/shield.ts";

/** Who an operator or a control plane comes in by: the ports these listen on, or serve a session on, are kept open. */
const MANAGEMENT_COMMS = new Set(["sshd", "sshd-session", "dropbear", "kubelet"]);
/** The kubelet's port, kept open where anybody listens on it. */
const KUBELET_PORT = 10_250;
const TCP_LISTEN = "0A";
/** A flooded node has long tables: what lies beyond this is not read. */
const TABLE_BYTES_MAX = 2 * 1024 * 1024;
const PROCESSES_MAX = 32_768;
const FDS_MAX = 4096;
const PORTS_MAX = 64;
const RTF_UP = 1;
const RTF_REJECT = 0x200;

let cut = 0;

/** Searches of this process for management ports that ended at a bound: a port may be missing. */
export function cut_searches(): number {
  return cut;
}

/** What is in use on this node by which somebody reaches it. Bounded; whatever cannot be read is left out. */
export function management_in_use(proc: string, ssh_connection: Maybe<string>): readonly ShieldPort[] {
  const ports = new Set<number>();
  // SSH_CONNECTION: client address, client port, server address, server port.
  const session = Number(ssh_connection?.split(" ")[3]);
  if (Number.isInteger(session) && session > 0 && session < 65_536) ports.add(session);
  const managers = socket_inodes(proc);
  for (const table of ["tcp", "tcp6"]) {
    for (const line of bounded_text(`${proc}/net/${table}`).split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      const port = Number.parseInt(fields[1]?.split(":")[1] ?? "", 16);
      const kubelet = port === KUBELET_PORT && fields[3] === TCP_LISTEN;
      if (Number.isInteger(port) && (kubelet || managers.has(fields[9] ?? ""))) ports.add(port);
    }
  }
  if (ports.size > PORTS_MAX) cut += 1;
  return [...ports].slice(0, PORTS_MAX).map((port) => ({ protocol: "tcp", port }));
}

/** Inodes of the sockets that processes of management hold. */
function socket_inodes(proc: string): ReadonlySet<string> {
  const inodes = new Set<string>();
  const pids = names_in(proc).filter((name) => /^\d+$/.test(name));
  if (pids.length > PROCESSES_MAX) cut += 1;
  for (const pid of pids.slice(0, PROCESSES_MAX)) {
    if (!MANAGEMENT_COMMS.has(bounded_text(`${proc}/${pid}/comm`).trim())) continue;
    const fds = names_in(`${proc}/${pid}/fd`);
    if (fds.length > FDS_MAX) cut += 1;
    for (const fd of fds.slice(0, FDS_MAX)) {
      const inode = /^socket:\[(\d+)\]$/.exec(link_of(`${proc}/${pid}/fd/${fd}`))?.[1];
      if (inode !== undefined) inodes.add(inode);
    }
  }
  return inodes;
}

/** Interfaces of the default routes of the main table, IPv4 and IPv6, by name. Source: proc_net(5). */
export function default_route_interfaces(proc: string): readonly string[] {
  const usable = (flags: string | undefined) => (Number.parseInt(flags ?? "0", 16) & (RTF_UP | RTF_REJECT)) === RTF_UP;
  const names = new Set<string>();
  for (const line of bounded_text(`${proc}/net/route`).split("\n").slice(1)) {
    const fields = line.trim().split(/\s+/);
    if (fields[1] === "00000000" && fields[7] === "00000000" && usable(fields[3])) names.add(fields[0]!);
  }
  for (const line of bounded_text(`${proc}/net/ipv6_route`).split("\n")) {
    const fields = line.trim().split(/\s+/);
    if (/^0{32}$/.test(fields[0] ?? "") && fields[1] === "00" && usable(fields[8])) names.add(fields[9]!);
  }
  names.delete("lo");
  return [...names].toSorted();
}

/** Whether packets pass through this node to others, containers included. */
export function forwards(proc: string): boolean {
  const switches = ["sys/net/ipv4/ip_forward", "sys/net/ipv6/conf/all/forwarding"];
  return switches.some((name) => /^[12]/.test(bounded_text(`${proc}/${name}`)));
}

/** First port the node chooses for its own outbound flows. */
export function ephemeral_low(proc: string): number {
  const low = Number.parseInt(bounded_text(`${proc}/sys/net/ipv4/ip_local_port_range`), 10);
  return Number.isInteger(low) && low > 0 ? low : 32_768;
}

/** Empty for what is not there or may not be read. */
function bounded_text(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return "";
  }
  try {
    const buffer = Buffer.alloc(65_536);
    const pieces: string[] = [];
    for (let bytes = 0; bytes < TABLE_BYTES_MAX; ) {
      const size = readSync(fd, buffer);
      if (size === 0) return pieces.join("");
      pieces.push(buffer.toString("latin1", 0, size));
      bytes += size;
    }
    cut += 1;
    return pieces.join("");
  } catch {
    return "";
  } finally {
    closeSync(fd);
  }
}

function names_in(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function link_of(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
