/**
 * The dev hook of `scripts/lab flood`, compiled for the guest: puts the shield on as the motor does at a level, without the decision,
 * and says what it counts once it is told to end. `flood-hold MODE CONFIG`, MODE shed, essential or isolate.
 */

import { NodeShield } from "../src/agent/shield.ts";
import { load_config } from "../src/config/index.ts";
import { monotonic_ns } from "../src/ffi/libc.ts";
import { NODE, RUNGS } from "../src/model/containment.ts";
import { CgroupMotor } from "../src/motor/motor.ts";

const [mode = "", config_file = ""] = process.argv.slice(2);
const config = load_config(config_file);
const organ = NodeShield.open(config);
if ("missing" in organ) {
  console.log(JSON.stringify({ missing: organ.missing }));
  process.exit(3);
}
const motor = new CgroupMotor({
  mount: "/sys/fs/cgroup",
  ledger_dir: config.motor.ledger_dir,
  enabled_rungs: RUNGS,
  max_targets_per_minute: 60,
  cooldown_s: 0,
  expiry_s: 3600,
  protect: [],
  shield: organ,
});
const isolates = mode === "isolate";
const setting = {
  rung: "shield",
  mode: mode === "shed" ? "shed" : "essential",
  admit_share: config.shield.admit_share,
} as const;
const { detail, status } = isolates
  ? {
      status: "done",
      ...motor.isolate(
        { ...organ.plan("essential", 1), mode: "isolate", ports: [], remains: NOTHING() },
        monotonic_ns(),
      ),
    }
  : motor.perform({ id: "c1", verb: "apply", target: NODE, setting, reason: "the lab" }, monotonic_ns());
console.log(JSON.stringify({ status, detail, tracks: organ.tracks }));

function NOTHING() {
  return { established: false, dns: false, dhcp: true, ping: false };
}

const beat = setInterval(() => motor.poll(monotonic_ns()), 10);
process.on("SIGTERM", () => {
  clearInterval(beat);
  console.log(JSON.stringify({ counts: organ.shield.counts() }));
  motor.release_all(monotonic_ns(), "the lab");
  motor.close();
  process.exit(0);
});
