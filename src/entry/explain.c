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

static const long NS_PER_S = 1000000000;
enum { REST_S = 10, MOMENT_S = 3, NAMED_MOMENT_S = 2, MOST_OPEN = 64 };

/* The record that tells an episode, as far as it was read (src/report/episode_builder.ts). */
struct key {
  struct line line;
  long level;
  int is_moment, warm, harm, named, own;
};

/* An episode under way (src/report/episode_builder.ts). */
struct episode {
  int is_there, is_stopped, acted, isolated, is_calm_since;
  long level, highest, first_ns, last_ns, calm_ns;
  /* Hashes of the ids of what is in force. */
  word open[MOST_OPEN], open_count;
  struct key key;
};

/* What one pass over the audit looks for. */
struct search {
  struct text wanted;
  struct episode current;
  /* The line found, and one that is by the way; length 0: none. */
  struct line found, aside;
};

static int is_decision(struct text record) {
  struct text kind = string_at(record, "kind");
  if (is(kind, "episode")) return !is_null(value_at(record, "decision"));
  return is(kind, "transition") || is(kind, "action");
}

static int is_named(struct text record, struct text id) {
  struct text own = string_at(record, "id");
  if (own.length != id.length) return 0;
  for (word i = 0; i < id.length; i++)
    if (own.at[i] != id.at[i]) return 0;
  return 1;
}

static word hash_of(struct text id) {
  word hash = 14695981039346656037UL;
  for (word i = 0; i < id.length; i++) hash = (hash ^ (unsigned char)id.at[i]) * 1099511628211UL;
  return hash;
}

static void close_one(struct episode *episode, struct text id) {
  word hash = hash_of(id);
  for (word i = 0; i < episode->open_count; i++)
    if (episode->open[i] == hash) {
      episode->open[i] = episode->open[--episode->open_count];
      return;
    }
}

static void open_one(struct episode *episode, struct text id) {
  close_one(episode, id);
  if (episode->open_count < MOST_OPEN) episode->open[episode->open_count++] = hash_of(id);
}

static int is_calm(const struct episode *episode) {
  return episode->level == 0 && episode->open_count == 0;
}

/* By the way: level 1 for a moment, or about a command of HOSA itself (src/report/aside.ts); or a guess. */
static int is_aside(const struct episode *episode, int is_cut_off) {
  const struct key *key = &episode->key;
  if (!key->warm) return 1;
  if (episode->highest > 1 || episode->acted || key->harm) return 0;
  if (key->own) return 1;
  int lasts = !is_cut_off && !episode->is_stopped && !is_calm(episode);
  long lasted_ns = episode->last_ns - episode->first_ns;
  return key->named ? lasted_ns < NAMED_MOMENT_S * NS_PER_S && !lasts : lasted_ns < MOMENT_S * NS_PER_S;
}

/* An episode that is over takes the place of the one before it. */
static void finish(struct search *search, int is_cut_off) {
  struct episode *episode = &search->current;
  if (!episode->is_there) return;
  if (is_aside(episode, is_cut_off)) search->aside = episode->key.line;
  else search->found = episode->key.line;
  episode->is_there = 0;
}

static int belongs(const struct episode *episode, struct text record, long t_ns) {
  if (episode->is_stopped) return 0;
  if (!is_calm(episode) || t_ns == episode->last_ns) return 1;
  long calm_ns = episode->is_calm_since ? episode->calm_ns : 0;
  if (is(string_at(record, "kind"), "episode")) return number_at(record, "began_ns") <= calm_ns;
  return t_ns == 0 || t_ns - calm_ns < REST_S * NS_PER_S;
}

/* The one that isolated the node; else the first that acted; else the latest peak of the highest level; without one, the first of that level. */
static void choose_key(struct episode *episode, struct text record, struct line line, int applies) {
  long level = number_at(record, "decision.level");
  int is_moment = is(string_at(record, "kind"), "episode");
  int isolates = !is_moment && level == 5 && number_at(record, "decision.previous_level") < 5;
  if (episode->isolated || (episode->acted && !isolates)) return;
  episode->isolated = isolates;
  int is_peak = is_moment && is(string_at(record, "event"), "peak") && level >= episode->highest &&
                (level >= episode->key.level || !episode->key.is_moment);
  int is_first = episode->key.line.length == 0;
  if (!isolates && !is_first && !(applies && !is_moment) && !is_peak && level <= episode->highest) return;
  struct text named = value_at(record, "story.named");
  if (value_at(record, "story").at == 0) named = value_at(record, "decision.culprit");
  episode->key = (struct key){
      .line = line,
      .level = level,
      .is_moment = is_moment,
      .warm = is(value_at(record, "input.assessment.warm"), "true"),
      .harm = is(value_at(record, "decision.harm.present"), "true"),
      .named = !is_null(named),
      .own = is(value_at(named, "own"), "true"),
  };
}

