/* The question of src/files/trust.ts, for what root obeys here. */

#include <linux/stat.h>

#include "call.h"

enum { BY_GROUP = 020, BY_ALL = 02, STICKY = 01000, FORMAT = 0170000, FOLDER = 0040000 };

static int is_own(struct stat *found, long own) {
  return found->st_uid == 0 || (long)found->st_uid == own;
}

/* The link itself and what it leads to must belong to root or to this user; others may at most add names beside it. */
static int is_trusted_part(const char *path, long own) {
  struct stat found;
  if (call2(__NR_lstat, path, &found) < 0 || !is_own(&found, own)) return 0;
  if (call2(__NR_stat, path, &found) < 0 || !is_own(&found, own)) return 0;
  int by_others = (found.st_mode & BY_ALL) != 0 || ((found.st_mode & BY_GROUP) != 0 && found.st_gid != 0);
  return !by_others || ((found.st_mode & STICKY) != 0 && (found.st_mode & FORMAT) == FOLDER);
}

int is_trusted(const char *path) {
  char part[PATH_BYTES];
  long own = call1(__NR_geteuid, 0);
  struct text whole = text_of(path);
  if (whole.length == 0 || whole.at[0] != '/' || !is_trusted_part("/", own)) return 0;
  for (word i = 1; i <= whole.length; i++) {
    if (i < whole.length && whole.at[i] != '/') continue;
    if (join(part, sizeof part, (struct text){path, i}, NONE) < 0 || !is_trusted_part(part, own)) return 0;
  }
  return 1;
}
