/* `hosa explain` in need: what the audit says of the last episode at its height, or of one record. It is read, not decided again. */

#include <linux/stat.h>

#include "call.h"
#include "json.h"

enum { MOST_PARTS = 99 };

/* A line of a part of the audit. */
struct line {
  long file;
  word at, length;
};

/* What one pass over the audit looks for. */
struct search {
  struct text wanted;
  /* The line found, and where it was found; length 0: none. */
  struct line found;
  int part;
  /* Of the decision read last, and the highest of its episode. */
  long level, highest;
};

static int is_decision(struct text record) {
  struct text kind = string_at(record, "kind");
  return is(kind, "transition") || is(kind, "action");
}

static int is_named(struct text record, struct text id) {
  struct text own = string_at(record, "id");
  if (own.length != id.length) return 0;
  for (word i = 0; i < id.length; i++)
    if (own.at[i] != id.at[i]) return 0;
  return 1;
}

/* The last episode at its height; before any episode the last decision. */
static void take(struct search *search, struct text record, struct line line) {
  if (search->wanted.at != 0) {
    if (search->found.length == 0 && is_named(record, search->wanted)) search->found = line;
    return;
  }
  if (is(string_at(record, "kind"), "start")) search->level = 0;
  if (!is_decision(record)) return;
  long level = number_at(record, "decision.level");
  if (level > 0 && search->level == 0) search->highest = 0;
  if (level > search->highest || search->found.length == 0 || (search->highest == 0 && level == 0)) search->found = line;
  if (level > search->highest) search->highest = level;
  search->level = level;
}

/* Reads a part line by line through `room`; a line that does not fit is passed over. */
static void read_part(struct call *call, long file, struct search *search) {
  word start = 0, used = 0, at = 0;
  int skipping = 0;
  for (long got; (got = call3(__NR_read, file, call->room + used, call->room_bytes - used)) > 0;) {
    word end = used + (word)got;
    for (word i = used; i < end; i++) {
      if (call->room[i] != '\n') continue;
      struct text record = {call->room + start, i - start};
      if (!skipping) take(search, record, (struct line){file, at + start, i - start});
      skipping = 0;
      start = i + 1;
    }
    if (start == 0 && end == call->room_bytes) {
      skipping = 1;
      start = end;
    }
    for (word i = start; i < end; i++) call->room[i - start] = call->room[i];
    at += start;
    used = end - start;
    start = 0;
  }
}

