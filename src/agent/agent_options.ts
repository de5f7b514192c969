import type { Config } from "../config/index.ts";
import type { BeatView } from "../model/view.ts";
import type { WarmupProgress } from "../model/warmup.ts";
import type { ReloadSource } from "./reload.ts";

export interface AgentOptions {
  readonly config: Config;
  /** observe: read-only, with the recording motor, no audit and nothing saved. */
  readonly mode: "run" | "observe";
  readonly dry_run: boolean;
  readonly duration_s: number | null;
  readonly count: number | null;
  /** Every beat in observe, eventful beats in run. Returning false ends the loop. */
  readonly on_beat: (view: BeatView) => false | undefined;
  /** Once a second while the node is learned; null when it is known. */
  readonly on_warmup: (progress: WarmupProgress | null) => void;
  readonly on_message: (level: "error" | "warn" | "info" | "debug", text: string) => void;
  readonly signal: AbortSignal;
  /** Null: the configuration stays what it was at the start. */
  readonly reload: ReloadSource | null;
}

export interface AgentResult {
  readonly beats: number;
  readonly reason: string;
}
