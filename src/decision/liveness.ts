import type { Maybe } from "../model/sample.ts";
import type { Progress } from "../model/search.ts";

/** A count this many standard deviations below the expected one is no chance. */
export const CHANCE_SIGMA = 3.5;
/** Progress is taken over a second at most: a standstill of slower peers would not show. */
export const LEAST_PER_S = CHANCE_SIGMA * CHANCE_SIGMA;
/** CPU time in steps of 10 ms, as counts that scatter. */
const STEPS_PER_CORE = 100;
/** Peers burn CPU time when it rises by this factor and by so many cores. */
const BURNS_FACTOR = 1.5;
const BURNS_CORES = 0.2;
/** Where they burn so much more, it needs less to believe that they wait for nothing any more. */
const BURNS_MUCH_FACTOR = 3;
const BURNS_MUCH_CORES = 0.5;
const CHANCE_SIGMA_BURNING = 2;
/** So long a window tells which threads still work. */
const THREADS_WINDOW_S = 0.5;
/** Fewer threads at work than this say nothing of the service, and of more this part must be left. */
const FEWEST_THREADS = 4;
const THREADS_LEFT = 0.25;
/** Waiting so much more often, and so often, is looking again and again at what does not come. */
const POLLS_FACTOR = 5;
const POLLS_PER_S = 100;

/** What showed that peers stand still: a figure now, and what was expected of it. */
export interface Witness {
  readonly unit: string;
  readonly now: number;
  readonly before: number;
}

/** One comparison of peers: what they did before the hold, what they do now, over how long, and the part of it that must be left. */
interface Compared {
  readonly before: Progress;
  readonly now: Progress;
  readonly window_s: number;
  readonly rest_min: number;
}

/** The witness that would show a standstill first, as counts per second: of peers for which it is below `LEAST_PER_S` nothing could be told. */
export function most_of({ waits_per_s, computing_share, answers_per_s }: Progress): number {
  return Math.max(waits_per_s, computing_share * STEPS_PER_CORE, answers_per_s ?? 0);
}

/** The window is long enough that peers which stood still would have been noticed: by their answers, where these count. */
export function would_be_missed(before: Progress, now: Progress, window_s: number): boolean {
  const per_s = has_answers(before, now) ? (before.answers_per_s ?? 0) : most_of(before);
  return per_s * window_s > LEAST_PER_S;
}

/** Peers do again what is expected of them, in each witness that says something of them. */
export function are_back(before: Progress, now: Progress, rest_min: number): boolean {
  if (has_answers(before, now)) return (now.answers_per_s ?? 0) >= rest_min * (before.answers_per_s ?? 0);
  const back = (expected: number, present: number) => expected <= LEAST_PER_S || present >= rest_min * expected;
  const computing = back(before.computing_share * STEPS_PER_CORE, now.computing_share * STEPS_PER_CORE);
  return computing && back(before.waits_per_s, now.waits_per_s);
}

/**
 * Whether peers stand still that moved before; null while they do not. Waits, answers and CPU time are judged apart, for a stuck
 * program may have more of one than a working one:
 * - answers, where there are enough of them, are what a service is for: when they fall it stands, whatever else rises;
 * - waits that fall show it where nothing is written or sent, and CPU time does not make up for them: a thread that spins has more of it;
 * - CPU time speaks for threads that compute and hardly wait, and only for these;
 * - waits that become many times as many are those of threads that sleep and look again.
 */
export function stands_still(before: Progress, now: Progress, window_s: number, rest_min: number): Maybe<Witness> {
  const compared = { before, now, window_s, rest_min };
  const counts = has_answers(before, now);
  if (counts && fell(before.answers_per_s ?? 0, now.answers_per_s ?? 0, compared))
    return { unit: "answers/s", now: now.answers_per_s ?? 0, before: before.answers_per_s ?? 0 };
  const spun = spins(compared, counts);
  if (spun !== null) return spun;
  if (counts) return would_be_missed(before, now, window_s) ? answered_by_few(compared) : null;
  return waits_fell(compared) ?? computing_fell(compared) ?? polls(compared) ?? threads_stand(compared);
}

