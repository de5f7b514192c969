import { RouteSocket } from "./route_socket.ts";

const RTM_NEWLINK = 16;
const CREATE_EXCLUSIVELY = 0x400 | 0x200;
const IFLA_IFNAME = 3;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;

/** struct rtattr with its padding. */
function attribute(type: number, value: Uint8Array): Buffer {
  const size = 4 + value.length;
  const bytes = Buffer.alloc(Math.ceil(size / 4) * 4);
  bytes.writeUInt16LE(size, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(value, 4);
  return bytes;
}

/** struct ifinfomsg that leaves everything to the kernel. */
const INTERFACE = Buffer.alloc(16);

const c_string = (text: string) => Buffer.from(`${text}\0`);

/** A pair of virtual interfaces that are each other's wire, in this thread's namespace. Throws KernelError. */
export function create_veth(name: string, peer: string): void {
  const other = Buffer.concat([INTERFACE, attribute(IFLA_IFNAME, c_string(peer))]);
  const data = attribute(IFLA_INFO_DATA, attribute(VETH_INFO_PEER, other));
  const info = attribute(IFLA_LINKINFO, Buffer.concat([attribute(IFLA_INFO_KIND, c_string("veth")), data]));
  const body = Buffer.concat([INTERFACE, attribute(IFLA_IFNAME, c_string(name)), info]);
  using socket = new RouteSocket();
  socket.change(RTM_NEWLINK, CREATE_EXCLUSIVELY, body);
}
