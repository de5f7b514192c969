import { dlopen } from "bun:ffi";
import { KernelError } from "./errors.ts";
import { close, last_errno } from "./libc.ts";
import { interface_index } from "./xdp.ts";

const libc = dlopen("libc.so.6", {
  socket: { args: ["i32" /* int domain */, "i32" /* int type */, "i32" /* int protocol */], returns: "i32" },
  send: {
    args: ["i32" /* int fd */, "ptr" /* const void *buffer */, "usize" /* size_t length */, "i32" /* int flags */],
    returns: "i64",
  },
  recv: {
    args: ["i32" /* int fd */, "ptr" /* void *buffer */, "usize" /* size_t length */, "i32" /* int flags */],
    returns: "i64",
  },
}).symbols;

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const RTM_NEWLINK = 16;
const REQUEST_AND_ANSWER = 1 | 4;
const CREATE_EXCLUSIVELY = 0x400 | 0x200;
const IFLA_IFNAME = 3;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;
const IFF_UP = 1;

/** struct rtattr with its padding. */
function attribute(type: number, value: Uint8Array): Buffer {
  const size = 4 + value.length;
  const bytes = Buffer.alloc(Math.ceil(size / 4) * 4);
  bytes.writeUInt16LE(size, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(value, 4);
  return bytes;
}

/** struct ifinfomsg. */
function interface_message(index: number, flags: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeInt32LE(index, 4);
  bytes.writeUInt32LE(flags, 8);
  bytes.writeUInt32LE(flags, 12);
  return bytes;
}

const c_string = (text: string) => Buffer.from(`${text}\0`);

/** One request to the kernel's routing socket, and its answer. Throws KernelError. */
function request(flags: number, body: Buffer, operation: string, subject: string): void {
  const message = Buffer.concat([Buffer.alloc(16), body]);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(RTM_NEWLINK, 4);
  message.writeUInt16LE(REQUEST_AND_ANSWER | flags, 6);
  message.writeUInt32LE(1, 8);
  const fd = libc.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, 0);
  if (fd < 0) throw new KernelError("open", "a routing socket", last_errno());
  try {
    if (Number(libc.send(fd, message, message.length, 0)) < 0) throw new KernelError(operation, subject, last_errno());
    const answer = Buffer.alloc(4096);
    const size = Number(libc.recv(fd, answer, answer.length, 0));
    if (size < 20) throw new KernelError(operation, subject, size < 0 ? last_errno() : "EIO");
    const error = answer.readInt32LE(16); // struct nlmsgerr after the header; 0 is the acknowledgement
    if (error < 0) throw new KernelError(operation, subject, -error);
  } finally {
    close(fd);
  }
}

/** A pair of virtual interfaces that are each other's wire, in this thread's namespace. Throws KernelError. */
export function create_veth(name: string, peer: string): void {
  const other = Buffer.concat([interface_message(0, 0), attribute(IFLA_IFNAME, c_string(peer))]);
  const data = attribute(IFLA_INFO_DATA, attribute(VETH_INFO_PEER, other));
  const info = attribute(IFLA_LINKINFO, Buffer.concat([attribute(IFLA_INFO_KIND, c_string("veth")), data]));
  const body = Buffer.concat([interface_message(0, 0), attribute(IFLA_IFNAME, c_string(name)), info]);
  request(CREATE_EXCLUSIVELY, body, "create", `the interfaces ${name} and ${peer}`);
}

/** Throws KernelError. */
export function set_interface_up(name: string): void {
  const index = interface_index(name);
  if (index === null) throw new KernelError("set up", `interface ${name}`, "ENODEV");
  request(0, interface_message(index, IFF_UP), "set up", `interface ${name}`);
}
