/* The kernel without libc, for code that runs ahead of the runtime: x86-64 only, as the runtime's own entry is. */

#ifndef HOSA_ENTRY_SYSTEM_H
#define HOSA_ENTRY_SYSTEM_H

#include <asm/errno.h>
#include <asm/fcntl.h>
#include <asm/stat.h>
#include <asm/unistd.h>
#include <linux/types.h>

typedef unsigned long word;

enum { INPUT = 0, OUTPUT = 1, ERRORS = 2 };

static inline long system_call(long number, word a, word b, word c, word d, word e, word f) {
  register word fourth __asm__("r10") = d;
  register word fifth __asm__("r8") = e;
  register word sixth __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
                   : "rcx", "r11", "memory");
  return result;
}

/* Up to four arguments; the result is negative where the kernel refused: -ENOENT. */
#define call1(number, a) system_call(number, (word)(a), 0, 0, 0, 0, 0)
#define call2(number, a, b) system_call(number, (word)(a), (word)(b), 0, 0, 0, 0)
#define call3(number, a, b, c) system_call(number, (word)(a), (word)(b), (word)(c), 0, 0, 0)
#define call4(number, a, b, c, d) system_call(number, (word)(a), (word)(b), (word)(c), (word)(d), 0, 0)

/* Memory that costs nothing before it is touched; 0 where there is none. */
void *reserve(word bytes);

/* Waits; a signal may end it early. */
void pause_ms(long ms);

/* Reads a whole small file, ends it with a zero. Returns its length, or a negative errno; -EFBIG where it does not fit. */
long read_file(const char *path, char *into, word room);

/* Writes all of it to a file that exists. Returns 0 or a negative errno. */
long write_file(const char *path, const char *bytes, word length);

#endif
