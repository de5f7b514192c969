import type { ProcessFacts, TargetFacts } from "../../src/model/precondition.ts";

export const APP = "/app.slice/app.service";

export function process_facts(more: Partial<ProcessFacts> = {}): ProcessFacts {
  return {
    pid: 40,
    comm: "app",
    parent: "systemd",
    path: APP,
    signal: null,
    watchdog_s: null,
    namespaces: 0,
    leads: "start",
    devices: [],
    ...more,
  };
}

/** An ordinary unit with one process, of which nothing forbids anything. */
export function target_facts(more: Partial<TargetFacts> = {}): TargetFacts {
  const group = (path: string) => ({ path, delegated: null, watchdog_s: null });
  return {
    path: APP,
    pid: null,
    own_path: "/hosa.slice/hosa.service",
    manager: { name: "systemd", version: 257 },
    groups: [group("/app.slice"), group(APP)],
    processes: [process_facts()],
    unread: [],
    ...more,
  };
}
