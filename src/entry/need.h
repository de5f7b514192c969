/* Whether the runtime can start here. It aborts where it cannot, so what it needs is asked of the kernel before. */

#ifndef HOSA_ENTRY_NEED_H
#define HOSA_ENTRY_NEED_H

#include "text.h"

/*
 * What is missing: "no new thread can be started (…)"; NONE where nothing is.
 * `ample`: also with what a command needs in the middle of its work, for a command that has another way to answer.
 */
struct text what_is_missing(int ample);

#endif
