import type { Hangups } from "./hangup.ts";
import type { Output } from "./output.ts";

/** What a command is given besides its options. */
export interface Context {
  readonly output: Output;
  /** Aborted by SIGINT, SIGTERM or a reader that went away. */
  readonly signal: AbortSignal;
  readonly hangups: Hangups;
  readonly version: string;
}

export type ExitCode = 0 | 1 | 2 | 3;
