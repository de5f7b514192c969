import { type Config, deprecations, dial_of } from "../config/index.ts";
import { monotonic_ns } from "../ffi/libc.ts";
import type { Finding } from "../model/doctor.ts";
import { current_boot_id } from "../motor/ledger.ts";
import { dial_sentence, pause_sentence } from "../report/dial.ts";
import { wall_s } from "./clock.ts";
import { read_pause } from "./pause_file.ts";

/** What the configuration lets an agent do that starts now. What a running agent does, `hosa status` says. */
export function autonomy_findings(config: Config): readonly Finding[] {
  const as = (service: boolean) => dial_sentence(dial_of(config, { service, dry_run: false }));
  return [
    ok("service", as(true)),
    ...(config.autonomy === "auto" ? [ok("in the foreground", as(false))] : []),
    ...deprecations(config).map((detail): Finding => {
      return {
        what: "motor.enabled",
        state: "missing",
        detail,
        costs: "a later version does not know this key",
        remedy: "",
      };
    }),
    pause(config),
  ];
}

function pause({ learning }: Config): Finding {
  const now_ns = monotonic_ns();
  const saved = read_pause(learning.state_dir, { boot_id: current_boot_id(), now_ns, wall_s: wall_s() });
  if ("refused" in saved) {
    const costs = "if a pause was saved there, it is not in force";
    return { what: "pause", state: "missing", detail: saved.refused, costs, remedy: "remove the file" };
  }
  if (saved.pause === null) return ok("pause", "none");
  return ok("pause", pause_sentence(saved.pause, (saved.pause.until_ns - now_ns) / 1e9));
}

function ok(what: string, detail: string): Finding {
  return { what, state: "ok", detail, costs: "", remedy: "" };
}
