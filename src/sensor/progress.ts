/** So much CPU time counts as one step. */
const STEP_NS = 10e6;

/**
 * How far a thread has got, in steps: how often it waited for something, plus its CPU time in steps of 10 ms, for a thread that
 * computes hardly waits. Being preempted is no progress: a thread that competes with a leaker is switched more often and
 * does less.
 */
export function steps_of(waits: number, cpu_ns: number): number {
  return waits + cpu_ns / STEP_NS;
}
