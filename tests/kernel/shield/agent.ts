/** A process that puts the shield on and waits to be killed: `bun agent.ts MODE BPFFS_DIRECTORY LEDGER_DIRECTORY`. */

import { shield_object } from "../../../src/ffi/object.ts";
import { ShieldProgram } from "../../../src/ffi/shield.ts";
import { NODE } from "../../../src/model/containment.ts";
import { motor_with, organ, plan_of } from "./scratch.ts";

const [mode, pins = "", ledger_dir = ""] = process.argv.slice(2);
const motor = motor_with(organ(ShieldProgram.load(shield_object()), pins), ledger_dir);
const setting = { rung: "shield", mode: mode === "shed" ? "shed" : "essential", admit_share: 0.5 } as const;
const outcome = motor.perform({ id: "c1", verb: "apply", target: NODE, setting, reason: "a test" }, 0);
const isolated = mode === "isolate" ? motor.isolate(plan_of("isolate"), 1).detail : "";
console.log(JSON.stringify({ outcome, isolated }));
setInterval(() => {}, 1000);
