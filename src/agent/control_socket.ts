import { join } from "node:path";
import type { Config } from "../config/index.ts";

/** Where the running agent listens. */
export function control_socket({ control, motor }: Config): string {
  return control.socket === "" ? join(motor.ledger_dir, "hosa.sock") : control.socket;
}
