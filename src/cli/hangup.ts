import { readFileSync } from "node:fs";

const SIGHUP_BIT = 1n;

/** Whether whoever started this process had it ignore SIGHUP, as nohup(1) does: then it stays ignored. */
export function hangup_is_ignored(): boolean {
  const ignored = /^SigIgn:\s*([0-9a-f]+)/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? "0";
  return (BigInt(`0x${ignored}`) & SIGHUP_BIT) !== 0n;
}

/** SIGHUP: the terminal went away, which ends the command; for a daemon it means that the configuration is to be read again. */
export class Hangups {
  readonly #end: () => void;
  #is_daemon = false;
  #pending = false;

  /** @param end ends the command */
  constructor(end: () => void) {
    this.#end = end;
  }

  become_daemon(): void {
    this.#is_daemon = true;
  }

  arrived(): void {
    if (this.#is_daemon) this.#pending = true;
    else this.#end();
  }

  /** Whether one has arrived since the last call; only for a daemon. */
  take(): boolean {
    const pending = this.#pending;
    this.#pending = false;
    return pending;
  }
}
