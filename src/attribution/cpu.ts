import type { ResourceAttribution, TaskFigures, TaskWindow } from "../model/attribution.ts";
import { gather, moved, type Part, rate_of, window_s } from "./process.ts";
import { ranked } from "./rank.ts";

/** Ticks of /proc/stat. */
const TICK_S = 0.01;

/** Cores in use, by process; interrupts and what the hypervisor took stand beside the kernel's own threads. */
export function attribute_cpu(window: TaskWindow): ResourceAttribution {
  const over_s = window_s(window);
  const rates_of = (task: TaskFigures) => {
    const rate = moved(window, task, ({ cpu_ns }) => cpu_ns) / 1e9 / over_s;
    return { rate, change: Math.max(0, rate - (window.usual(task.tid, task.start_ns)?.cpu_share ?? 0)) };
  };
  const parts = [...gather(window, rates_of).values()].map((process): Part => {
    return { ...process, rate: rate_of(process.rate, process.age_s, over_s), amount: process.rate };
  });
  const before = window.before.totals;
  const after = window.after.totals;
  if (before === null || after === null) return { node_rate: 0, carriers: ranked(parts, 0, window) };
  const cores = (from: number, to: number) => (Math.max(0, to - from) * TICK_S) / over_s;
  const kernel = { pid: null, cgroup_id: null, age_s: null, is_kernel: true, threads: [] };
  for (const [comm, rate] of [
    ["interrupts", cores(before.interrupt_ticks, after.interrupt_ticks)],
    ["time taken by the hypervisor", cores(before.stolen_ticks, after.stolen_ticks)],
  ] as const) {
    parts.push({ ...kernel, comm, rate, change: rate });
  }
  const node_rate = cores(before.busy_ticks, after.busy_ticks);
  return { node_rate, carriers: ranked(parts, node_rate, window) };
}
