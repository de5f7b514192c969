/* Whether the runtime can start here. It aborts where it cannot, so what it needs is asked of the kernel before. */

#ifndef HOSA_ENTRY_NEED_H
#define HOSA_ENTRY_NEED_H

#include "text.h"

/*
 * What is missing: "no new thread can be started (…)"; NONE where nothing is. A command that has another way to answer asks for all that it
 * needs in the middle of its work as well; `reads_files`: some of that for each processor.
 */
enum need { TO_START, TO_ANSWER, TO_READ_FILES };
struct text what_is_missing(enum need need);

#endif
