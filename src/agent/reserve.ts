import type { Config } from "../config/index.ts";
import { KernelError } from "../ffi/errors.ts";
import { may_swap, prepare_errands } from "../ffi/swap.ts";
import type { Rung } from "../model/containment.ts";
import type { Finding } from "../model/doctor.ts";
import type { Maybe } from "../model/sample.ts";
import { examine_reserve, type Prepared, prepare_reserve } from "../motor/reserve/prepare.ts";

const COSTS = "a governed cgroup can only be slowed, unless the node has swap of its own";
const NOT_ALLOWED =
  "swapon and swapoff are not permitted: CAP_SYS_ADMIN is needed, and SystemCallFilter=@swap in a drop-in of the unit";
const NOT_SET = "reserve.path is not set";

/** Makes the swap file that was set aside and what switches it on, or says why there is none. Takes its time: for the start. */
export function open_reserve(config: Config): Prepared {
  const why_not = not_wanted(config);
  if (why_not !== null) return { missing: why_not };
  if (!may_swap()) return { missing: NOT_ALLOWED };
  try {
    prepare_errands();
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return { missing: error.message };
  }
  return prepare_reserve(config.reserve);
}

/** Whether it could be opened, as far as can be told without making anything. */
export function look_at_reserve(config: Config): Prepared {
  const why_not = not_wanted(config);
  return why_not === null ? examine(config) : { missing: why_not };
}

/** What `hosa doctor` says of it. Nothing is made. */
export function reserve_finding(config: Config): Finding {
  const what = "swap_reserve";
  const why_not = not_wanted(config);
  if (why_not === NOT_SET) return { what, state: "ok", detail: `off: ${NOT_SET}`, costs: "", remedy: "" };
  const found = look_at_reserve(config);
  if ("path" in found) return { what, state: "ok", detail: `possible: ${found.path}`, costs: "", remedy: "" };
  const remedy =
    why_not === null ? "as it says; the agent makes the file at its start" : "add swap_reserve to motor.rungs";
  return { what, state: "missing", detail: found.missing, costs: COSTS, remedy };
}

function examine(config: Config): Prepared {
  return may_swap() ? examine_reserve(config.reserve) : { missing: NOT_ALLOWED };
}

/** Rungs that are missing, but for a reserve nobody asked for: nothing to warn of. */
export function worth_telling<T extends { readonly rung: Rung }>(missing: readonly T[], config: Config): readonly T[] {
  return missing.filter(({ rung }) => rung !== "swap_reserve" || !is_off(config));
}

/** Of them, those that the configuration asks for: what an operator has switched off is not lost. */
export function lost_rungs(
  missing: readonly { readonly rung: Rung; readonly why: string }[],
  config: Config,
): readonly string[] {
  return worth_telling(missing, config)
    .filter(({ rung }) => config.motor.rungs.includes(rung))
    .filter(({ rung }) => rung !== "shield" || config.shield.interfaces.length > 0)
    .map(({ rung, why }) => `${rung}: ${why}`);
}

function is_off({ reserve }: Config): boolean {
  return reserve.path === "";
}

function not_wanted(config: Config): Maybe<string> {
  if (is_off(config)) return NOT_SET;
  return config.motor.rungs.includes("swap_reserve") ? null : "not enabled in the configuration";
}
