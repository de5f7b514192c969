import type { HeldNow } from "./control.ts";
import type { Maybe } from "./sample.ts";
import type { BeatView } from "./view.ts";

/** Of `hosa demo`, directly below the cgroup v2 mount. An agent leaves it alone, but for the one of the demonstration. */
export const DEMO_SLICE = "/hosa-demo.slice";

/** The two acts of the demonstration: the same service with the same fault. */
export type Act = "without" | "with";

/** What the demonstration does, on what. */
export interface DemoSetting {
  readonly node: string;
  readonly kernel: string;
  readonly version: string;
  /** Below the cgroup v2 mount; nothing outside of it is touched. */
  readonly slice: string;
  readonly limit_bytes: number;
  readonly requests_per_s: number;
  readonly leak_bytes_per_s: number;
  /** Length of an act from the onset of the leak on. */
  readonly watched_s: number;
  readonly warmup_s: number;
  readonly expected_s: number;
}

/** What came of one act. */
export interface ActResult {
  readonly act: Act;
  /** Requests that were due from the onset of the leak on, and those answered within a second. */
  readonly sent: number;
  readonly answered: number;
  readonly watched_s: number;
  /** From the onset until the kernel killed the service; null: it was not killed. */
  readonly killed_after_s: Maybe<number>;
  /** From the onset until HOSA acted; null: it did not. */
  readonly acted_after_s: Maybe<number>;
  /** What HOSA held at the end; null: nothing. */
  readonly held: Maybe<Pick<HeldNow, "rung" | "target">>;
  /** Memory of the service at the end; null where it was killed. */
  readonly memory_bytes: Maybe<number>;
}

/** One thing that happens; `t_s` counts from the beginning of the demonstration. */
export type DemoEvent = { readonly t_s: number } & (
  | { readonly kind: "begin"; readonly setting: DemoSetting }
  | { readonly kind: "act"; readonly act: Act }
  /** The thread that begins to leak. */
  | { readonly kind: "leak"; readonly tid: number }
  /** The service in one second: requests due in it, its memory, and whether it lives. */
  | {
      readonly kind: "second";
      readonly sent: number;
      readonly answered: number;
      readonly memory_bytes: Maybe<number>;
      readonly alive: boolean;
    }
  | { readonly kind: "killed" }
  | { readonly kind: "beat"; readonly view: BeatView }
  | { readonly kind: "held"; readonly held: readonly HeldNow[] }
  | { readonly kind: "result"; readonly result: ActResult }
);

/** What came of both. */
export interface DemoResult {
  /** Played from a record: nothing happened on this node. */
  readonly recorded: boolean;
  /** Why it was not done on this node; null where it was, or was not asked for. */
  readonly why_recorded: Maybe<string>;
  readonly without: ActResult;
  readonly with: ActResult;
  /** The page that was written. */
  readonly report: string;
  readonly took_s: number;
}