static void decided(struct episode *episode, struct text record, struct line line) {
  struct text actions = value_at(record, "decision.actions"), outcomes = value_at(record, "outcomes"), action, outcome;
  int applies = 0;
  for (struct text rest = actions, done = outcomes; next_element(&rest, &action);) {
    int refused = next_element(&done, &outcome) && is(string_at(outcome, "status"), "refused");
    applies |= is(string_at(action, "verb"), "apply") && !refused;
  }
  choose_key(episode, record, line, applies);
  long level = number_at(record, "decision.level");
  if (level > episode->highest) episode->highest = level;
  // What was decided earlier, or again, changes nothing now.
  if (is(string_at(record, "kind"), "episode")) return;
  episode->level = level;
  episode->acted |= applies;
  while (next_element(&actions, &action)) {
    int refused = next_element(&outcomes, &outcome) && is(string_at(outcome, "status"), "refused");
    if (refused || is(string_at(action, "verb"), "release")) close_one(episode, string_at(action, "id"));
    else open_one(episode, string_at(action, "id"));
  }
}

static void noticed(struct episode *episode, struct text record, int is_undo) {
  struct text outcomes = value_at(record, "outcomes"), verdicts = is_undo ? NONE : value_at(record, "verdicts"), one;
  while (next_element(&outcomes, &one))
    if (is_undo || is(string_at(one, "verb"), "release") || is(string_at(one, "status"), "gone"))
      close_one(episode, string_at(one, "id"));
  while (next_element(&verdicts, &one))
    if (!is(string_at(one, "verdict"), "effective")) close_one(episode, string_at(one, "id"));
}

static void add(struct episode *episode, struct text record, struct line line, long t_ns) {
  struct text kind = string_at(record, "kind");
  if (t_ns == 0) return;
  int decides = is_decision(record);
  int was_calm = is_calm(episode) && episode->is_calm_since;
  if (!is(kind, "episode") && (!was_calm || decides || t_ns == episode->last_ns)) episode->last_ns = t_ns;
  if (decides) decided(episode, record, line);
  else if (is(kind, "verification") || is(kind, "undo")) noticed(episode, record, is(kind, "undo"));
  else if (is(kind, "stop")) episode->is_stopped = 1;
  if (is_calm(episode) && !episode->is_calm_since) episode->calm_ns = t_ns;
  episode->is_calm_since = is_calm(episode);
}

/* Cuts the records into episodes (src/report/episode_search.ts). */
static void take(struct search *search, struct text record, struct line line) {
  struct episode *episode = &search->current;
  if (search->wanted.at != 0) {
    if (search->found.length == 0 && is_named(record, search->wanted)) search->found = line;
    return;
  }
  struct text kind = string_at(record, "kind");
  if (is(kind, "start")) {
    finish(search, 1);
    return;
  }
  long t_ns = number_at(record, "t_ns");
  if (episode->is_there && !belongs(episode, record, t_ns)) finish(search, 0);
  if (!episode->is_there) {
    if (!is_decision(record) || is(kind, "episode")) return;
    *episode = (struct episode){.is_there = 1, .first_ns = t_ns, .last_ns = t_ns};
  }
  add(episode, record, line, t_ns);
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

/*
 * From the newest part to the oldest, until what is wanted is found; where every episode is by the way, the last of them. Returns its file, which
 * stays open, or a negative errno.
 */
static long find(struct call *call, const char *path, struct search *search) {
  int aside_part = -1;
  struct line aside = {0};
  for (int part = 0; part <= MOST_PARTS; part++) {
    long file = open_part(path, part);
    if (file < 0 && (part == 0 || file != -ENOENT)) return file;
    if (file < 0) break;
    *search = (struct search){.wanted = search->wanted};
    read_part(call, file, search);
    finish(search, 0);
    if (search->found.length > 0) return file;
    call1(__NR_close, file);
    if (aside_part < 0 && search->aside.length > 0) {
      aside_part = part;
      aside = search->aside;
    }
  }
  if (aside_part < 0) return -ESRCH;
  search->found = aside;
  return open_part(path, aside_part);
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
    int has_outcome = next_element(&outcomes, &outcome);
    struct text status = has_outcome ? string_at(outcome, "status") : NONE;
    put(out, is(status, "would_do") ? TEXT("  Would do   ") : is(status, "refused") ? TEXT("  Refused    ") : TEXT("  Done       "));
    put_json_text(out, string_at(action, "id"));
    say(out, ": ");
    put_json_text(out, string_at(action, "verb"));
    say(out, " ");
    put_json_text(out, string_at(action, "setting.rung"));
    say(out, " on ");
    put_json_text(out, string_at(action, "target.path"));
    if (has_outcome) {
      say(out, ": ");
      put_json_text(out, string_at(outcome, "status"));
    }
    say(out, "\n");
    put_row(out, TEXT("           "), string_at(action, "reason"));
  }
}

static void put_record(struct out *out, struct text record) {
  struct text headline = string_at(record, "story.headline");
  if (headline.at != 0) {
    put_json_text(out, headline);
    say(out, "\n");
  }
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
    return fail(call, EXIT_FAILED, TEXT("there is no episode in "), text_of(path), NONE);
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
