/** In a guest: keeps one remedy on a cgroup with the real actuators until SIGTERM; what ends by itself is put on again. hold MODE PATH */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { type Outcome, RUNGS, type Setting, type Target } from "../../src/model/containment.ts";
import { CgroupMotor } from "../../src/motor/motor.ts";
import { precondition_words } from "../../src/report/precondition.ts";

const MOUNT = "/sys/fs/cgroup";
const BEAT_MS = 100;
/** Put on again so long after it ended. */
const AGAIN_MS = 1500;
const SETTINGS: Readonly<Record<string, Setting>> = {
  thread: { rung: "thread_hold", frozen: true },
  freeze: { rung: "freeze", frozen: true },
  limit: { rung: "cpu_max", quota_us: 20_000, period_us: 100_000 },
  weight: { rung: "cpu_weight", weight: 10 },
  memory: { rung: "memory_governor", high_bytes: 1 },
};

const [mode = "", path = ""] = process.argv.slice(2);
const setting = SETTINGS[mode];
if (setting === undefined) throw new Error(`hold ${Object.keys(SETTINGS).join("|")} PATH`);
const motor = new CgroupMotor({
  mount: MOUNT,
  ledger_dir: `/run/hosa-hold-${process.pid}`,
  enabled_rungs: RUNGS,
  max_targets_per_minute: 1000,
  cooldown_s: 0,
  expiry_s: 3600,
  words: precondition_words,
});
const now_ns = (): number => Math.round(performance.now() * 1e6);
const say = ({ verb, status, detail, unmet }: Outcome): void =>
  console.log(`${(now_ns() / 1e9).toFixed(2)} ${verb} ${status} ${unmet?.code ?? "-"} ${detail}`);

function target(): Target {
  const cgroup_id = statSync(MOUNT + path).ino;
  const whole = { cgroup_id, path, pid: null, tid: null, comm: null };
  if (mode !== "thread") return whole;
  const pid = Number(readFileSync(`${MOUNT}${path}/cgroup.procs`, "latin1").split("\n")[0]);
  const threads = readdirSync(`/proc/${pid}/task`).map(Number);
  return { ...whole, pid, tid: threads.at(-1) ?? pid };
}

let ended = false;
process.once("SIGTERM", () => {
  ended = true;
});
for (let n = 0, ended_ms = -AGAIN_MS; !ended; ) {
  if (motor.live().length === 0 && performance.now() - ended_ms >= AGAIN_MS) {
    n += 1;
    ended_ms = performance.now();
    try {
      say(motor.perform({ id: `c${n}`, verb: "apply", target: target(), setting, reason: "trial" }, now_ns()));
    } catch (error) {
      console.log(`- ${String(error)}`);
    }
  }
  motor.renew(`c${n}`, now_ns());
  for (const outcome of motor.poll(now_ns())) {
    if (outcome.verb === "release") ended_ms = performance.now();
    say(outcome);
  }
  await Bun.sleep(BEAT_MS);
}
for (const outcome of motor.release_all(now_ns(), "the trial is over")) say(outcome);
motor.close();
