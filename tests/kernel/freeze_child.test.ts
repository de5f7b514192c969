/** The processes of a unit in a frozen child, on the kernel of this machine and in a scratch cgroup of its own. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { RUNGS } from "../../src/model/containment.ts";
import { kernel_files } from "../../src/motor/files.ts";
import { CgroupMotor } from "../../src/motor/motor.ts";
import { kernel_processes } from "../../src/motor/processes.ts";
import { find_cgroup2_mount } from "../../src/sensor/mount.ts";

const mount = find_cgroup2_mount()?.mount ?? null;
const UNIT = `/hosa-test-${process.pid}.service`;
const home = `${mount}${UNIT}`;

function usable(): boolean {
  try {
    mkdirSync(home);
    return existsSync(`${home}/cgroup.freeze`);
  } catch (error) {
    console.error(`SKIPPED ${import.meta.file}: no scratch cgroup can be made here: ${error}`);
    return false;
  }
}

/** As below a service manager, wherever this runs. */
const processes = Object.create(kernel_processes, {
  manager: { value: { name: "systemd", version: 257 } },
}) as typeof kernel_processes;
const read = (file: string) => readFileSync(`${home}/${file}`, "latin1").trim();
const S = 1e9;

describe.skipIf(mount === null || !usable())("on this kernel", () => {
  const ledger_dir = mkdtempSync(join(tmpdir(), "hosa-freeze-"));
  const started: Subprocess[] = [];
  const start = (): number => {
    const one = Bun.spawn(
      ["sh", "-c", `trap '' TERM; echo $$ > ${home}/cgroup.procs; echo in; while :; do sleep 0.05; done`],
      {
        stdout: "pipe",
      },
    );
    started.push(one);
    return one.pid;
  };
  const until = async (what: string, holds: () => boolean): Promise<void> => {
    for (let n = 0; n < 400; n++) {
      if (holds()) return;
      await Bun.sleep(10);
    }
    throw new Error(`never: ${what}`);
  };
  /** A process that is on its way out keeps the child busy for a moment: the motor tries again at its polls. */
  const until_gone = (motor: CgroupMotor, since_ns: number): Promise<void> => {
    let t_ns = since_ns;
    return until("the child is gone", () => {
      if (!existsSync(`${home}/hosa-freeze`)) return true;
      t_ns += 1e7;
      motor.poll(t_ns);
      return false;
    });
  };
  const make = () =>
    new CgroupMotor({
      mount: mount!,
      ledger_dir,
      enabled_rungs: RUNGS,
      max_targets_per_minute: 100,
      cooldown_s: 0,
      expiry_s: 3600,
      protect: [],
      processes,
    });
  const apply = (id: string) => {
    const target = { cgroup_id: statSync(home).ino, path: UNIT, pid: null, tid: null, comm: null };
    return { id, verb: "apply", target, setting: { rung: "freeze", frozen: true }, reason: "test" } as const;
  };

  beforeAll(async () => {
    const [first, second] = [start(), start()];
    await until("both are in", () => {
      const pids = read("cgroup.procs").split("\n");
      return pids.includes(String(first)) && pids.includes(String(second));
    });
  });
  afterAll(async () => {
    for (const one of started) one.kill("SIGKILL");
    await Promise.all(started.map((one) => one.exited));
    await until("the cgroup is empty", () => read("cgroup.events").includes("populated 0"));
    for (const directory of [`${home}/hosa-freeze`, home]) if (existsSync(directory)) rmdirSync(directory);
    rmSync(ledger_dir, { recursive: true });
  });

  test("they stand still, their home stays open, and a newcomer in it ends the freeze", async () => {
    const motor = make();
    const outcome = motor.perform(apply("a"), 0);
    expect(["done", "pending"]).toContain(outcome.status);
    let t_ns = 0;
    const seen: string[] = [];
    const poll = () => {
      t_ns += 1e7;
      seen.push(...motor.poll(t_ns).map(({ verb, status }) => `${verb} ${status}`));
    };
    await until("the kernel confirms", () => {
      poll();
      return motor.live()[0]?.frozen === true;
    });
    expect(read("hosa-freeze/cgroup.events")).toContain("frozen 1");
    expect(read("cgroup.freeze")).toBe("0");
    expect(read("cgroup.procs")).toBe("");
    // As a manager that reloads the unit does: it waits for nothing.
    const newcomer = start();
    await until("it runs in the home", () => read("cgroup.procs").split("\n").includes(String(newcomer)));
    motor.renew("a", 2 * S);
    expect(motor.poll(2 * S)).toMatchObject([{ verb: "release", status: "refused" }]);
    await until_gone(motor, 2 * S);
    expect(read("cgroup.procs").split("\n").length).toBeGreaterThanOrEqual(3);
    motor.close();
  });

  test("a signal that waits thaws them within a second", async () => {
    const motor = make();
    motor.perform(apply("b"), 0);
    await until("the kernel confirms", () => {
      motor.poll(1e6);
      return motor.live()[0]?.frozen === true;
    });
    // Ignored by the shells, but sent to what they run as well.
    for (const pid of read("hosa-freeze/cgroup.procs").split("\n")) process.kill(Number(pid), "SIGQUIT");
    motor.renew("b", 1.1 * S);
    expect(motor.poll(1.1 * S)).toMatchObject([{ verb: "release", unmet: { code: "being_ended" } }]);
    await until_gone(motor, 1.1 * S);
    motor.close();
  });

  test("a held thread is asked about every second: its threaded child lists no processes, which is no trouble", async () => {
    const motor = make();
    const pid = start();
    await until("it is in", () => read("cgroup.procs").split("\n").includes(String(pid)));
    const target = { cgroup_id: statSync(home).ino, path: UNIT, pid, tid: pid, comm: null };
    const setting = { rung: "thread_hold", frozen: true } as const;
    expect(["done", "pending"]).toContain(
      motor.perform({ id: "h", verb: "apply", target, setting, reason: "" }, 0).status,
    );
    motor.renew("h", 1.5 * S);
    expect(motor.poll(1.5 * S).filter(({ verb }) => verb === "release")).toEqual([]);
    expect(motor.live()).toHaveLength(1);
    motor.release_all(2 * S, "end");
    expect(existsSync(`${home}/hosa-hold.${pid}`)).toBe(false);
    motor.close();
  });

  test("an attribute that is not there is none", () => {
    expect(kernel_files.attribute(home, "user.delegate")).toBeNull();
    expect(kernel_files.attribute(home, "trusted.delegate")).toBeNull();
    writeFileSync(`${home}/cgroup.freeze`, "0");
  });
});
