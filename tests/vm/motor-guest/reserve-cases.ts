import { rmSync, statSync } from "node:fs";
import { prepare_errands } from "../../../src/ffi/swap.ts";
import type { Setting, Target } from "../../../src/model/containment.ts";
import type { CgroupMotor } from "../../../src/motor/motor.ts";
import { release_from_ledger } from "../../../src/motor/recover.ts";
import { kernel_swap } from "../../../src/motor/reserve/port.ts";
import { prepare_reserve } from "../../../src/motor/reserve/prepare.ts";
import {
  apply,
  closing,
  expect_equal,
  LEDGER_DIR,
  MOUNT,
  make,
  motor,
  now_ns,
  own_script,
  read,
  release,
  remove,
  wait_until,
  write,
} from "./world.ts";

const MIB = 1048576;
const AREA = "/reserve/hosa.swap";
const CGROUP = "/swapping";
const HEAP = "/dev/shm/heap";
const SETTING: Setting = { rung: "swap_reserve", swap_max_bytes: 200 * MIB };

function prepared(): { readonly path: string } {
  const found = prepare_reserve({ path: AREA, size_bytes: 256 * MIB, margin_bytes: 16 * MIB });
  if ("path" in found) return found;
  throw new Error(found.missing);
}

function reserve_motor(step?: (name: string) => void): CgroupMotor {
  prepare_errands();
  const more = step === undefined ? {} : { step };
  return motor({ enabled_rungs: ["swap_reserve"], reserve: prepared(), ...more });
}

function target(): Target {
  return { cgroup_id: statSync(`${MOUNT}${CGROUP}`).ino, path: CGROUP, pid: null, tid: null, comm: null };
}

/** A cgroup that may not swap, as the operator wants it. */
function with_cgroup(run: () => string): string {
  make(CGROUP);
  write(`${CGROUP}/memory.swap.max`, "0");
  try {
    return run();
  } finally {
    rmSync(HEAP, { force: true });
    remove(CGROUP);
  }
}

/** So many MiB charged to the cgroup, of which the kernel is asked to push out nearly all. */
function push_out(mib: number): number {
  const fill = `echo $$ > ${MOUNT}${CGROUP}/cgroup.procs && dd if=/dev/urandom of=${HEAP} bs=1M count=${mib}`;
  Bun.spawnSync(["sh", "-c", fill], { stderr: "ignore" });
  for (let round = 0; round < 5 && swapped() < (mib - 8) * MIB; round++) {
    try {
      write(`${CGROUP}/memory.reclaim`, `${mib}M`);
    } catch {
      // EAGAIN: less than asked for could be reclaimed.
    }
  }
  return swapped();
}

function swapped(): number {
  return Number(read(`${CGROUP}/memory.swap.current`));
}

function is_on(): boolean {
  return kernel_swap.areas().some((area) => area.path === AREA);
}

function wait_for(acting: CgroupMotor, wanted: string): string {
  let detail = "";
  wait_until(wanted, () => {
    const found = acting.poll(now_ns()).find((each) => each.detail.includes(wanted));
    detail = found?.detail ?? "";
    return found !== undefined;
  });
  return detail;
}

/** Draws on the reserve and lets go of it again, dying at the given step as by kill -9. */
export function act_on_reserve(stop_at: number, at: Target): void {
  let steps = -1;
  const acting = reserve_motor(() => {
    if (steps < 0) return;
    steps += 1;
    if (steps === stop_at) process.kill(process.pid, "SIGKILL");
  });
  steps = 0;
  acting.perform(apply("r", at, SETTING), now_ns());
  wait_for(acting, "hosa.swap switched on");
  acting.perform(release("r", at, SETTING), now_ns());
  wait_for(acting, "hosa.swap switched off");
  acting.close();
}

