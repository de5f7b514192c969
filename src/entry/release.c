/* `hosa release` in need: through the running agent, or from the ledger. */

#include <asm/ioctls.h>

#include "json.h"
#include "ledger.h"

/* Asks on the terminal. 1: yes. */
static int is_confirmed(struct call *call) {
  char answer[16];
  say(&call->errors, "Release? [y/N] ");
  flush(&call->errors);
  long length = call3(__NR_read, INPUT, answer, sizeof answer);
  struct text said = trimmed((struct text){answer, length < 0 ? 0 : (word)length});
  return is(said, "y") || is(said, "Y") || is(said, "yes") || is(said, "Yes") || is(said, "YES");
}

static int is_terminal(int descriptor) {
  char mode[64];
  return call3(__NR_ioctl, descriptor, TCGETS, mode) == 0;
}

static void begin_document(struct call *call, struct text did, struct text holder) {
  say(&call->out, "{\"schema_version\":1,\"did\":\"");
  put(&call->out, did);
  say(&call->out, "\",\"holder\":");
  put_json_string(&call->out, holder);
}

static struct text did(struct call *call) {
  if (call->selector == NOTHING) return TEXT("listed");
  return call->dry_run ? TEXT("previewed") : TEXT("released");
}

/* Nothing was held: everything of it is done; a name that nothing bears is a mistake. */
static int nothing_held(struct call *call, struct text holder) {
  if (call->selector == ID || call->selector == TARGET) {
    struct text what = call->selector == ID ? TEXT("nothing is held under the id ") : TEXT("nothing is held under the target ");
    return fail(call, EXIT_FAILED, what, call->selected, TEXT("`hosa release` lists what is held."));
  }
  if (!call->json) {
    say(&call->out, "nothing to release\n");
    return EXIT_OK;
  }
  begin_document(call, did(call), holder);
  say(&call->out, ",\"selected\":[],\"outcomes\":[],\"quarantine\":false,\"cooldown_s\":0,\"unfinished\":0}\n");
  return EXIT_OK;
}

static int decline(struct call *call, struct text holder) {
  if (call->json) {
    begin_document(call, TEXT("declined"), holder);
    say(&call->out, ",\"selected\":[],\"outcomes\":[],\"quarantine\":false,\"cooldown_s\":0,\"unfinished\":0}\n");
  }
  say(&call->errors, "nothing was released\n");
  return EXIT_FAILED;
}

static void put_outcome(struct out *out, struct text outcome) {
  say(out, "release ");
  put_json_text(out, string_at(outcome, "rung"));
  say(out, " ");
  put_json_text(out, string_at(outcome, "target.path"));
  say(out, ": ");
  put_json_text(out, string_at(outcome, "status"));
  struct text detail = string_at(outcome, "detail");
  if (detail.length > 0) say(out, "; ");
  put_json_text(out, detail);
  say(out, "\n");
}

static int unfinished(struct call *call, word count) {
  if (count == 0) return EXIT_OK;
  say(&call->errors, "error: ");
  put_number(&call->errors, (long)count);
  say(&call->errors, " could not be undone yet; release again, with the runtime where it can start\n");
  return EXIT_FAILED;
}

static word count_failed(struct text outcomes) {
  word failed = 0;
  for (struct text outcome; next_element(&outcomes, &outcome);) failed += (word)is(string_at(outcome, "status"), "failed");
  return failed;
}

/* The agent's answer as the document of docs/schema/, or in lines. */
static int tell_reply(struct call *call, struct text reply, struct text holder) {
  struct text selected = value_at(reply, "selected"), outcomes = value_at(reply, "outcomes"), one;
  word failed = count_failed(outcomes);
  if (call->json) {
    begin_document(call, did(call), holder);
    say(&call->out, ",\"selected\":");
    put(&call->out, selected);
    say(&call->out, ",\"outcomes\":");
    put(&call->out, outcomes);
    say(&call->out, ",\"quarantine\":");
    put(&call->out, value_at(reply, "quarantine"));
    say(&call->out, ",\"cooldown_s\":");
    put(&call->out, value_at(reply, "cooldown_s"));
    say(&call->out, ",\"unfinished\":");
    put_number(&call->out, (long)failed);
    say(&call->out, "}\n");
    return unfinished(call, failed);
  }
  if (call->dry_run || call->selector == NOTHING) {
    while (next_element(&selected, &one)) put_held(&call->out, one);
    return EXIT_OK;
  }
  while (next_element(&outcomes, &one)) put_outcome(&call->out, one);
  if (is(value_at(reply, "quarantine"), "true")) say(&call->out, "level 5 (quarantine) left\n");
  return unfinished(call, failed);
}

static int is_empty(struct text array) {
  struct text one;
  return !next_element(&array, &one);
}

