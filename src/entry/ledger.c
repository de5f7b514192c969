#include "ledger.h"

#include "json.h"

enum { TICKS_BYTES = 1024, LOCK_TRIES = 8 };

static void path_in(struct call *call, struct text name, char *path) {
  join(path, PATH_BYTES, text_of(call->settings.ledger_dir), name);
}

static long boot_id(char *into) {
  long length = read_file("/proc/sys/kernel/random/boot_id", into, 64);
  return length < 0 ? length : (long)trimmed((struct text){into, (word)length}).length;
}

static int same(struct text one, struct text other) {
  if (one.length != other.length) return 0;
  for (word i = 0; i < one.length; i++)
    if (one.at[i] != other.at[i]) return 0;
  return 1;
}

static void forget(struct ledger *ledger, struct text id) {
  for (word i = 0; i < ledger->count; i++) {
    if (!same(string_at(ledger->entries[i].json, "id"), id)) continue;
    for (word k = i + 1; k < ledger->count; k++) ledger->entries[k - 1] = ledger->entries[k];
    ledger->count--;
    return;
  }
}

static void adjust(struct ledger *ledger, struct text id, struct text intended) {
  for (word i = 0; i < ledger->count; i++) {
    struct entry *entry = &ledger->entries[i];
    if (!same(string_at(entry->json, "id"), id)) continue;
    entry->superseded = entry->intended;
    entry->intended = intended;
  }
}

long read_ledger(struct call *call, struct ledger *ledger) {
  char path[PATH_BYTES], boot[64];
  ledger->count = 0;
  long boot_length = boot_id(boot);
  if (boot_length < 0) return boot_length;
  path_in(call, TEXT("/ledger.jsonl"), path);
  long length = read_file(path, call->room, call->room_bytes);
  if (length < 0) return length == -ENOENT || length == -ENOTDIR ? 0 : length;
  struct text content = {call->room, (word)length};
  for (struct text line; next_line(&content, &line);) {
    // A torn line was never synced, so nothing it announced was done.
    if (!is_whole(line)) continue;
    struct text what = string_at(line, "op"), id = string_at(line, "id"), json = value_at(line, "entry");
    if (is(what, "close")) forget(ledger, id);
    else if (is(what, "adjust")) adjust(ledger, id, string_at(line, "intended"));
    else if (is(what, "open") && json.at != 0 && ledger->count < MOST_ENTRIES &&
             same(string_at(json, "boot_id"), (struct text){boot, (word)boot_length}))
      ledger->entries[ledger->count++] =
          (struct entry){json, string_at(json, "intended"), string_at(json, "superseded")};
  }
  return 0;
}

static int is_path(struct entry *entry) {
  struct text kind = string_at(entry->json, "kind");
  return is(kind, "file") || is(kind, "devices") || is(kind, "hold");
}

void put_place(struct out *out, struct entry *entry) {
  struct text path = string_at(entry->json, "path"), file = string_at(entry->json, "file");
  if (is_path(entry)) {
    put_json_text(out, string_at(entry->json, "mount"));
    if (!is(path, "/")) put_json_text(out, path);
    say(out, "/");
    put_json_text(out, file);
    return;
  }
  put_json_text(out, file);
  say(out, " in ");
  put_json_text(out, path);
}

static int means(struct text in_json, struct text wanted) {
  char buffer[PATH_BYTES];
  long length = plain(in_json, buffer, sizeof buffer);
  return length >= 0 && same((struct text){buffer, (word)length}, wanted);
}

static int is_target(struct entry *entry, struct text wanted) {
  while (wanted.length > 1 && wanted.at[wanted.length - 1] == '/') wanted.length--;
  if (means(string_at(entry->json, "target.path"), wanted)) return 1;
  if (same(value_at(entry->json, "target.cgroup_id"), wanted)) return 1;
  if (!is_path(entry)) return 0;
  char mount[PATH_BYTES];
  long length = plain(string_at(entry->json, "mount"), mount, sizeof mount);
  struct text below = string_at(entry->json, "path");
  if (is(below, "/")) below.length = 0;
  return length >= 0 && wanted.length >= (word)length && same((struct text){wanted.at, (word)length}, text_of(mount)) &&
         means(below, behind(wanted, (word)length));
}

