import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { DEMO_SLICE } from "../model/demo.ts";
import type { Maybe } from "../model/sample.ts";

/** All that the demonstration touches, and where its agent runs, lies in DEMO_SLICE. */
export const SERVICE_PATH = `${DEMO_SLICE}/service`;
const AGENT_PATH = `${DEMO_SLICE}/agent`;
/** Ledger, audit, sockets: in memory, and gone with the next boot whatever happens. */
export const RUN_DIRECTORY = "/run/hosa-demo";
/** Beside it, so that it outlives the cleaning. */
export const LOCK = "/run/hosa-demo.lock";
const PIDS_MAX = "64";

/** Where one demonstration happens. */
export interface DemoPlace {
  /** Absolute paths of cgroups. */
  readonly slice: string;
  readonly service: string;
  readonly agent: string;
  readonly directory: string;
  readonly socket: string;
  readonly config: string;
  readonly audit: string;
  readonly agent_log: string;
}

export function demo_place(mount: string): DemoPlace {
  return {
    slice: `${mount}${DEMO_SLICE}`,
    service: `${mount}${SERVICE_PATH}`,
    agent: `${mount}${AGENT_PATH}`,
    directory: RUN_DIRECTORY,
    socket: `${RUN_DIRECTORY}/service.sock`,
    config: `${RUN_DIRECTORY}/hosa.yaml`,
    audit: `${RUN_DIRECTORY}/audit.jsonl`,
    agent_log: `${RUN_DIRECTORY}/agent.log`,
  };
}

/** Makes the cgroups and the directory; the service gets so much memory at most, and no swap. Throws what the file system says. */
export function make_place(place: DemoPlace, limit_bytes: number): void {
  mkdirSync(place.directory, { mode: 0o700 });
  mkdirSync(place.slice);
  const offered = readFileSync(`${place.slice}/cgroup.controllers`, "utf8").trim().split(" ");
  for (const controller of ["memory", "cpu", "pids", "io"]) {
    if (offered.includes(controller)) writeFileSync(`${place.slice}/cgroup.subtree_control`, `+${controller}`);
  }
  mkdirSync(place.service);
  mkdirSync(place.agent);
  writeFileSync(`${place.service}/memory.max`, String(limit_bytes));
  write_if_there(`${place.service}/memory.swap.max`, "0");
  write_if_there(`${place.service}/pids.max`, PIDS_MAX);
}

/** What is there of a demonstration that did not end itself. */
export function leftovers({ slice, directory }: DemoPlace): readonly string[] {
  return [slice, directory].filter((path) => existsSync(path));
}

/** What the service holds; null where the cgroup cannot be read. */
export function service_memory({ service }: DemoPlace): Maybe<number> {
  try {
    return Number(readFileSync(`${service}/memory.current`, "latin1"));
  } catch {
    return null;
  }
}

function write_if_there(path: string, value: string): void {
  if (existsSync(path)) writeFileSync(path, value);
}