/* 1: answered, with the exit code; 0: no agent listens. */
static int through_agent(struct call *call, int asks, int *exit_code) {
  char request[2 * PATH_BYTES];
  struct text reply, holder = TEXT("the running agent");
  enum selector wanted = call->selector;
  if (wanted == NOTHING) call->selector = ALL;
  struct text line = release_request(call, request, sizeof request, 1);
  call->selector = wanted;
  int asked = line.at == 0 ? 0 : ask_agent(call, line, &reply);
  if (asked <= 0) {
    *exit_code = -asked;
    return asked < 0;
  }
  if (is_empty(value_at(reply, "selected")) && !is(value_at(reply, "quarantine"), "true")) {
    *exit_code = nothing_held(call, holder);
    return 1;
  }
  if (wanted == NOTHING || call->dry_run) {
    *exit_code = tell_reply(call, reply, holder);
    if (wanted == NOTHING) *exit_code = EXIT_USAGE;
    return 1;
  }
  if (asks) {
    struct text selected = value_at(reply, "selected"), one;
    while (next_element(&selected, &one)) put_held(&call->errors, one);
    if (!is_confirmed(call)) {
      *exit_code = decline(call, holder);
      return 1;
    }
  }
  asked = ask_agent(call, release_request(call, request, sizeof request, 0), &reply);
  *exit_code = asked > 0 ? tell_reply(call, reply, holder) : asked == 0 ? EXIT_FAILED : -asked;
  return 1;
}

static struct text status_word(enum status status) {
  switch (status) {
    case DONE: return TEXT("done");
    case PENDING: return TEXT("pending");
    case FAILED: return TEXT("failed");
    case GONE: return TEXT("gone");
    default: return TEXT("drifted");
  }
}

static void put_value_json(struct out *out, struct text plain_value) {
  if (plain_value.at == 0) say(out, "null");
  else put_json_string(out, plain_value);
}

static void put_undone(struct call *call, struct entry *entry, struct undone *undone, int first) {
  struct out *out = &call->out;
  if (!call->json) {
    say(out, "release ");
    put_json_text(out, string_at(entry->json, "rung"));
    say(out, " ");
    put_json_text(out, string_at(entry->json, "path"));
    say(out, ": ");
    put(out, status_word(undone->status));
    say(out, "; ");
    put(out, undone->detail);
    say(out, "\n");
    return;
  }
  if (!first) say(out, ",");
  say(out, "{\"id\":");
  put(out, value_at(entry->json, "containment"));
  say(out, ",\"verb\":\"release\",\"rung\":");
  put(out, value_at(entry->json, "rung"));
  say(out, ",\"target\":");
  put(out, value_at(entry->json, "target"));
  say(out, ",\"t_ns\":0,\"status\":\"");
  put(out, status_word(undone->status));
  say(out, "\",\"file\":");
  put(out, value_at(entry->json, "file"));
  say(out, ",\"prior\":");
  put_value_json(out, undone->found);
  say(out, ",\"written\":");
  put_value_json(out, undone->written);
  say(out, ",\"ledger_id\":");
  put(out, value_at(entry->json, "id"));
  say(out, ",\"detail\":");
  put_json_string(out, undone->detail);
  say(out, "}");
}

static word standing_besides(struct ledger *ledger, const unsigned char *closed, word self) {
  word standing = 0;
  for (word i = 0; i < ledger->count; i++)
    standing += (word)(i != self && !closed[i] && is(string_at(ledger->entries[i].json, "until"), "release"));
  return standing;
}

/* Newest first. Returns how many stay in the ledger. */
static word undo_selected(struct call *call, struct ledger *ledger) {
  unsigned char closed[MOST_ENTRIES];
  struct undone undone;
  word stays = 0, told = 0;
  for (word i = 0; i < MOST_ENTRIES; i++) closed[i] = 0;
  for (word i = ledger->count; i-- > 0;) {
    struct entry *entry = &ledger->entries[i];
    if (!is_selected(call, entry)) continue;
    undo(entry, standing_besides(ledger, closed, i), &undone);
    int finished = undone.status != FAILED && undone.status != PENDING;
    // Where it cannot be struck off it is undone once more, which changes nothing.
    if (finished) closed[i] = 1, strike_off(call, string_at(entry->json, "id"));
    else stays++;
    put_undone(call, entry, &undone, told++ == 0);
    flush(&call->out);
  }
  return stays;
}

static word count_selected(struct call *call, struct ledger *ledger, int of_quarantine) {
  word count = 0;
  for (word i = 0; i < ledger->count; i++)
    if (is_selected(call, &ledger->entries[i]))
      count += (word)(!of_quarantine || is(string_at(ledger->entries[i].json, "until"), "release"));
  return count;
}

