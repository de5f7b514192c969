/* The kernel without libc, for code that runs ahead of the runtime: x86-64 only, as the runtime's own entry is. */

#ifndef HOSA_ENTRY_SYSTEM_H
#define HOSA_ENTRY_SYSTEM_H

#include <asm/errno.h>
#include <asm/fcntl.h>
#include <asm/stat.h>
#include <asm/unistd.h>
#include <linux/types.h>

#include "kernel.h"

/* Memory that costs nothing before it is touched; 0 where there is none. */
void *reserve(word bytes);

/* Waits; a signal may end it early. */
void pause_ms(long ms);

/* Reads a whole small file, ends it with a zero. Returns its length, or a negative errno; -EFBIG where it does not fit. */
long read_file(const char *path, char *into, word room);

/* Writes all of it to a file that exists. Returns 0 or a negative errno. */
long write_file(const char *path, const char *bytes, word length);

#endif
