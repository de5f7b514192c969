import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RUNGS } from "../../src/model/containment.ts";
import { CgroupMotor, type MotorOptions } from "../../src/motor/motor.ts";
import { precondition_words } from "../../src/report/precondition.ts";
import { FakeKernel, MOUNT } from "./fake.ts";

export const SECOND_NS = 1e9;

/** A kernel in memory, a ledger in a scratch directory and a motor on both; removed by `using`. */
export class Setup {
  readonly kernel = new FakeKernel();
  readonly ledger_dir = mkdtempSync(join(tmpdir(), "hosa-motor-"));
  readonly app_id: number;

  constructor() {
    this.app_id = this.kernel.add_cgroup("/app");
    this.kernel.add_thread(40, 40, "/app");
    this.kernel.add_thread(41, 40, "/app");
  }

  motor(options: Partial<MotorOptions> = {}): CgroupMotor {
    return new CgroupMotor({
      mount: MOUNT,
      ledger_dir: this.ledger_dir,
      enabled_rungs: RUNGS,
      max_targets_per_minute: 100,
      cooldown_s: 0,
      expiry_s: 3600,
      words: precondition_words,
      files: this.kernel,
      processes: this.kernel,
      ...options,
    });
  }

  /** The lock of a motor that died: in life its process would be gone. */
  forget_lock(): void {
    rmSync(`${this.ledger_dir}/ledger.lock`, { force: true });
  }

  [Symbol.dispose](): void {
    rmSync(this.ledger_dir, { recursive: true, force: true });
  }
}
