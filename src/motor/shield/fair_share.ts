/** How many new flows each source may begin, and which part of the sources is heard at all, in one window. */
export interface FairShare {
  /** New flows of one source per window. */
  readonly quota: number;
  /** Part of the sources heard, 0..1; below 1 only where one flow each is already too much. */
  readonly source_share: number;
  /** New flows asked for in a window, at their recent height. */
  readonly peak: number;
}

/** New flows of one window. */
export interface Window {
  readonly asked: number;
  readonly admitted: number;
}

export const WINDOW_NS = 500e6;

export const FIRST_SHARE: FairShare = { quota: 32, source_share: 1, peak: 0 };
const QUOTA_MAX = 1_000_000;
const SOURCE_SHARE_MIN = 1 / 4096;
/** A flood that pauses is remembered: its height halves in about three seconds. */
const PEAK_KEPT = 0.9;
/** Nearer than this to what is wanted, nothing is changed. */
const NEAR = 0.1;
/** The largest step down and up: a window says little about the next. */
const STEP_DOWN = 0.25;
const STEP_UP = 2;

/**
 * The share of the next window, so that `admit_share` of what was asked at the height of the flood is admitted. Max-min
 * fair: the quota falls first, which costs only those who ask for more; sources take turns only when one flow each is too much.
 */
export function next_share(share: FairShare, { asked, admitted }: Window, admit_share: number): FairShare {
  const peak = Math.max(asked, share.peak * PEAK_KEPT);
  const wanted = admit_share * peak;
  const ratio = admitted > 0 ? wanted / admitted : STEP_UP;
  const factor = Math.min(STEP_UP, Math.max(STEP_DOWN, ratio));
  if (Math.abs(factor - 1) < NEAR) return { ...share, peak };
  if (factor < 1) {
    const quota = Math.max(1, Math.floor(share.quota * factor));
    const rest = share.quota > 1 ? 1 : factor;
    return { quota, source_share: Math.max(SOURCE_SHARE_MIN, share.source_share * rest), peak };
  }
  if (share.source_share < 1) return { ...share, source_share: Math.min(1, share.source_share * factor), peak };
  return { quota: Math.min(QUOTA_MAX, Math.ceil(share.quota * factor)), source_share: 1, peak };
}
