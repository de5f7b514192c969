import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { protect_self } from "../../src/motor/self.ts";
import { FakeKernel, MOUNT } from "./fake.ts";

function protect(kernel: FakeKernel, oom_score_path: string, own_cgroup_path = "/hosa") {
  const lock_memory = (): void => {
    throw new Error("mlockall: EPERM; grant CAP_IPC_LOCK");
  };
  const try_urgency = (): void => {
    throw new Error("EPERM; grant CAP_SYS_NICE");
  };
  return protect_self({ mount: MOUNT, lock_memory, try_urgency, files: kernel, own_cgroup_path, oom_score_path });
}

test("the agent's own cgroup gets its floor and gives it back; what may not be done is reported", () => {
  const directory = mkdtempSync(join(tmpdir(), "hosa-self-"));
  const kernel = new FakeKernel();
  kernel.add_thread(1, 1, "/hosa");
  kernel.set("/hosa", "memory.min", "0\n");
  writeFileSync(`${directory}/oom_score_adj`, "0\n");
  const protection = protect(kernel, `${directory}/oom_score_adj`);
  expect(readFileSync(`${directory}/oom_score_adj`, "latin1")).toBe("-999");
  expect(kernel.get("/hosa", "memory.min")).toBe(String(64 * 1024 * 1024));
  expect(kernel.get("/hosa", "cpu.weight")).toBe("1000");
  expect(protection.absent).toMatchObject([
    { what: "locked memory", why: expect.stringContaining("CAP_IPC_LOCK") },
    { what: "real-time scheduling of a pulse", why: expect.stringContaining("CAP_SYS_NICE") },
  ]);
  protection.undo();
  expect(kernel.get("/hosa", "memory.min")).toBe("0");
  expect(kernel.get("/hosa", "cpu.weight")).toBe("100");
  rmSync(directory, { recursive: true });
});

test("a cgroup shared with others, or the root, is not favoured", () => {
  const kernel = new FakeKernel();
  kernel.add_thread(1, 1, "/hosa");
  kernel.add_thread(2, 2, "/hosa");
  const shared = protect(kernel, "/nowhere/oom_score_adj");
  expect(shared.done).toEqual([]);
  expect(shared.absent.map((each) => each.what)).toEqual([
    "oom_score_adj",
    "locked memory",
    "real-time scheduling of a pulse",
    "memory.min of the agent's cgroup",
    "cpu.weight of the agent's cgroup",
  ]);
  expect(protect(kernel, "/nowhere/oom_score_adj", "/").absent[3]?.why).toContain("root cgroup");
  expect(kernel.get("/hosa", "cpu.weight")).toBe("100");
});
