import { describe, expect, test } from "bun:test";
import { parse_limit } from "../../src/sensor/cgroup_files.ts";
import { parse_runnable, parse_stat } from "../../src/sensor/cpu.ts";
import { parse_buddyinfo } from "../../src/sensor/fragmentation.ts";
import { InterfaceTotals } from "../../src/sensor/interface_totals.ts";
import { parse_uptime } from "../../src/sensor/kernel_ports.ts";
import { parse_meminfo } from "../../src/sensor/memory.ts";
import { parse_cgroup2_mount } from "../../src/sensor/mount.ts";
import { parse_net_dev } from "../../src/sensor/net_dev.ts";
import { parse_some_total } from "../../src/sensor/pressure.ts";
import { KeyedLines } from "../../src/sensor/scan.ts";
import { parse_thread_stat } from "../../src/sensor/thread_files.ts";
import { bytes, fixture } from "./fakes.ts";

const into = new Float64Array(16);
const net_dev_refuses = new InterfaceTotals().parse;
const sum_net_dev = (text: Uint8Array): readonly number[] => {
  const sum = [0, 0];
  const whole = parse_net_dev(text, (_, rx, tx) => {
    sum[0]! += rx;
    sum[1]! += tx;
  });
  return whole ? sum : [];
};
const text_of = (name: string): string => new TextDecoder().decode(fixture(name));

describe("captured files", () => {
  test("meminfo: total, available, used and owned bytes", () => {
    expect(parse_meminfo(fixture("meminfo"), into)).toBe(true);
    const kib = (key: string): number => Number(new RegExp(`^${key}: *(\\d+) kB$`, "m").exec(text_of("meminfo"))![1]);
    expect(into[0]).toBe(kib("MemTotal") * 1024);
    expect(into[1]).toBe(kib("MemAvailable") * 1024);
    expect(into[2]).toBe(into[0]! - into[1]!);
    expect(into[3]).toBe((kib("AnonPages") + kib("Shmem")) * 1024);
  });

  test("meminfo without its owners: what is used stands for them", () => {
    expect(parse_meminfo(bytes("MemTotal: 9 kB\nMemAvailable: 5 kB\n"), into)).toBe(true);
    expect(into[3]).toBe(4096);
  });

  test("stat: user with nice, kernel with interrupts, CPUs online", () => {
    expect(parse_stat(fixture("stat"), into)).toBe(true);
    const fields = /^cpu +(.*)$/m.exec(text_of("stat"))![1]!.split(" ").map(Number);
    expect(into[0]).toBe(fields[0]! + fields[1]!);
    expect(into[1]).toBe(fields[2]! + fields[5]! + fields[6]!);
    expect(into[2]).toBe(2);
  });

  test("loadavg: runnable tasks", () => {
    expect(parse_runnable(fixture("loadavg"), into)).toBe(true);
    expect(into[0]).toBe(Number(/ (\d+)\//.exec(text_of("loadavg"))![1]));
  });

  test("vmstat: keys wherever they stand, not those they begin", () => {
    const lines = new KeyedLines(["pswpout", "pgmajfault", "pgfault"]);
    expect(lines.read(fixture("vmstat"), into)).toBe(true);
    for (const [i, key] of ["pswpout", "pgmajfault", "pgfault"].entries()) {
      expect(into[i]).toBe(Number(new RegExp(`^${key} (\\d+)$`, "m").exec(text_of("vmstat"))![1]));
    }
  });

  test("pressure: total of the some line", () => {
    expect(parse_some_total(fixture("pressure_cpu"), into)).toBe(true);
    expect(into[0]).toBe(Number(/^some .*total=(\d+)$/m.exec(text_of("pressure_cpu"))![1]));
  });

  test("net/dev: packets of all interfaces but lo", () => {
    const sum = sum_net_dev(fixture("net_dev"));
    const rows = text_of("net_dev")
      .split("\n")
      .slice(2)
      .filter((line) => line !== "" && !/^ *lo:/.test(line));
    const column = (n: number): number =>
      rows.reduce((sum, row) => sum + Number(row.split(":")[1]!.trim().split(/ +/)[n]), 0);
    expect(sum).toEqual([column(1), column(9)]);
  });

  test("buddyinfo: free blocks per order over all zones", () => {
    expect(parse_buddyinfo(fixture("buddyinfo"), into)).toBe(true);
    const rows = text_of("buddyinfo")
      .trim()
      .split("\n")
      .map((line) => line.trim().split(/ +/).slice(4).map(Number));
    for (let order = 0; order < 11; order++) expect(into[order]).toBe(rows.reduce((sum, row) => sum + row[order]!, 0));
  });
});

describe("malformed and huge", () => {
  test("every parser refuses an empty, a cut and a foreign text", () => {
    for (const parse of [
      parse_meminfo,
      parse_stat,
      parse_runnable,
      parse_some_total,
      net_dev_refuses,
      parse_buddyinfo,
    ]) {
      for (const text of ["", "\n", "nonsense\n", "cpu", "Node 0, zone", "some total=", "0.1 0.2 /3"]) {
        expect([parse.name, text, parse(bytes(text), into)]).toEqual([parse.name, text, false]);
      }
    }
  });

  test("a number with a letter in it, a negative and a 21-digit one are refused", () => {
    for (const number of ["12x4", "-1", "111111111111111111111"]) {
      expect(parse_some_total(bytes(`some avg10=0.00 total=${number}\n`), into)).toBe(false);
      expect(parse_meminfo(bytes(`MemTotal: 9 kB\nMemAvailable: ${number} kB\n`), into)).toBe(false);
    }
  });

  test("available beyond total is refused: the used fraction would be negative", () => {
    expect(parse_meminfo(bytes("MemTotal: 9 kB\nMemAvailable: 10 kB\n"), into)).toBe(false);
  });

  test("2^64 - 1 is read", () => {
    expect(parse_some_total(bytes("some avg10=0.00 total=18446744073709551615\n"), into)).toBe(true);
    expect(into[0]).toBe(2 ** 64);
  });

  test("an interface name glued to its first number", () => {
    const text = "Inter-| Receive\n face |bytes\neth0:123 4 0 0 0 0 0 0 99 5 0 0 0 0 0 0\n";
    expect(sum_net_dev(bytes(text))).toEqual([4, 5]);
  });

  test("memory.max, uptime, mountinfo and thread stat", () => {
    expect(parse_limit(bytes("max\n"))).toBeNull();
    expect(parse_limit(bytes("4096\n"))).toBe(4096);
    expect(parse_uptime(bytes("12.34 5.00\n"))).toBeCloseTo(12.34, 9);
    expect(parse_uptime(bytes("12\n"))).toBeNaN();
    expect(parse_cgroup2_mount("31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n")).toBeNull();
    const bound = "9 1 0:9 /inner /bound rw - cgroup2 c rw\n";
    expect(parse_cgroup2_mount(`${bound}8 1 0:9 / /a\\040b rw shared:1 - cgroup2 c rw\n`)).toBe("/a b");
    const stat = `7 (a) b (c) R 1 1 1 0 -1 0 103 0 5 0 2 1 0 0 20 0 1 0 4000 0`;
    const figures = {
      comm: "a) b (c",
      parent_pid: 1,
      min_faults: 103,
      maj_faults: 5,
      cpu_ns: 3e7,
      start_ns: 4e10,
    };
    expect(parse_thread_stat(stat)).toEqual(figures);
    expect(parse_thread_stat("7 (a) R 1")).toBeNull();
  });
});