int is_selected(struct call *call, struct entry *entry) {
  switch (call->selector) {
    case ID:
      return same(string_at(entry->json, "id"), call->selected) ||
             same(string_at(entry->json, "containment"), call->selected);
    case TARGET: return is_target(entry, call->selected);
    case QUARANTINE: return is(string_at(entry->json, "until"), "release");
    default: return 1;
  }
}

/* Field 22 of /proc/PID/stat: when the process began. Behind the last ")", for its name may hold anything. */
static struct text start_ticks(struct text pid, char *buffer) {
  char path[64];
  if (join(path, sizeof path, TEXT("/proc/"), pid) < 0) return NONE;
  char whole[96];
  if (join(whole, sizeof whole, text_of(path), TEXT("/stat")) < 0) return NONE;
  long length = read_file(whole, buffer, TICKS_BYTES);
  if (length <= 0) return NONE;
  word at = (word)length;
  while (at > 0 && buffer[at - 1] != ')') at--;
  struct text rest = {buffer + at, (word)length - at};
  for (int field = 2; field < 22; field++) {
    while (rest.length > 0 && rest.at[0] == ' ') rest = behind(rest, 1);
    if (field == 21) break;
    while (rest.length > 0 && rest.at[0] != ' ') rest = behind(rest, 1);
  }
  word end = 0;
  while (end < rest.length && rest.at[end] >= '0' && rest.at[end] <= '9') end++;
  return (struct text){rest.at, end};
}

static struct text word_in(struct text *rest) {
  *rest = trimmed(*rest);
  word length = 0;
  while (length < rest->length && rest->at[length] != ' ') length++;
  struct text found = {rest->at, length};
  *rest = behind(*rest, length);
  return found;
}

/* The process that holds the lock of this content; 0: it is gone. */
static long holder_of(struct text content, struct text boot) {
  char buffer[TICKS_BYTES];
  struct text pid = word_in(&content), ticks = word_in(&content), of_boot = word_in(&content);
  if (!same(of_boot, boot) || pid.length > 20 || ticks.length == 0) return 0;
  return same(start_ticks(pid, buffer), ticks) ? number_in(pid) : 0;
}

/* "pid start-ticks boot-id": a link that leads nowhere, as src/motor/lock.ts makes it. */
static void own_content(struct out *content, struct text boot) {
  char ticks[TICKS_BYTES];
  put_number(content, call1(__NR_getpid, 0));
  struct text pid = {content->bytes, content->used};
  struct text own = start_ticks(pid, ticks);
  say(content, " ");
  put(content, own);
  say(content, " ");
  put(content, boot);
  content->bytes[content->used] = 0;
}

long take_lock(struct call *call) {
  char path[PATH_BYTES], aside[PATH_BYTES], boot[64], held[256];
  long boot_length = boot_id(boot);
  if (boot_length < 0) return boot_length;
  struct text this_boot = {boot, (word)boot_length};
  struct out content = {.descriptor = -1};
  own_content(&content, this_boot);
  path_in(call, TEXT("/ledger.lock"), path);
  path_in(call, TEXT("/ledger.lock.entry.stale"), aside);
  for (int i = 0; i < LOCK_TRIES; i++) {
    long placed = call2(__NR_symlink, content.bytes, path);
    if (placed != -EEXIST) return placed;
    long length = call3(__NR_readlink, path, held, sizeof held);
    if (length < 0) length = read_file(path, held, sizeof held);
    if (length < 0) continue;
    long holder = holder_of((struct text){held, (word)length}, this_boot);
    if (holder != 0) return holder;
    if (call2(__NR_rename, path, aside) == 0) call1(__NR_unlink, aside);
  }
  return -EBUSY;
}

void give_lock_back(struct call *call) {
  char path[PATH_BYTES];
  path_in(call, TEXT("/ledger.lock"), path);
  call1(__NR_unlink, path);
}

long strike_off(struct call *call, struct text id) {
  char path[PATH_BYTES];
  struct out line = {.descriptor = -1};
  // Behind a line that was torn by a crash a new one begins.
  say(&line, "\n{\"op\":\"close\",\"id\":\"");
  put(&line, id);
  say(&line, "\"}\n");
  path_in(call, TEXT("/ledger.jsonl"), path);
  long file = call3(__NR_open, path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0);
  if (file < 0) return file;
  long written = call3(__NR_write, file, line.bytes, line.used);
  if (written >= 0) written = call1(__NR_fsync, file);
  call1(__NR_close, file);
  return written < 0 ? written : 0;
}