function has_answers(before: Progress, now: Progress): boolean {
  return now.answers_per_s !== null && (before.answers_per_s ?? 0) > LEAST_PER_S;
}

/** A count is both below the part that must be left and beyond chance. */
function fell(
  before_per_s: number,
  now_per_s: number,
  { window_s, rest_min }: Compared,
  sigma: number = CHANCE_SIGMA,
): boolean {
  const expected = before_per_s * window_s;
  const made = now_per_s * window_s;
  return made < rest_min * expected && expected - made > sigma * Math.sqrt(expected);
}

function waits_fell(compared: Compared, sigma: number = CHANCE_SIGMA): Maybe<Witness> {
  const { before, now } = compared;
  if (!fell(before.waits_per_s, now.waits_per_s, compared, sigma)) return null;
  return { unit: "waits/s", now: now.waits_per_s, before: before.waits_per_s };
}

function computing_fell(compared: Compared): Maybe<Witness> {
  const [before, now] = [compared.before, compared.now].map((one) => one.computing_share * STEPS_PER_CORE);
  if (!fell(before!, now!, compared)) return null;
  return { unit: "10 ms of CPU time/s", now: now!, before: before! };
}

/** Threads that worked no longer wait or answer, and CPU time rises by more than what is answered: they burn it at a lock. */
function spins(compared: Compared, counts: boolean): Maybe<Witness> {
  const { before, now } = compared;
  const much = now.cpu_share > BURNS_MUCH_FACTOR * before.cpu_share + BURNS_MUCH_CORES;
  const sigma = much ? CHANCE_SIGMA_BURNING : CHANCE_SIGMA;
  if (!burns(before, now) || (waits_fell(compared, sigma) === null && !fewer_work(compared))) return null;
  const answered = counts ? (now.answers_per_s ?? 0) / Math.max(1, before.answers_per_s ?? 0) : 1;
  if (now.cpu_share <= BURNS_FACTOR * Math.max(1, answered) * (before.cpu_share + BURNS_CORES)) return null;
  return { unit: "cores, with less done", now: now.cpu_share, before: before.cpu_share };
}

function burns(before: Progress, now: Progress): boolean {
  return now.cpu_share > BURNS_FACTOR * before.cpu_share + BURNS_CORES;
}

/** They do more of what a service with less to do does less of: it is no want of load that keeps them from working. */
export function are_stuck(before: Progress, now: Progress, window_s: number): boolean {
  return burns(before, now) || polls({ before, now, window_s, rest_min: 0 }) !== null;
}

function fewer_work({ before, now, window_s, rest_min }: Compared): boolean {
  return window_s >= THREADS_WINDOW_S && before.moving >= 2 && now.moving < rest_min * before.moving;
}

/** Answers go on and waits do not: the waits may have been for the held thread, unless the answers are those of few. */
function answered_by_few(compared: Compared): Maybe<Witness> {
  if (waits_fell(compared) === null || !fewer_work(compared)) return null;
  return { unit: "threads at work", now: compared.now.moving, before: compared.before.moving };
}

function polls({ before, now, window_s }: Compared): Maybe<Witness> {
  const more = now.waits_per_s - before.waits_per_s;
  const many = now.waits_per_s > POLLS_FACTOR * before.waits_per_s && more > POLLS_PER_S;
  const beyond_chance = more * window_s > CHANCE_SIGMA * Math.sqrt(Math.max(1, before.waits_per_s * window_s));
  return many && beyond_chance && window_s >= 0.1
    ? { unit: "waits/s, none of them for work", now: now.waits_per_s, before: before.waits_per_s }
    : null;
}

/** One thread that only looks at a clock may wait more often than all that work: then it is the others that are missed. */
function threads_stand({ before, now, window_s }: Compared): Maybe<Witness> {
  const few = before.moving >= FEWEST_THREADS && now.moving <= THREADS_LEFT * before.moving;
  if (!few || window_s < THREADS_WINDOW_S) return null;
  return { unit: "threads at work", now: now.moving, before: before.moving };
}
