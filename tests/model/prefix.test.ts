import { expect, test } from "bun:test";
import { parse_prefix } from "../../src/model/prefix.ts";

const shown = (text: string) => {
  const prefix = parse_prefix(text);
  return prefix === null ? null : `${Buffer.from(prefix.address).toString("hex")}/${prefix.length_bits}`;
};

test.each([
  ["10.1.2.3/8", "0a000000/8"],
  ["169.254.169.254", "a9fea9fe/32"],
  ["0.0.0.0/0", "00000000/0"],
  ["192.0.2.77/28", "c0000240/28"],
  ["::/0", `${"0".repeat(32)}/0`],
  ["::1", `${"0".repeat(31)}1/128`],
  ["2001:db8::/32", `20010db8${"0".repeat(24)}/32`],
  ["2001:db8:1:2:3:4:5:6/64", `20010db800010002${"0".repeat(16)}/64`],
  ["fe80::a:b", `fe80${"0".repeat(20)}000a000b/128`],
  ["::ffff:192.0.2.1", `${"0".repeat(20)}ffffc0000201/128`],
])("%s is read", (text, expected) => {
  expect(shown(text)).toBe(expected);
});

test.each([
  "",
  "10.0.0",
  "10.0.0.256",
  "10.0.0.0/33",
  "10.0.0.0/",
  "10.0.0.0/8/8",
  "10.0.0.0/-1",
  "::1::2",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "1:2:3:4:5:6:7::8",
  "2001:db8::/129",
  "g::",
  "::ffff:1.2.3.4.5",
  "eth0",
])("%p is none", (text) => {
  expect(shown(text)).toBeNull();
});
