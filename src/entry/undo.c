/* Undoing what has to be possible without the runtime: values of control files, held threads, niceness, stopped processes. */

#include <linux/resource.h>
#include <linux/signal.h>

#include "json.h"
#include "ledger.h"

enum { BUSY_TRIES = 20, BUSY_MS = 10, CPU_BYTES = 128, LIST_BYTES = 65536, SIGNAL_CONT = 18, NO_NICE = 127 };

struct place {
  char directory[PATH_BYTES];
  char file[PATH_BYTES];
};

static void end(struct undone *undone, enum status status, struct text detail) {
  undone->status = status;
  undone->detail = detail;
}

static void end_kernel(struct undone *undone, struct text what, long refused) {
  // ENOENT, ENODEV and ESRCH: what was touched is no longer there.
  int gone = refused == -ENOENT || refused == -ENODEV || refused == -ESRCH;
  end(undone, gone ? GONE : FAILED, gone ? TEXT("it no longer exists; nothing is left to undo") : what);
}

/* A part of the values of an outcome, filled with what a string means. */
static struct text value(struct undone *undone, word part, struct text in_json) {
  enum { PART = VALUE_BYTES / 4 };
  long length = plain(in_json, undone->values + part * PART, PART);
  if (length < 0) return NONE;
  return trimmed((struct text){undone->values + part * PART, (word)length});
}

static struct text read_value(struct undone *undone, word part, const char *file, long *refused) {
  enum { PART = VALUE_BYTES / 4 };
  *refused = read_file(file, undone->values + part * PART, PART);
  if (*refused < 0) return NONE;
  return trimmed((struct text){undone->values + part * PART, (word)*refused});
}

static int same(struct text one, struct text other) {
  if (one.length != other.length) return 0;
  for (word i = 0; i < one.length; i++)
    if (one.at[i] != other.at[i]) return 0;
  return 1;
}

static long inode_of(const char *path) {
  struct stat found;
  long refused = call2(__NR_stat, path, &found);
  return refused < 0 ? refused : (long)found.st_ino;
}

/* The cgroup of the entry, by its inode: another one of the same name is not ours. 0: it was said what is wrong. */
static int locate(struct entry *entry, struct place *place, struct undone *undone) {
  char mount[PATH_BYTES], path[PATH_BYTES], name[PATH_BYTES];
  struct text below = string_at(entry->json, "path");
  if (is(below, "/")) below.length = 0;
  if (plain(string_at(entry->json, "mount"), mount, sizeof mount) < 0 || plain(below, path, sizeof path) < 0 ||
      plain(string_at(entry->json, "file"), name, sizeof name) < 0 ||
      join(place->directory, sizeof place->directory, text_of(mount), text_of(path)) < 0 ||
      join(path, sizeof path, text_of(place->directory), TEXT("/")) < 0 ||
      join(place->file, sizeof place->file, text_of(path), text_of(name)) < 0) {
    end(undone, FAILED, TEXT("its path is too long to be undone without the runtime"));
    return 0;
  }
  if (inode_of(place->directory) == number_at(entry->json, "cgroup_id")) return 1;
  struct text root = value_at(entry->json, "root_id");
  if (root.at != 0 && inode_of(mount) != number_in(root))
    end(undone, FAILED, TEXT("its cgroup is not to be seen from here; release it where the agent ran"));
  else end(undone, GONE, TEXT("its cgroup no longer exists; nothing is left to undo"));
  return 0;
}

static void undo_file(struct entry *entry, const char *file, struct undone *undone) {
  long refused;
  struct text found = read_value(undone, 0, file, &refused);
  if (refused < 0) {
    end_kernel(undone, TEXT("its file cannot be read"), refused);
    return;
  }
  struct text prior = value(undone, 1, string_at(entry->json, "prior"));
  undone->found = found;
  if (same(found, prior)) {
    end(undone, DONE, TEXT("it is as before already"));
    return;
  }
  if (!same(found, value(undone, 2, entry->intended)) && !same(found, value(undone, 2, entry->superseded))) {
    end(undone, DRIFTED, TEXT("another writer set another value; left as it is"));
    return;
  }
  refused = write_file(file, prior.at, prior.length);
  if (refused < 0) {
    end_kernel(undone, TEXT("its file cannot be written"), refused);
    return;
  }
  undone->written = prior;
  struct text now = read_value(undone, 2, file, &refused);
  if (same(now, prior)) end(undone, DONE, TEXT("restored"));
  else end(undone, FAILED, TEXT("written, but the kernel shows another value"));
}

