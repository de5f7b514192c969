/* The kernel without libc, for the program of `hosa demo`: x86-64 only, as the runtime of HOSA is. */

#ifndef HOSA_DEMO_SYSTEM_H
#define HOSA_DEMO_SYSTEM_H

#include <asm/errno.h>
#include <asm/fcntl.h>
#include <asm/signal.h>
#include <asm/unistd.h>
#include <linux/mman.h>

#include "../../entry/kernel.h"

enum { PAGE_BYTES = 4096, MIB = 1 << 20 };
enum { NS_PER_S = 1000000000, NS_PER_US = 1000 };

__attribute__((noreturn)) void end(int status);
/* Ends with status 1 and one line on standard error. */
__attribute__((noreturn)) void fail(const char *what, const char *subject, long negative_errno);

word length_of(const char *text);
int is_same(const char *one, const char *other);
/* A decimal number; 0 where the text is none. */
long number_of(const char *text);
/* Joins two texts; 0 where there is no room. */
int join(char *into, word room, const char *one, const char *other);
/* One line of words and numbers, written at once: a number where the word is 0. */
void say(const char *word_0, long number_0, const char *word_1, long number_1, const char *word_2, long number_2,
         const char *word_3, long number_3);

/* CLOCK_MONOTONIC. */
long now_ns(void);
void sleep_until_ns(long t_ns);
/* Memory that costs nothing before it is touched; ends the program where there is none. */
char *reserve(word bytes);
void touch(char *memory, word bytes);
/* Starts a thread of this process; ends the program where it cannot. */
void start_thread(const char *name, void (*body)(void *), void *argument);

/* Moves this process into a cgroup, away from its terminal, and lets it die with its parent. */
void enter(const char *cgroup);
int write_text(const char *path, const char *text);

/* Connects to, or listens at, a Unix socket; a negative errno where it cannot. */
long unix_socket(const char *path, int listening, long timeout_ns);

void serve(const char *socket, long resident_mib, long leak_mib_per_s);
void ask(const char *socket, long per_s);
/* Ends everything in a cgroup, removes it and a directory. 0 when nothing of them is left. */
int clean(const char *cgroup, const char *directory);
/* Cleans when the other end of standard input is gone, whatever happens until then. */
int watch(const char *cgroup, const char *directory);

#endif
