import { expect, test } from "bun:test";
import { common_cpu, is_single } from "../../src/motor/one_cpu.ts";
import { kernel_processes } from "../../src/motor/processes.ts";

test("one CPU, several, none", () => {
  expect(["01", "0080", "0f00", "0000", "0101", "03"].map(is_single)).toEqual([true, true, false, false, false, false]);
});

test("the lowest CPU both may use", () => {
  expect(common_cpu("0f00", "fc00")).toBe("0400");
  expect(common_cpu("0001", "ff03")).toBe("0001");
  expect(common_cpu("0f00", "f000")).toBeNull();
});

test("the kernel takes and gives the CPUs of a thread", () => {
  const tid = process.pid;
  const before = kernel_processes.affinity(tid)!;
  const one = common_cpu(before, before)!;
  kernel_processes.set_affinity(tid, one);
  expect(kernel_processes.affinity(tid)).toBe(one);
  kernel_processes.set_affinity(tid, before);
  expect(kernel_processes.affinity(tid)).toBe(before);
  expect(kernel_processes.affinity(2 ** 22 + 1)).toBeNull();
  expect(() => kernel_processes.set_affinity(2 ** 22 + 1, before)).toThrow("ESRCH");
});
