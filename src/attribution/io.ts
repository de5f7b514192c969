import type { ResourceAttribution, TaskFigures, TaskWindow } from "../model/attribution.ts";
import { gather, moved, type Part, rate_of, window_s } from "./process.ts";
import { ranked } from "./rank.ts";

/**
 * Block I/O by the process that asked for it: a read when it is sent to the device, a direct write likewise, a buffered
 * write when it makes a page dirty. Source: task_io_account_read, task_io_account_write (Linux, include/linux/task_io_accounting_ops.h).
 */
export function attribute_io(window: TaskWindow): ResourceAttribution {
  const over_s = window_s(window);
  const written = new Map<number, number>();
  const rates_of = (task: TaskFigures) => {
    const rate = moved(window, task, ({ io_bytes }) => io_bytes) / over_s;
    const of_it = moved(window, task, ({ disk_written_bytes }) => disk_written_bytes) / over_s;
    written.set(task.pid, (written.get(task.pid) ?? 0) + of_it);
    return { rate, change: Math.max(0, rate - (window.usual(task.tid, task.start_ns)?.io_bytes_per_s ?? 0)) };
  };
  const gathered = [...gather(window, rates_of).values()];
  const parts = gathered.map((process): Part => {
    const part = process.rate > 0 ? Math.min(1, (written.get(process.pid) ?? 0) / process.rate) : 0;
    const rate = rate_of(process.rate, process.age_s, over_s);
    return { ...process, rate, amount: process.rate, extra: { written_share: part } };
  });
  const before = window.before.totals?.block_bytes ?? 0;
  const after = window.after.totals?.block_bytes ?? 0;
  const node_rate = window.before.totals === null ? 0 : Math.max(0, after - before) / over_s;
  return { node_rate, carriers: ranked(parts, node_rate, window) };
}
