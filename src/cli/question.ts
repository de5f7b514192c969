import { createInterface } from "node:readline/promises";
import type { Context } from "./context.ts";

/** Whether there is a terminal to ask on. */
export function is_interactive(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** Asks on the terminal; anything but yes is no. */
export async function is_confirmed(question: string, context: Context): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `, { signal: context.signal });
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    // Interrupted, or the terminal went away: that is no yes.
    if (error instanceof Error) return false;
    throw error;
  } finally {
    terminal.close();
  }
}
