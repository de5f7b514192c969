import type { HookCall } from "../../model/hook.ts";

/** A search path of the system's own: what the agent was started with is not handed on. */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** All a hook has in its environment; what is not known is empty. */
export function environment_of(call: HookCall): Record<string, string> {
  const { target } = call;
  const values: Readonly<Record<string, string | number | null>> = {
    EVENT: call.event,
    TIME: call.time,
    NODE: call.node,
    LEVEL: call.level,
    LEVEL_NAME: call.level_name,
    ACTION_ID: call.action_id,
    VERB: call.verb,
    RUNG: call.rung,
    TARGET: target.path,
    CGROUP_ID: target.cgroup_id,
    PID: target.pid,
    TID: target.tid,
    COMM: target.comm,
    REASON: call.reason,
    STATUS: call.status,
    VERDICT: call.verdict,
    DETAIL: call.detail,
    ACTS: String(call.acts),
  };
  const named = Object.entries(values).map(([name, value]) => [
    `HOSA_${name}`,
    String(value ?? "").replaceAll("\0", ""),
  ]);
  return { PATH, LANG: "C.UTF-8", ...Object.fromEntries(named) };
}

/** The same as one line of JSON, for standard input. */
export function input_of(call: HookCall): Uint8Array {
  return Buffer.from(`${JSON.stringify({ v: 1, ...call })}\n`);
}