/* rbps, wbps, riops and wiops of one device; "max" where nothing is said. */
struct limits {
  struct text of[4];
};

static struct limits limits_of(struct text lines, struct text device) {
  struct limits limits;
  for (int i = 0; i < 4; i++) limits.of[i] = TEXT("max");
  for (struct text line; next_line(&lines, &line);) {
    if (line.length <= device.length || line.at[device.length] != ' ' ||
        !same((struct text){line.at, device.length}, device))
      continue;
    for (struct text rest = behind(line, device.length + 1); rest.length > 0;) {
      word length = 0;
      while (length < rest.length && rest.at[length] != ' ') length++;
      struct text pair = {rest.at, length};
      rest = behind(rest, length + 1);
      if (begins(pair, "rbps=")) limits.of[0] = behind(pair, 5);
      if (begins(pair, "wbps=")) limits.of[1] = behind(pair, 5);
      if (begins(pair, "riops=")) limits.of[2] = behind(pair, 6);
      if (begins(pair, "wiops=")) limits.of[3] = behind(pair, 6);
    }
  }
  return limits;
}

static int same_limits(struct limits one, struct limits other) {
  for (int i = 0; i < 4; i++)
    if (!same(one.of[i], other.of[i])) return 0;
  return 1;
}

static long write_limits(const char *file, struct text device, struct limits limits) {
  struct out line = {.descriptor = -1};
  put(&line, device);
  say(&line, " rbps=");
  put(&line, limits.of[0]);
  say(&line, " wbps=");
  put(&line, limits.of[1]);
  say(&line, " riops=");
  put(&line, limits.of[2]);
  say(&line, " wiops=");
  put(&line, limits.of[3]);
  return write_file(file, line.bytes, line.used);
}

/* Puts back each device of `named` that still has a limit of ours. 1: another writer changed one. */
static int undo_named(struct text named, const char *file, struct text found, struct entry *entry, struct undone *undone) {
  int drifted = 0;
  struct text prior = value(undone, 1, string_at(entry->json, "prior"));
  for (struct text line; next_line(&named, &line);) {
    word length = 0;
    while (length < line.length && line.at[length] != ' ') length++;
    struct text device = {line.at, length};
    struct limits now = limits_of(found, device), wanted = limits_of(prior, device);
    if (device.length == 0 || same_limits(now, wanted)) continue;
    struct limits ours = limits_of(value(undone, 3, entry->intended), device);
    int is_ours = same_limits(now, ours);
    if (!is_ours) is_ours = same_limits(now, limits_of(value(undone, 3, entry->superseded), device));
    // A device that was unplugged has no limit any more.
    long refused = is_ours ? write_limits(file, device, wanted) : 0;
    if (!is_ours) drifted = 1;
    else if (refused < 0 && refused != -ENODEV) end_kernel(undone, TEXT("the limit of a device cannot be written"), refused);
  }
  return drifted;
}

static void undo_devices(struct entry *entry, const char *file, struct undone *undone) {
  long refused;
  struct text found = read_value(undone, 0, file, &refused);
  undone->found = found;
  if (refused < 0) {
    end_kernel(undone, TEXT("its file cannot be read"), refused);
    return;
  }
  end(undone, DONE, TEXT("restored"));
  int drifted = undo_named(value(undone, 2, entry->intended), file, found, entry, undone);
  drifted |= undo_named(value(undone, 2, entry->superseded), file, found, entry, undone);
  if (drifted && undone->status == DONE) end(undone, DRIFTED, TEXT("another writer set a limit; left as it is"));
}

/* "/proc/PID/task/TID/FILE" */
static void task_path(struct text pid, struct text tid, struct text file, char *path) {
  struct out line = {.descriptor = -1};
  say(&line, "/proc/");
  put(&line, pid);
  say(&line, "/task/");
  put(&line, tid);
  put(&line, file);
  join(path, PATH_BYTES, (struct text){line.bytes, line.used}, NONE);
}

