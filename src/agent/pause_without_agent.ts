import type { Config } from "../config/index.ts";
import { geteuid, monotonic_ns } from "../ffi/libc.ts";
import { errno_of, errno_text } from "../model/errno.ts";
import { OperatorError } from "../model/error.ts";
import type { Pause } from "../model/pause.ts";
import type { Maybe } from "../model/sample.ts";
import { current_boot_id } from "../motor/ledger.ts";
import { wall_s, wall_time_of } from "./clock.ts";
import { new_pause, type PauseRequest } from "./pause.ts";
import { pause_path, read_pause, remove_pause, write_pause } from "./pause_file.ts";

/** The saved pause, with the time it lasts yet; null when there is none. Throws OperatorError. */
export function saved_pause({ learning }: Config): Maybe<Pause & { readonly left_s: number }> {
  const now_ns = monotonic_ns();
  const saved = read_pause(learning.state_dir, { boot_id: current_boot_id(), now_ns, wall_s: wall_s() });
  if ("refused" in saved) throw new OperatorError(saved.refused, 1, "Run as root; if the file is damaged, remove it.");
  if (saved.pause === null) return null;
  return { ...saved.pause, left_s: (saved.pause.until_ns - now_ns) / 1e9 };
}

/** The pause alone. */
export function without_left(saved: Maybe<Pause & { readonly left_s: number }>): Maybe<Pause> {
  if (saved === null) return null;
  const { left_s: _, ...pause } = saved;
  return pause;
}

/** Saves a pause for the agent that starts next. Throws OperatorError. */
export async function pause_without_agent({ learning }: Config, request: PauseRequest): Promise<Pause> {
  const by = { uid: geteuid(), pid: process.pid };
  const pause = new_pause(request, by, monotonic_ns(), wall_time_of);
  try {
    await write_pause(learning.state_dir, current_boot_id(), pause);
  } catch (error) {
    throw unwritable(learning.state_dir, error);
  }
  return pause;
}

/** Null: there was none. Throws OperatorError. */
export async function resume_without_agent(config: Config): Promise<Maybe<Pause>> {
  let pause: Maybe<Pause> = null;
  try {
    pause = without_left(saved_pause(config));
  } catch (error) {
    // A damaged file says no pause, and goes all the same.
    if (!(error instanceof OperatorError)) throw error;
  }
  try {
    await remove_pause(config.learning.state_dir);
  } catch (error) {
    throw unwritable(config.learning.state_dir, error);
  }
  return pause;
}

function unwritable(state_dir: string, error: unknown): Error {
  const symbol = errno_of(error);
  if (symbol === null) return error instanceof Error ? error : new Error(String(error));
  const denied = symbol === "EACCES" || symbol === "EPERM";
  const hint = denied ? "Run as root." : "Check learning.state_dir in the configuration.";
  return new OperatorError(
    `${pause_path(state_dir)} cannot be changed: ${errno_text(symbol)}`,
    denied ? 3 : 1,
    hint,
    error,
  );
}
