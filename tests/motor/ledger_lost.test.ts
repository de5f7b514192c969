import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import type { Setting } from "../../src/model/containment.ts";
import { current_boot_id } from "../../src/motor/ledger.ts";
import { release_from_ledger } from "../../src/motor/recover.ts";
import { action } from "./fake.ts";
import { Setup } from "./setup.ts";

const FIRST: Setting = { rung: "cpu_max", quota_us: 50_000, period_us: 100_000 };
const SECOND: Setting = { rung: "memory_governor", high_bytes: 8_388_608 };

/** What another program may do to what lies in /run. */
const DISTURBED: readonly (readonly [string, (directory: string) => void])[] = [
  ["the directory is removed", (directory) => rmSync(directory, { recursive: true })],
  ["the file is removed", (directory) => rmSync(`${directory}/ledger.jsonl`)],
  ["the file is renamed", (directory) => renameSync(`${directory}/ledger.jsonl`, `${directory}/ledger.jsonl.1`)],
  [
    "the file is replaced by an empty one",
    (directory) => {
      rmSync(`${directory}/ledger.jsonl`);
      writeFileSync(`${directory}/ledger.jsonl`, "");
    },
  ],
  [
    "the file is replaced by a symbolic link",
    (directory) => {
      rmSync(`${directory}/ledger.jsonl`);
      symlinkSync(`${directory}/elsewhere`, `${directory}/ledger.jsonl`);
    },
  ],
];

describe("another program cleans up where the ledger lies", () => {
  test.each(DISTURBED)(
    "%s: the next change writes down what is held as well, and all of it is undone without the agent",
    (_, act) => {
      using setup = new Setup();
      const before = setup.kernel.snapshot();
      const motor = setup.motor();
      const target = setup.kernel.target("/app");
      expect(motor.perform(action("a", "apply", target, FIRST), 0).status).toBe("done");
      act(setup.ledger_dir);
      expect(motor.perform(action("b", "apply", target, SECOND), 0).status).toBe("done");
      expect([motor.ledger.trouble, motor.ledger.disturbed]).toEqual([null, 1]);
      expect(existsSync(`${setup.ledger_dir}/elsewhere`)).toBe(false);
      setup.forget_lock();
      const outcomes = release_from_ledger(setup.ledger_dir, { files: setup.kernel, processes: setup.kernel });
      expect(outcomes.map(({ id, status }) => [id, status])).toEqual([
        ["b", "done"],
        ["a", "done"],
      ]);
      expect(setup.kernel.snapshot()).toBe(before);
    },
  );

  test.each(DISTURBED)("%s: it is found within a second, also where nothing new is written", (_, act) => {
    using setup = new Setup();
    const before = setup.kernel.snapshot();
    const motor = setup.motor();
    motor.perform(action("a", "apply", setup.kernel.target("/app"), FIRST), 0);
    act(setup.ledger_dir);
    motor.ledger.examine();
    motor.ledger.examine();
    expect([motor.ledger.trouble, motor.ledger.disturbed]).toEqual([null, 1]);
    setup.forget_lock();
    release_from_ledger(setup.ledger_dir, { files: setup.kernel, processes: setup.kernel });
    expect(setup.kernel.snapshot()).toBe(before);
  });

  test("a lock that was removed is put back", () => {
    using setup = new Setup();
    const motor = setup.motor();
    const lock = readlinkSync(`${setup.ledger_dir}/ledger.lock`);
    rmSync(`${setup.ledger_dir}/ledger.lock`);
    motor.ledger.examine();
    expect(readlinkSync(`${setup.ledger_dir}/ledger.lock`)).toBe(lock);
    expect([motor.ledger.trouble, motor.ledger.disturbed]).toEqual([null, 1]);
    motor.close();
    expect(existsSync(`${setup.ledger_dir}/ledger.lock`)).toBe(false);
    motor.ledger.examine();
    expect(existsSync(`${setup.ledger_dir}/ledger.lock`), "a closed ledger takes no lock again").toBe(false);
    expect(motor.ledger.disturbed).toBe(1);
  });

  test("a lock that another running process has taken forbids every further action", async () => {
    using setup = new Setup();
    const motor = setup.motor();
    const target = setup.kernel.target("/app");
    await using other = another_process();
    rmSync(`${setup.ledger_dir}/ledger.lock`);
    symlinkSync(`${other.pid} ${other.start_ticks} ${current_boot_id()}`, `${setup.ledger_dir}/ledger.lock`);
    const outcome = motor.perform(action("a", "apply", target, FIRST), 0);
    expect([outcome.status, setup.kernel.get("/app", "cpu.max")]).toEqual(["refused", "max 100000"]);
    expect(outcome.detail).toContain(`the running process ${other.pid}`);
    motor.ledger.examine();
    expect(motor.ledger.trouble).toContain(`the running process ${other.pid}`);
    rmSync(`${setup.ledger_dir}/ledger.lock`);
    motor.ledger.examine();
    expect(motor.ledger.trouble).toBeNull();
    expect(motor.perform(action("b", "apply", target, FIRST), 0).status).toBe("done");
  });
});

describe("the ledger cannot be written", () => {
  test("nothing is done, and it is known before anything has to be", () => {
    using setup = new Setup();
    const motor = setup.motor();
    rmSync(setup.ledger_dir, { recursive: true });
    writeFileSync(setup.ledger_dir, "a file where the directory was");
    motor.ledger.examine();
    expect(motor.ledger.trouble).toMatch(/ledger\.jsonl: .* \((ENOTDIR|EEXIST)\)/);
    const outcome = motor.perform(action("a", "apply", setup.kernel.target("/app"), FIRST), 0);
    expect([outcome.status, motor.ledger.refused, setup.kernel.get("/app", "cpu.max")]).toEqual([
      "refused",
      1,
      "max 100000",
    ]);
    rmSync(setup.ledger_dir);
    mkdirSync(setup.ledger_dir);
    motor.ledger.examine();
    expect(motor.ledger.trouble).toBeNull();
    expect(motor.perform(action("b", "apply", setup.kernel.target("/app"), FIRST), 0).status).toBe("done");
  });
});

/** A process that lives until it is disposed of. */
function another_process(): AsyncDisposable & { readonly pid: number; readonly start_ticks: string } {
  const child = Bun.spawn(["cat"], { stdin: "pipe", stdout: "ignore" });
  const stat = Bun.spawnSync(["cat", `/proc/${child.pid}/stat`]).stdout.toString();
  const start_ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]!;
  return {
    pid: child.pid,
    start_ticks,
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await child.exited;
    },
  };
}