/* The thread of the ledger still is the one with this number. */
static int is_alive(struct text thread) {
  char path[PATH_BYTES], stat[1024];
  task_path(value_at(thread, "pid"), value_at(thread, "tid"), TEXT("/stat"), path);
  long length = read_file(path, stat, sizeof stat);
  if (length <= 0) return 0;
  word at = (word)length;
  while (at > 0 && stat[at - 1] != ')') at--;
  struct text rest = {stat + at, (word)length - at};
  for (int field = 2; field < 21; field++) {
    rest = trimmed(rest);
    while (rest.length > 0 && rest.at[0] != ' ') rest = behind(rest, 1);
  }
  return number_in(trimmed(rest)) == number_at(thread, "start_ticks");
}

/* Hexadecimal bytes, the lowest CPUs first. Returns their number. */
static word mask_of(struct text hex, unsigned char *mask) {
  word bytes = 0;
  for (word i = 0; i + 1 < hex.length && bytes < CPU_BYTES; i += 2) {
    char high = hex.at[i], low = hex.at[i + 1];
    mask[bytes++] = (unsigned char)((high <= '9' ? high - '0' : (high | 32) - 'a' + 10) << 4 |
                                    (low <= '9' ? low - '0' : (low | 32) - 'a' + 10));
  }
  return bytes;
}

static word count_bits(const unsigned char *mask, word bytes) {
  word bits = 0;
  for (word i = 0; i < bytes; i++)
    for (unsigned char left = mask[i]; left != 0; left &= (unsigned char)(left - 1)) bits++;
  return bits;
}

/* A look at the held thread that was cut off by the agent's end left it on one CPU. */
static void give_cpus_back(struct text thread) {
  unsigned char prior[CPU_BYTES], now[CPU_BYTES];
  word bytes = mask_of(string_at(thread, "affinity"), prior);
  if (count_bits(prior, bytes) < 2 || !is_alive(thread)) return;
  long tid = number_at(thread, "tid");
  long got = call3(__NR_sched_getaffinity, tid, CPU_BYTES, now);
  if (got > 0 && count_bits(now, (word)got) == 1) call3(__NR_sched_setaffinity, tid, bytes, prior);
}

static void return_threads(const char *child, const char *home, char *list) {
  char from[PATH_BYTES], to[PATH_BYTES];
  join(from, sizeof from, text_of(child), TEXT("/cgroup.threads"));
  join(to, sizeof to, text_of(home), TEXT("/cgroup.threads"));
  long length = read_file(from, list, LIST_BYTES);
  struct text threads = {list, length < 0 ? 0 : (word)length};
  for (struct text tid; next_line(&threads, &tid);) write_file(to, tid.at, tid.length);
}

/* Thawed first: a frozen thread holds whatever locks it held. */
static void undo_hold(struct entry *entry, struct place *place, struct undone *undone) {
  char freeze[PATH_BYTES], list[LIST_BYTES];
  struct text threads = value_at(entry->json, "threads"), thread;
  if (inode_of(place->file) < 0) {
    while (next_element(&threads, &thread)) give_cpus_back(thread);
    end(undone, DONE, TEXT("the cgroup of the held thread is already removed"));
    return;
  }
  join(freeze, sizeof freeze, text_of(place->file), TEXT("/cgroup.freeze"));
  long refused = write_file(freeze, "0", 1);
  if (refused < 0 && refused != -ENOENT && refused != -ENODEV) {
    end_kernel(undone, TEXT("the held thread cannot be thawed"), refused);
    return;
  }
  while (next_element(&threads, &thread)) give_cpus_back(thread);
  for (int i = 0; i < BUSY_TRIES; i++) {
    return_threads(place->file, place->directory, list);
    refused = call1(__NR_rmdir, place->file);
    if (refused != -EBUSY) break;
    pause_ms(BUSY_MS);
  }
  if (refused == 0 || refused == -ENOENT) end(undone, DONE, TEXT("thawed, given back, its cgroup removed"));
  else if (refused == -EBUSY) end(undone, PENDING, TEXT("thawed; its cgroup is still busy, release again"));
  else end_kernel(undone, TEXT("thawed; its cgroup cannot be removed"), refused);
}

