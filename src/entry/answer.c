/*
 * What a node that has nothing left is still asked: what happened, what is held, release it. The runtime needs threads, address space and
 * memory before its first line; where it cannot get them it aborts. This code needs one page of stack more than the kernel gave it.
 */

#include "answer.h"

#include "call.h"
#include "need.h"

int fail(struct call *call, int exit_code, struct text message, struct text subject, struct text hint) {
  struct out *errors = &call->errors;
  if (call->quiet) return exit_code;
  say(errors, "error: ");
  put(errors, message);
  put_shown(errors, subject);
  if (hint.at != 0) say(errors, ". ");
  put(errors, hint);
  say(errors, "\n");
  if (!call->json) return exit_code;
  struct out *out = &call->out;
  say(out, "{\"schema_version\":1,\"ok\":false,\"error\":{\"kind\":\"");
  put(out, exit_code == EXIT_USAGE ? TEXT("usage") : exit_code == EXIT_REFUSED ? TEXT("privilege") : TEXT("failed"));
  say(out, "\",\"message\":\"");
  put(out, message);
  put_shown(out, subject);
  say(out, "\",\"hint\":\"");
  put(out, hint);
  say(out, "\",\"exit_code\":");
  put_number(out, exit_code);
  say(out, "}}\n");
  return exit_code;
}

int fail_kernel(struct call *call, struct text message, struct text subject, long negative_errno) {
  struct out reason = {.descriptor = -1};
  put_reason(&reason, negative_errno);
  return fail(call, EXIT_FAILED, message, subject, (struct text){reason.bytes, reason.used});
}

static const char *variable(char **environment, const char *name) {
  for (; *environment != 0; environment++) {
    struct text one = text_of(*environment);
    word length = text_of(name).length;
    if (begins(one, name) && one.length > length + 1 && one.at[length] == '=') return one.at + length + 1;
  }
  return 0;
}

/* The locale names a character set other than UTF-8 (src/report/screen.ts). */
static int is_ascii(char **environment) {
  const char *locale = variable(environment, "LC_ALL");
  if (locale == 0) locale = variable(environment, "LC_CTYPE");
  if (locale == 0) locale = variable(environment, "LANG");
  if (locale == 0) return 0;
  for (struct text rest = text_of(locale); rest.length > 0; rest = behind(rest, 1))
    if (begins(rest, "UTF-8") || begins(rest, "utf-8") || begins(rest, "UTF8") || begins(rest, "utf8")) return 0;
  return 1;
}

/* `--name=value` or `--name value`. 1: it is this option. */
static int has_value(char ***at, const char *name, const char *short_name, const char **value) {
  struct text argument = text_of(**at);
  word length = text_of(name).length;
  if (is(argument, name) || is(argument, short_name)) {
    *value = (*at)[1];
    if (*value != 0) (*at)++;
    return 1;
  }
  if (!begins(argument, name) || argument.at[length] != '=') return 0;
  *value = argument.at + length + 1;
  return 1;
}

static enum command command_of(struct text name) {
  return is(name, "status") ? STATUS : is(name, "explain") ? EXPLAIN : is(name, "release") ? RELEASE : OTHER;
}

static void select(struct call *call, enum selector selector, const char *selected) {
  if (call->selector != NOTHING) call->unknown = TEXT("more than one selector");
  call->selector = selector;
  call->selected = selected == 0 ? NONE : text_of(selected);
}

static int take_release(struct call *call, char ***at) {
  struct text argument = text_of(**at);
  const char *value = 0;
  if (is(argument, "--all")) select(call, ALL, 0);
  else if (is(argument, "--quarantine")) select(call, QUARANTINE, 0);
  else if (is(argument, "--yes")) call->yes = 1;
  else if (has_value(at, "--id", "--id", &value)) select(call, ID, value);
  else if (has_value(at, "--target", "--target", &value)) select(call, TARGET, value);
  else if (has_value(at, "--reason", "--reason", &value)) call->reason = value == 0 ? NONE : text_of(value);
  else return 0;
  return 1;
}

static int take_explain(struct call *call, char ***at) {
  struct text argument = text_of(**at);
  if (is(argument, "--last")) return 1;
  if (has_value(at, "--audit", "--audit", &call->audit_file)) return 1;
  if (argument.at[0] == '-' || call->record.at != 0) return 0;
  call->record = argument;
  return 1;
}

static int take_global(struct call *call, char ***at) {
  struct text argument = text_of(**at);
  const char *value = 0;
  if (is(argument, "-ojson")) call->json = 1;
  else if (is(argument, "--dry-run")) call->dry_run = 1;
  else if (has_value(at, "--config", "-c", &call->config_file)) return 1;
  else if (has_value(at, "--output", "-o", &value)) call->json |= value != 0 && is(text_of(value), "json");
  else if (!has_value(at, "--log-level", "--log-level", &value)) return 0;
  return 1;
}

static void read_arguments(struct call *call, char **arguments) {
  int named = 0;
  if (*arguments == 0) return;
  for (char **at = arguments + 1; *at != 0; at++) {
    if (take_global(call, &at)) continue;
    if (call->command == RELEASE && take_release(call, &at)) continue;
    if (call->command == EXPLAIN && take_explain(call, &at)) continue;
    if (!named && **at != '-') {
      named = 1;
      call->command = command_of(text_of(*at));
    } else if (call->unknown.at == 0) call->unknown = text_of(*at);
  }
}

static int answer(struct call *call, struct text missing) {
  say(&call->errors, "info: ");
  put(&call->errors, missing);
  say(&call->errors, "; HOSA answers without its runtime, in short\n");
  if (call->unknown.at != 0)
    return fail(call, EXIT_FAILED, TEXT("not understood without the runtime: "), call->unknown,
                TEXT("Leave it out, or free some: `hosa release --all --yes` needs nothing."));
  call->room_bytes = MOST_ROOM_BYTES;
  while ((call->room = reserve(call->room_bytes)) == 0 && call->room_bytes > LEAST_ROOM_BYTES) call->room_bytes /= 2;
  if (call->room == 0) return fail(call, EXIT_FAILED, TEXT("not enough memory for an answer"), NONE, NONE);
  int refused = read_settings(call);
  if (refused != 0) return refused;
  switch (call->command) {
    case STATUS: return answer_status(call);
    case EXPLAIN: return answer_explain(call);
    default: return answer_release(call);
  }
}

int answer_without_runtime(char **arguments, char **environment) {
  struct call call = {.out = {.descriptor = OUTPUT}, .errors = {.descriptor = ERRORS}};
  read_arguments(&call, arguments);
  enum need need = call.command == OTHER ? TO_START : call.command == EXPLAIN ? TO_READ_FILES : TO_ANSWER;
  struct text missing = what_is_missing(need);
  if (missing.at == 0) return -1;
  call.out.ascii = call.errors.ascii = is_ascii(environment);
  int exit_code = call.command != OTHER
                      ? answer(&call, missing)
                      : fail(&call, EXIT_FAILED, TEXT("HOSA cannot start here: "), missing,
                             TEXT("`hosa status`, `hosa explain` and `hosa release` answer all the same."));
  flush(&call.out);
  flush(&call.errors);
  return call.out.failure != 0 && call.out.failure != -EPIPE ? EXIT_FAILED : exit_code;
}
