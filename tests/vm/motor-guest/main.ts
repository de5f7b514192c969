import { writeFileSync } from "node:fs";
import { bits_of, kept_privileges } from "../../../src/agent/privileges.ts";
import { drop_capabilities } from "../../../src/ffi/all_threads.ts";
import { effective_capabilities } from "../../../src/ffi/libc.ts";
import { HOLD_CASES } from "./hold-cases.ts";
import { act_on_reserve, RESERVE_CASES } from "./reserve-cases.ts";
import { VALUE_CASES } from "./value-cases.ts";
import { apply, motor, now_ns } from "./world.ts";

/** Die at the given step of a hold, as by kill -9. */
function act(stop_at: number, target: Parameters<typeof apply>[1]): void {
  let steps = -1;
  const step = (): void => {
    if (steps < 0) return;
    steps += 1;
    if (steps === stop_at) process.kill(process.pid, "SIGKILL");
  };
  const acting = motor({ step });
  steps = 0;
  acting.perform(apply("k", target, { rung: "thread_hold", frozen: true }), now_ns());
  acting.release_all(now_ns(), "end");
}

/** The cases themselves give cgroups away; no rung does. */
const CAP_CHOWN = 1n;

/** Everything below runs with what the agent keeps after its first beat, and nothing else. */
function least_privilege(reserve: boolean): string {
  const kept = kept_privileges(true, reserve);
  const wanted = bits_of(kept) | CAP_CHOWN;
  drop_capabilities(wanted);
  const held = effective_capabilities();
  if (held !== wanted) throw new Error(`${held.toString(16)} is held instead of ${wanted.toString(16)}`);
  return kept.map(({ name }) => name).join(" ");
}

function run_cases(only: string | undefined): void {
  const results: ReturnType<typeof attempt>[] = [];
  const run_all = (cases: Record<string, () => string>): void => {
    for (const [name, run] of Object.entries(cases)) {
      if (only !== undefined && !name.includes(only)) continue;
      const result = attempt(name, run);
      console.log(`${result.ok ? "ok  " : "FAIL"} ${name}: ${result.detail}`);
      results.push(result);
    }
  };
  results.push(attempt("least privilege with a reserve", () => least_privilege(true)));
  run_all(RESERVE_CASES);
  results.push(attempt("least privilege for all that follows", () => least_privilege(false)));
  run_all({ ...HOLD_CASES, ...VALUE_CASES });
  writeFileSync(`${process.env.MOTOR_OUT ?? "/out"}/report.json`, JSON.stringify(results));
}

function attempt(name: string, run: () => string): { name: string; ok: boolean; detail: string } {
  try {
    return { name, ok: true, detail: run() };
  } catch (error) {
    return { name, ok: false, detail: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

const [mode, stop_at, target] = process.argv.slice(2);
if (mode === "act") act(Number(stop_at), JSON.parse(target ?? ""));
else if (mode === "act-reserve") act_on_reserve(Number(stop_at), JSON.parse(target ?? ""));
else run_cases(mode);
