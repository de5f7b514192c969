/* What removes everything again: at the end, after Ctrl-C, and when the demonstration itself was killed. */

#include "system.h"

enum { ENTRIES_BYTES = 4096, DEEPEST = 8, AT_FDCWD_ = -100, AT_REMOVEDIR_ = 0x200, TYPE_DIRECTORY = 4, ATTEMPTS = 200 };
static const long BETWEEN_NS = 25000000;

struct entry {
  unsigned long inode, offset;
  unsigned short length;
  unsigned char type;
  char name[];
};

static int is_dots(const char *name) {
  return is_same(name, ".") || is_same(name, "..");
}

/*
 * Removes what lies in a directory, and no link's target. Files of a cgroup go with their directory.
 * Returns 0 or the last negative errno.
 */
static long empty(long parent, const char *name, int with_files, int depth) {
  long directory = call4(__NR_openat, parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
  if (directory < 0) return directory;
  char entries[ENTRIES_BYTES];
  long error = depth > DEEPEST ? -ELOOP : 0;
  for (long got; depth <= DEEPEST && (got = call3(__NR_getdents64, directory, entries, sizeof entries)) > 0;) {
    for (long at = 0; at < got; at += ((struct entry *)(entries + at))->length) {
      struct entry *entry = (struct entry *)(entries + at);
      if (is_dots(entry->name)) continue;
      long removed = 0;
      if (entry->type == TYPE_DIRECTORY) {
        empty(directory, entry->name, with_files, depth + 1);
        removed = call3(__NR_unlinkat, directory, entry->name, AT_REMOVEDIR_);
      } else if (with_files) {
        removed = call3(__NR_unlinkat, directory, entry->name, 0);
      }
      if (removed < 0) error = removed;
    }
  }
  call1(__NR_close, directory);
  return error;
}

static long remove_tree(const char *path, int with_files) {
  long error = empty(AT_FDCWD_, path, with_files, 0);
  if (error == -ENOENT) return 0;
  long removed = call3(__NR_unlinkat, AT_FDCWD_, path, AT_REMOVEDIR_);
  return removed == 0 || removed == -ENOENT ? 0 : removed;
}

int clean(const char *cgroup, const char *directory) {
  char kill[PAGE_BYTES];
  long left = 0, kept = 0;
  if (!join(kill, sizeof kill, cgroup, "/cgroup.kill")) return 1;
  /* What was killed takes a moment to be gone. */
  for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
    write_text(kill, "1");
    left = remove_tree(cgroup, 0);
    if (left == 0) break;
    sleep_until_ns(now_ns() + BETWEEN_NS);
  }
  kept = remove_tree(directory, 1);
  if (left < 0) say("cgroup", -left, 0, 0, 0, 0, 0, 0);
  if (kept < 0) say("directory", -kept, 0, 0, 0, 0, 0, 0);
  return left < 0 || kept < 0;
}

static void ignore(int signal) {
  struct { word handler, flags, restorer, mask; } action = {1, 0, 0, 0};
  call4(__NR_rt_sigaction, signal, &action, 0, sizeof action.mask);
}

int watch(const char *cgroup, const char *directory) {
  const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU};
  for (word i = 0; i < sizeof signals / sizeof *signals; i++) ignore(signals[i]);
  call0(__NR_setsid);
  say("watching", call0(__NR_getpid), 0, 0, 0, 0, 0, 0);
  char byte;
  long got;
  do got = call3(__NR_read, INPUT, &byte, 1);
  while (got > 0 || got == -EINTR);
  return clean(cgroup, directory);
}
