/* The answers that need no runtime. */

#ifndef HOSA_ENTRY_ANSWER_H
#define HOSA_ENTRY_ANSWER_H

/*
 * Where the runtime cannot start here: answers `status`, `explain` and `release` without it, or says for any other command why it cannot start.
 * Returns the exit code of the process, or -1 where the runtime can start.
 */
int answer_without_runtime(char **arguments, char **environment);

#endif