static void put_selected_json(struct call *call, struct ledger *ledger) {
  int first = 1;
  say(&call->out, ",\"selected\":[");
  for (word i = 0; i < ledger->count; i++) {
    if (!is_selected(call, &ledger->entries[i])) continue;
    if (!first) say(&call->out, ",");
    first = 0;
    put_entry_json(&call->out, &ledger->entries[i]);
  }
  put(&call->out, count_selected(call, ledger, 1) > 0 ? TEXT("],\"quarantine\":true,\"cooldown_s\":0,\"outcomes\":[")
                                                      : TEXT("],\"quarantine\":false,\"cooldown_s\":0,\"outcomes\":["));
}

static void put_selected(struct call *call, struct ledger *ledger, struct out *out) {
  for (word i = 0; i < ledger->count; i++)
    if (is_selected(call, &ledger->entries[i])) put_entry(out, &ledger->entries[i]);
}

static int show_ledger(struct call *call, struct ledger *ledger, struct text holder) {
  if (call->json) {
    begin_document(call, did(call), holder);
    put_selected_json(call, ledger);
    say(&call->out, "],\"unfinished\":0}\n");
  } else put_selected(call, ledger, &call->out);
  return call->selector == NOTHING ? EXIT_USAGE : EXIT_OK;
}

static int undo_locked(struct call *call, struct ledger *ledger, struct text holder) {
  if (call->json) {
    begin_document(call, TEXT("released"), holder);
    put_selected_json(call, ledger);
  }
  word stays = undo_selected(call, ledger);
  if (call->json) {
    say(&call->out, "],\"unfinished\":");
    put_number(&call->out, (long)stays);
    say(&call->out, "}\n");
  }
  say(&call->errors, "warn: released, but not written into the audit: that needs the runtime\n");
  return unfinished(call, stays);
}

static int from_ledger(struct call *call, int asks) {
  struct ledger ledger;
  struct text place = text_of(call->settings.ledger_dir), holder = TEXT("the ledger, no agent runs");
  long refused = read_ledger(call, &ledger);
  if (refused < 0) return fail_kernel(call, TEXT("the ledger cannot be read: "), place, refused);
  if (count_selected(call, &ledger, 0) == 0) return nothing_held(call, holder);
  if (call->selector == NOTHING || call->dry_run) return show_ledger(call, &ledger, holder);
  if (asks) {
    put_selected(call, &ledger, &call->errors);
    if (!is_confirmed(call)) return decline(call, holder);
  }
  if (!is_trusted(call->settings.ledger_dir))
    return fail(call, EXIT_FAILED, TEXT("the ledger is not obeyed, because another user could change it: "), place,
                TEXT("Run `chown root` and `chmod go-w` on the directory and on every one above."));
  long locked = take_lock(call);
  if (locked < 0) return fail_kernel(call, TEXT("the ledger cannot be locked: "), place, locked);
  if (locked > 0) return fail(call, EXIT_FAILED, TEXT("a running process holds the ledger in "), place,
                              TEXT("It does not answer on its control socket: end it, then release again."));
  // Only what is read under the lock is surely what is held.
  refused = read_ledger(call, &ledger);
  int exit_code = refused < 0 ? fail_kernel(call, TEXT("the ledger cannot be read: "), place, refused)
                              : undo_locked(call, &ledger, holder);
  give_lock_back(call);
  return exit_code;
}

/* A dry run holds nothing of what the ledger holds: then the ledger counts. */
static int agent_only_records(struct call *call) {
  struct text answer;
  struct ledger ledger;
  call->quiet = 1;
  int asked = ask_agent(call, TEXT("{\"v\":1,\"op\":\"status\"}\n"), &answer);
  call->quiet = 0;
  if (asked <= 0) return 0;
  if (!is(string_at(value_at(answer, "status"), "motor"), "recording")) return 0;
  return read_ledger(call, &ledger) == 0 && ledger.count > 0;
}

int answer_release(struct call *call) {
  int asks = call->selector != NOTHING && !call->yes && !call->dry_run;
  int exit_code = EXIT_OK;
  if (call->selector == NOTHING && (call->yes || call->reason.at != 0))
    return fail(call, EXIT_USAGE, TEXT("release: nothing was selected"), NONE,
                TEXT("Add --id, --target, --quarantine or --all; without one of them release only lists."));
  if (asks && !(is_terminal(INPUT) && is_terminal(ERRORS)))
    return fail(call, EXIT_USAGE, TEXT("release asks before it acts, and there is no terminal to ask on"), NONE,
                TEXT("Add --yes, or --dry-run to see what would be restored."));
  if (!agent_only_records(call) && through_agent(call, asks, &exit_code)) return exit_code;
  return from_ledger(call, asks);
}
