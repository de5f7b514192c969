/** Steps in which the agent writes traces above level 0: dense for some seconds after something happened, sparse while nothing does. */
export const TRACE_DENSE_S = 0.2;
export const TRACE_DENSE_FOR_S = 10;
export const TRACE_SPARSE_S = 5;

/** A step longer than so many of the steps in force is a gap: nothing is known of it, and no line is drawn over it. */
export const GAP_STEPS = 2.5;
