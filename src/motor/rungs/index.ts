import type { Rung } from "../../model/containment.ts";
import type { Apply } from "./containment.ts";
import { cpu_max } from "./cpu-max.ts";
import { apply_cpu_weight } from "./cpu-weight.ts";
import { apply_freeze } from "./freeze.ts";
import { io_max } from "./io-max.ts";
import { memory_governor } from "./memory-governor.ts";
import { apply_shield } from "./shield.ts";
import { apply_swap_reserve } from "./swap-reserve.ts";
import { apply_thread_hold } from "./thread-hold.ts";
import { apply_value } from "./value.ts";

export const APPLY: Record<Rung, Apply> = {
  cpu_weight: apply_cpu_weight,
  thread_hold: apply_thread_hold,
  memory_governor: (context, action, place) => apply_value(memory_governor, context, action, place),
  swap_reserve: apply_swap_reserve,
  cpu_max: (context, action, place) => apply_value(cpu_max, context, action, place),
  io_max: (context, action, place) => apply_value(io_max, context, action, place),
  freeze: apply_freeze,
  shield: apply_shield,
};
