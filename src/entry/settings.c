/*
 * The four places of hosa.yaml that an answer in need depends on. This is no reader of YAML: it understands sections with indented keys and
 * sections in braces on one line, which is what HOSA writes and its manual shows, and says where it cannot.
 */

#include "call.h"

enum { MAX_DROP_INS = 64, NAME_BYTES = 256 };

static void take(char *into, struct text value) {
  if (value.length >= 2 && (value.at[0] == '"' || value.at[0] == '\'') && value.at[value.length - 1] == value.at[0])
    value = (struct text){value.at + 1, value.length - 2};
  if (value.length > 0 && value.length < PATH_BYTES) join(into, PATH_BYTES, value, NONE);
}

/* A value ends at a comment. */
static struct text value_of(struct text text) {
  for (word i = 0; i < text.length; i++)
    if (text.at[i] == '#' && i > 0 && (text.at[i - 1] == ' ' || text.at[i - 1] == '\t')) text.length = i;
  return trimmed(text);
}

static void set(struct settings *settings, struct text section, struct text key, struct text value) {
  if (is(section, "motor") && is(key, "ledger_dir")) take(settings->ledger_dir, value);
  if (is(section, "audit") && is(key, "path")) take(settings->audit, value);
  if (is(section, "control") && is(key, "socket")) take(settings->socket, value);
  if (is(section, "control") && is(key, "enabled")) settings->control_enabled = !is(value, "false");
}

static int split(struct text line, struct text *key, struct text *value) {
  for (word i = 0; i < line.length; i++) {
    if (line.at[i] != ':' || (i + 1 < line.length && line.at[i + 1] != ' ')) continue;
    *key = trimmed((struct text){line.at, i});
    *value = value_of(behind(line, i + 1));
    return 1;
  }
  return 0;
}

static int is_wanted(struct text section) {
  return is(section, "motor") || is(section, "audit") || is(section, "control");
}

/* `{key: value, key: value}`. 0: it is something else. */
static int take_braces(struct settings *settings, struct text section, struct text braces) {
  if (braces.length < 2 || braces.at[0] != '{' || braces.at[braces.length - 1] != '}') return 0;
  struct text rest = {braces.at + 1, braces.length - 2};
  while (rest.length > 0) {
    word end = 0;
    int depth = 0;
    char quote = 0;
    for (; end < rest.length && (depth > 0 || quote != 0 || rest.at[end] != ','); end++) {
      char letter = rest.at[end];
      if (quote != 0) quote = letter == quote ? 0 : quote;
      else if (letter == '"' || letter == '\'') quote = letter;
      else depth += letter == '[' || letter == '{' ? 1 : letter == ']' || letter == '}' ? -1 : 0;
    }
    struct text key, value;
    if (split((struct text){rest.at, end}, &key, &value)) set(settings, section, key, value);
    rest = behind(rest, end + 1);
  }
  return 1;
}

static void warn_unread(struct call *call, struct text section, struct text file) {
  say(&call->errors, "warn: ");
  put_shown(&call->errors, file);
  say(&call->errors, ": the section ");
  put(&call->errors, section);
  say(&call->errors, " cannot be read without the runtime; its defaults are taken\n");
}

static void read_lines(struct call *call, struct text content, struct text file) {
  struct text section = NONE;
  for (struct text line; next_line(&content, &line);) {
    struct text key, value;
    if (trimmed(line).length == 0 || trimmed(line).at[0] == '#' || !split(line, &key, &value)) continue;
    if (line.at[0] == ' ') {
      if (is_wanted(section)) set(&call->settings, section, key, value);
      continue;
    }
    section = key;
    if (value.length == 0 || !is_wanted(section)) continue;
    if (!take_braces(&call->settings, section, value)) warn_unread(call, section, file);
  }
}

/* 0: read, or an optional file that is not there. */
static int read_one(struct call *call, const char *path, int given) {
  long length = read_file(path, call->room, call->room_bytes);
  struct text file = text_of(path);
  if (length == -ENOENT && !given) return 0;
  if (length < 0) {
    fail_kernel(call, TEXT("configuration cannot be read: "), file, length);
    return EXIT_USAGE;
  }
  if (!given && !is_trusted(path)) {
    return fail(call, EXIT_USAGE, TEXT("configuration is not used, because another user could change it: "), file,
                TEXT("Run `chown root` and `chmod go-w` on it and on every directory above."));
  }
  read_lines(call, (struct text){call->room, (word)length}, file);
  return 0;
}

struct entry64 {
  word inode;
  long offset;
  unsigned short bytes;
  unsigned char type;
  char name[];
};

static int is_drop_in(struct text name) {
  return name.length > 5 && name.length < NAME_BYTES && name.at[0] != '.' && is(behind(name, name.length - 5), ".yaml");
}

static int is_before(const char *one, const char *other) {
  while (*one != 0 && *one == *other) one++, other++;
  return (unsigned char)*one < (unsigned char)*other;
}

/* The next name behind `last` in the order of names; 0: there is none. */
static int next_drop_in(const char *directory, const char *last, char *next) {
  char entries[4096] __attribute__((aligned(8)));
  long folder = call3(__NR_open, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (folder < 0) return 0;
  next[0] = 0;
  for (long got; (got = call3(__NR_getdents64, folder, entries, sizeof entries)) > 0;) {
    for (long at = 0; at < got; at += ((struct entry64 *)(entries + at))->bytes) {
      const char *name = ((struct entry64 *)(entries + at))->name;
      if (!is_drop_in(text_of(name)) || !is_before(last, name)) continue;
      if (next[0] == 0 || is_before(name, next)) join(next, NAME_BYTES, text_of(name), NONE);
    }
  }
  call1(__NR_close, folder);
  return next[0] != 0;
}

int read_settings(struct call *call) {
  struct settings *settings = &call->settings;
  settings->control_enabled = 1;
  settings->socket[0] = 0;
  join(settings->ledger_dir, PATH_BYTES, TEXT("/run/hosa"), NONE);
  join(settings->audit, PATH_BYTES, TEXT("/var/log/hosa/audit.jsonl"), NONE);
  int refused = 0;
  if (call->config_file != 0) refused = read_one(call, call->config_file, 1);
  else {
    refused = read_one(call, "/etc/hosa/hosa.yaml", 0);
    char last[NAME_BYTES] = "", next[NAME_BYTES], path[PATH_BYTES];
    for (int i = 0; refused == 0 && i < MAX_DROP_INS && next_drop_in("/etc/hosa/hosa.d", last, next); i++) {
      join(path, sizeof path, TEXT("/etc/hosa/hosa.d/"), text_of(next));
      refused = read_one(call, path, 0);
      join(last, sizeof last, text_of(next), NONE);
    }
  }
  if (settings->socket[0] == 0)
    join(settings->socket, PATH_BYTES, text_of(settings->ledger_dir), TEXT("/hosa.sock"));
  return refused;
}