/** The limit as before, the area off, nothing in the ledger: at once, or as soon as the kernel has ended what was begun. */
function restored_by_release(what: string): void {
  wait_until(`everything is undone after ${what}`, () => {
    const outcomes = release_from_ledger(LEDGER_DIR);
    return outcomes.length === 0;
  });
  expect_equal(`limit after ${what}`, read(`${CGROUP}/memory.swap.max`), "0");
  expect_equal(`area after ${what}`, is_on(), false);
}

export const RESERVE_CASES: Record<string, () => string> = {
  "reserve: on beside the beat, pages in it, off when they fit back": () =>
    with_cgroup(() => {
      using acting = closing(reserve_motor());
      const at = target();
      expect_equal("apply", acting.motor.perform(apply("r", at, SETTING), now_ns()).status, "done");
      expect_equal("limit", read(`${CGROUP}/memory.swap.max`), String(200 * MIB));
      const began_ns = now_ns();
      acting.motor.poll(now_ns());
      const begun_ms = (now_ns() - began_ns) / 1e6;
      const on = wait_for(acting.motor, "hosa.swap switched on");
      const on_ms = (now_ns() - began_ns) / 1e6;
      const bytes = push_out(64);
      if (bytes < 32 * MIB) throw new Error(`only ${bytes} bytes went to swap`);
      acting.motor.perform(release("r", at, SETTING), now_ns());
      expect_equal("limit after", read(`${CGROUP}/memory.swap.max`), "0");
      wait_for(acting.motor, "hosa.swap switched off");
      expect_equal("area", is_on(), false);
      expect_equal("swap", swapped(), 0);
      return `${on}; begun within ${begun_ms.toFixed(2)} ms of the beat, on after ${on_ms.toFixed(1)} ms; ${Math.round(bytes / MIB)} MiB back`;
    }),
  "reserve: what does not fit below the limit stays, with the reason, until it is gone": () =>
    with_cgroup(() => {
      const acting = reserve_motor();
      const at = target();
      acting.perform(apply("r", at, SETTING), now_ns());
      wait_for(acting, "hosa.swap switched on");
      push_out(64);
      write(`${CGROUP}/memory.max`, String(24 * MIB));
      acting.perform(release("r", at, SETTING), now_ns());
      const why = wait_for(acting, "stays on");
      expect_equal("who", why.includes(`${CGROUP} has no room for it below its limit`), true);
      expect_equal("held", acting.held().length, 1);
      acting.close();
      expect_equal(
        "a release without an agent",
        release_from_ledger(LEDGER_DIR).map(({ status }) => status),
        ["pending"],
      );
      expect_equal("still on", is_on(), true);
      rmSync(HEAP);
      restored_by_release("its end");
      return why;
    }),
  "reserve: somebody else's swapoff is not fought": () =>
    with_cgroup(() => {
      using acting = closing(reserve_motor());
      acting.motor.perform(apply("r", target(), SETTING), now_ns());
      wait_for(acting.motor, "hosa.swap switched on");
      Bun.spawnSync(["swapoff", AREA]);
      const told = wait_for(acting.motor, "not fought");
      wait_until("the limit is restored", () => {
        acting.motor.poll(now_ns());
        return read(`${CGROUP}/memory.swap.max`) === "0";
      });
      expect_equal("held", acting.motor.held().length, 0);
      return told;
    }),
  "reserve: kill -9 at every step": () =>
    with_cgroup(() => {
      const passed: string[] = [];
      for (let stop_at = 1; stop_at < 60; stop_at++) {
        const command = [process.execPath, ...own_script(), "act-reserve", String(stop_at), JSON.stringify(target())];
        const child = Bun.spawnSync(command);
        if (child.signalCode !== "SIGKILL") {
          expect_equal(`end: ${child.stderr}`, child.exitCode, 0);
          restored_by_release("the whole");
          if (stop_at < 14) throw new Error(`only ${stop_at - 1} steps`);
          return `${stop_at - 1} steps, each undone: ${passed.join(" ")}`;
        }
        passed.push(`${is_on() ? "on" : "off"}`);
        restored_by_release(`a kill at step ${stop_at}`);
      }
      throw new Error("it does not end");
    }),
};