static long open_part(const char *path, int part) {
  char name[PATH_BYTES];
  struct out number = {.descriptor = -1};
  if (part > 0) {
    say(&number, ".");
    put_number(&number, part);
  }
  long refused = join(name, sizeof name, text_of(path), (struct text){number.bytes, number.used});
  return refused < 0 ? refused : call3(__NR_open, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
}

/* From the newest part to the oldest, until what is wanted is found. Returns its file, which stays open, or a negative errno. */
static long find(struct call *call, const char *path, struct search *search) {
  for (int part = 0; part <= MOST_PARTS; part++) {
    long file = open_part(path, part);
    if (file < 0) return part == 0 || file != -ENOENT ? file : -ESRCH;
    search->level = search->highest = 0;
    search->part = part;
    read_part(call, file, search);
    if (search->found.length > 0) return file;
    call1(__NR_close, file);
  }
  return -ESRCH;
}

static void put_level_name(struct out *out, long level) {
  switch (level) {
    case 0: say(out, "0 homeostasis"); break;
    case 1: say(out, "1 vigilance"); break;
    case 2: say(out, "2 soft containment"); break;
    case 3: say(out, "3 active containment"); break;
    case 4: say(out, "4 severe containment"); break;
    default: say(out, "5 quarantine");
  }
}

static void put_row(struct out *out, struct text label, struct text in_json) {
  if (in_json.length == 0) return;
  say(out, "  ");
  put(out, label);
  put_json_text(out, in_json);
  say(out, "\n");
}

static void put_culprit(struct out *out, struct text culprit) {
  struct text tid = value_at(culprit, "tid"), pid = value_at(culprit, "pid"), comm = string_at(culprit, "comm");
  if (is_null(culprit)) return;
  say(out, "  Culprit    ");
  put_json_text(out, string_at(culprit, "path"));
  if (!is_null(tid) || !is_null(pid)) {
    put(out, is_null(tid) ? TEXT(" process ") : TEXT(" thread "));
    put(out, is_null(tid) ? pid : tid);
  }
  if (comm.at != 0) {
    say(out, " \"");
    put_json_text(out, comm);
    say(out, "\"");
  }
  say(out, "\n");
}

static void put_actions(struct out *out, struct text record) {
  struct text actions = value_at(record, "decision.actions"), outcomes = value_at(record, "outcomes"), action, outcome;
  while (next_element(&actions, &action)) {
    say(out, "  Done       ");
    put_json_text(out, string_at(action, "id"));
    say(out, ": ");
    put_json_text(out, string_at(action, "verb"));
    say(out, " ");
    put_json_text(out, string_at(action, "setting.rung"));
    say(out, " on ");
    put_json_text(out, string_at(action, "target.path"));
    if (next_element(&outcomes, &outcome)) {
      say(out, ": ");
      put_json_text(out, string_at(outcome, "status"));
    }
    say(out, "\n");
    put_row(out, TEXT("           "), string_at(action, "reason"));
  }
}

static void put_record(struct out *out, struct text record) {
  put_json_text(out, string_at(record, "id"));
  say(out, "  ");
  put_json_text(out, string_at(record, "wall_time"));
  say(out, "  ");
  put_json_text(out, string_at(record, "kind"));
  if (!is_decision(record)) {
    say(out, "\n  ");
    put_json_text(out, record);
    say(out, "\n");
    return;
  }
  say(out, "  level ");
  put_level_name(out, number_at(record, "decision.previous_level"));
  put(out, out->ascii ? TEXT(" -> ") : TEXT(" \342\206\222 "));
  put_level_name(out, number_at(record, "decision.level"));
  say(out, "\n");
  put_row(out, TEXT("Rule       "), string_at(record, "decision.rule"));
  put_culprit(out, value_at(record, "decision.culprit"));
  put_actions(out, record);
  put_row(out, TEXT("Not done   "), string_at(record, "decision.inaction"));
  say(out, "  Proof      not made: deciding it again needs the runtime\n");
}

/* What a running agent still has to write is written before the audit is read. */
static void flush_agent(struct call *call) {
  struct text answer;
  if (call->audit_file != 0) return;
  // Who may not ask the agent may still read what is written.
  call->quiet = 1;
  ask_agent(call, TEXT("{\"v\":1,\"op\":\"audit\"}\n"), &answer);
  call->quiet = 0;
}

int answer_explain(struct call *call) {
  const char *path = call->audit_file != 0 ? call->audit_file : call->settings.audit;
  struct search search = {.wanted = call->record};
  flush_agent(call);
  long file = find(call, path, &search);
  if (file == -ESRCH && call->record.at == 0)
    return fail(call, EXIT_FAILED, TEXT("there is no decision in "), text_of(path), NONE);
  if (file == -ESRCH) return fail(call, EXIT_FAILED, TEXT("there is no such record: "), call->record, NONE);
  if (file < 0) {
    fail_kernel(call, TEXT("the audit cannot be read: "), text_of(path), file);
    return file == -EACCES || file == -EPERM ? EXIT_REFUSED : EXIT_FAILED;
  }
  long got = call4(__NR_pread64, file, call->room, search.found.length, search.found.at);
  call1(__NR_close, file);
  if (got < 0) return fail_kernel(call, TEXT("the audit cannot be read: "), text_of(path), got);
  struct text record = {call->room, (word)got};
  if (call->json) {
    say(&call->out, "{\"schema_version\":1,\"record\":");
    put(&call->out, record);
    say(&call->out, ",\"audit_problems\":null}\n");
  } else put_record(&call->out, record);
  return EXIT_OK;
}