/* NO_NICE where the thread is gone. The kernel answers 20 - niceness. */
static long nice_of(long tid) {
  long answer = call2(__NR_getpriority, PRIO_PROCESS, tid);
  return answer <= 0 ? NO_NICE : 20 - answer;
}

static long larger(long one, long other) {
  return one > other ? one : other;
}

/* A thread that was born while the entry stood inherited its niceness, and gets that of most others back. */
static void undo_newborn(struct entry *entry, struct place *place, long intended, long usual) {
  char list[LIST_BYTES], from[PATH_BYTES];
  join(from, sizeof from, text_of(place->directory), TEXT("/cgroup.threads"));
  long length = read_file(from, list, LIST_BYTES);
  struct text lines = {list, length < 0 ? 0 : (word)length};
  for (struct text tid; next_line(&lines, &tid);) {
    struct text threads = value_at(entry->json, "threads"), thread;
    int known = 0;
    while (!known && next_element(&threads, &thread)) known = number_at(thread, "tid") == number_in(tid);
    if (!known && nice_of(number_in(tid)) == intended) call3(__NR_setpriority, PRIO_PROCESS, number_in(tid), usual);
  }
}

static void undo_nice(struct entry *entry, struct place *place, struct undone *undone) {
  long intended = number_in(entry->intended), superseded = number_in(entry->superseded), usual = 0;
  word foreign = 0;
  struct text threads = value_at(entry->json, "threads"), thread;
  while (next_element(&threads, &thread)) {
    struct text prior = value_at(thread, "nice");
    long tid = number_at(thread, "tid"), before = number_in(prior), now = nice_of(tid);
    // The others of the entry were nicer by themselves, and are only known.
    if (is_null(prior) || before >= larger(intended, superseded) || !is_alive(thread)) continue;
    usual = before;
    if (now == NO_NICE || now == before) continue;
    if (now != larger(intended, before) && now != larger(superseded, before)) foreign++;
    else call3(__NR_setpriority, PRIO_PROCESS, tid, before);
  }
  int whole = is(string_at(entry->json, "file"), "nice of threads") && is_null(value_at(entry->json, "target.pid"));
  if (whole && place->directory[0] != 0) undo_newborn(entry, place, intended, usual);
  if (foreign > 0) end(undone, DRIFTED, TEXT("another writer changed some of its threads; left as they are"));
  else end(undone, DONE, TEXT("the niceness of its threads is restored"));
}

static void undo_stop(struct entry *entry, struct undone *undone) {
  struct text threads = value_at(entry->json, "threads"), thread;
  word continued = 0;
  while (next_element(&threads, &thread))
    if (is_alive(thread) && call2(__NR_kill, number_at(thread, "pid"), SIGNAL_CONT) == 0) continued++;
  if (continued == 0) end(undone, GONE, TEXT("its processes have ended"));
  else end(undone, DONE, TEXT("its processes run again"));
}

void undo(struct entry *entry, word standing, struct undone *undone) {
  struct place place;
  struct text kind = string_at(entry->json, "kind");
  undone->found = undone->written = undone->subject = NONE;
  if (is(kind, "stop")) undo_stop(entry, undone);
  else if (is(kind, "nice")) {
    if (!locate(entry, &place, undone)) place.directory[0] = 0;
    undo_nice(entry, &place, undone);
  } else if (is(kind, "quarantine")) {
    if (standing > 0) end(undone, FAILED, TEXT("steps of the quarantine are not undone yet; it stands until then"));
    else end(undone, DONE, TEXT("the node is no longer in quarantine"));
  } else if (is(kind, "file") || is(kind, "devices") || is(kind, "hold")) {
    if (!locate(entry, &place, undone)) return;
    if (is(kind, "file")) undo_file(entry, place.file, undone);
    else if (is(kind, "devices")) undo_devices(entry, place.file, undone);
    else undo_hold(entry, &place, undone);
  } else end(undone, FAILED, TEXT("this needs the runtime: release again when it can start"));
}
