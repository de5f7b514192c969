import type { Attribution, ResourceAttribution, TaskWindow } from "../model/attribution.ts";
import { attribute_cpu } from "./cpu.ts";
import { attribute_io } from "./io.ts";
import { attribute_memory } from "./memory.ts";
import { window_s } from "./process.ts";
import { attribute_forks, attribute_network } from "./starters.ts";

/** What carries the node's load over the window, for every resource: the report chooses the one that matters. */
export function attribute(window: TaskWindow): Attribution {
  const { onset, after } = window;
  const { released, ...memory } = attribute_memory(window);
  // Where no thread can be read at once, as from /proc, nothing is known of any.
  const known = (found: ResourceAttribution): ResourceAttribution =>
    after.threads.size === 0 ? { ...found, unknown: "no_counter" } : found;
  return {
    t_ns: after.t_ns,
    window_s: window_s(window),
    ...(window.provisional ? { provisional: true as const } : {}),
    since_s: Math.max(0, (after.t_ns - onset.t_ns) / 1e9),
    cores: after.totals?.cores ?? 0,
    threads: after.threads.size,
    complete: after.complete,
    memory: known(memory),
    ...(released === null ? {} : { released }),
    cpu: known(attribute_cpu(window)),
    io: known(attribute_io(window)),
    forks: attribute_forks(window),
    network: attribute_network(window),
  };
}
