/* `hosa status` in need. */

#include "json.h"
#include "ledger.h"

static void put_task(struct out *out, struct text target) {
  struct text tid = value_at(target, "tid"), pid = value_at(target, "pid"), comm = string_at(target, "comm");
  put_json_text(out, string_at(target, "path"));
  if (!is_null(tid)) {
    say(out, " thread ");
    put(out, tid);
  } else if (!is_null(pid)) {
    say(out, " process ");
    put(out, pid);
  }
  if (comm.at == 0 || (is_null(tid) && is_null(pid))) return;
  say(out, " \"");
  put_json_text(out, comm);
  say(out, "\"");
}

/* Two lines: what it is, and the value that would come back. */
void put_held(struct out *out, struct text item) {
  say(out, "  ");
  put_json_text(out, string_at(item, "id"));
  struct text ledger_id = string_at(item, "ledger_id");
  if (ledger_id.at != 0) {
    say(out, ", ledger ");
    put_json_text(out, ledger_id);
  }
  say(out, "  ");
  put_json_text(out, string_at(item, "rung"));
  if (is(value_at(item, "quarantine"), "true")) say(out, " quarantine");
  say(out, "  ");
  put_task(out, value_at(item, "target"));
  say(out, "\n      ");
  put_json_text(out, string_at(item, "file"));
  say(out, ": ");
  if (string_at(item, "now").at == 0) say(out, "unreadable now");
  else put_json_text(out, string_at(item, "now"));
  put(out, out->ascii ? TEXT(" -> ") : TEXT(" \342\206\222 "));
  put_json_text(out, string_at(item, "restores"));
  say(out, "\n");
}

void put_entry(struct out *out, struct entry *entry) {
  say(out, "  ");
  put_json_text(out, string_at(entry->json, "containment"));
  say(out, ", ledger ");
  put_json_text(out, string_at(entry->json, "id"));
  say(out, "  ");
  put_json_text(out, string_at(entry->json, "rung"));
  if (is(string_at(entry->json, "until"), "release")) say(out, " quarantine");
  say(out, "  ");
  put_task(out, value_at(entry->json, "target"));
  say(out, "\n      ");
  put_place(out, entry);
  if (is(string_at(entry->json, "kind"), "file") || is(string_at(entry->json, "kind"), "devices")) {
    put(out, out->ascii ? TEXT(": -> ") : TEXT(": \342\206\222 "));
    put_json_text(out, string_at(entry->json, "prior"));
  }
  say(out, "\n");
}

/* The shape of a held item in docs/schema/. */
void put_entry_json(struct out *out, struct entry *entry) {
  say(out, "{\"id\":");
  put(out, value_at(entry->json, "containment"));
  say(out, ",\"ledger_id\":");
  put(out, value_at(entry->json, "id"));
  say(out, ",\"rung\":");
  put(out, value_at(entry->json, "rung"));
  say(out, ",\"target\":");
  put(out, value_at(entry->json, "target"));
  say(out, ",\"file\":");
  put(out, value_at(entry->json, "file"));
  say(out, ",\"now\":null,\"restores\":");
  put(out, value_at(entry->json, "prior"));
  put(out, is(string_at(entry->json, "until"), "release") ? TEXT(",\"quarantine\":true}") : TEXT(",\"quarantine\":false}"));
}

static void put_row_start(struct out *out, struct text label, struct text in_json) {
  put(out, label);
  put_json_text(out, in_json);
}

static void put_row(struct out *out, struct text label, struct text in_json) {
  put_row_start(out, label, in_json);
  say(out, "\n");
}

/* What the agent may do, and until when it does not. An agent from before an upgrade does not tell it. */
static void put_autonomy(struct out *out, struct text status) {
  struct text dial = value_at(status, "dial"), pause = value_at(status, "pause");
  if (dial.at != 0) {
    put_row_start(out, TEXT("autonomy   "), string_at(dial, "autonomy"));
    say(out, ", up to level ");
    put(out, value_at(dial, "max_level"));
    put(out, is(value_at(dial, "acts"), "true") ? TEXT(": HOSA contains\n") : TEXT(": nothing is contained\n"));
  }
  if (string_at(pause, "until").at == 0) return;
  put_row_start(out, TEXT("paused     until "), string_at(pause, "until"));
  if (string_at(pause, "reason").length > 0) put_row_start(out, TEXT(": "), string_at(pause, "reason"));
  say(out, "\n");
}

/* The sentences are those of the agent: there is one table of words. */
static void put_losses(struct out *out, struct text losses) {
  struct text loss;
  for (struct text rest = losses; next_element(&rest, &loss);)
    if (string_at(loss, "degraded").at != 0) put_row(out, TEXT("degraded   "), string_at(loss, "degraded"));
  while (next_element(&losses, &loss))
    put_row(out, is(value_at(loss, "now"), "0") ? TEXT("lost       ") : TEXT("left out   "), string_at(loss, "sentence"));
}

/* What happens, and why nothing is done about it (src/report/status.ts). */
static void put_now(struct out *out, struct text status) {
  struct text headline = string_at(status, "story.headline"), inaction = string_at(status, "inaction"), held = value_at(status, "held"), item;
  if (headline.at == 0) return;
  put_row(out, TEXT("now        "), headline);
  while (next_element(&held, &item))
    if (string_at(item, "ledger_id").at != 0) return;
  long level = number_at(status, "level");
  if (inaction.length > 0) put_row(out, TEXT("not done   "), inaction);
  else if (level == 0) say(out, "not done   nothing is out of the ordinary\n");
  else if (level == 1) say(out, "not done   level 1 only observes\n");
  else if (is(string_at(status, "motor"), "recording")) say(out, "not done   nothing is contained: see autonomy\n");
}

static void put_episode(struct out *out, struct text episode) {
  if (is_null(episode)) {
    say(out, "episode    none since the agent started\n");
    return;
  }
  long rises = number_at(episode, "rises"), actions = number_at(episode, "actions");
  say(out, "episode    ");
  put_json_text(out, string_at(episode, "began"));
  put(out, out->ascii ? TEXT(" - ") : TEXT(" \342\200\223 "));
  if (string_at(episode, "ended").at != 0) put_json_text(out, string_at(episode, "ended"));
  else say(out, "now");
  say(out, ": level ");
  put(out, value_at(episode, "highest"));
  if (rises > 1) {
    say(out, ", ");
    put_number(out, rises);
    say(out, " rises");
  }
  say(out, ", ");
  if (actions == 0) say(out, "no actions\n");
  else {
    put_number(out, actions);
    put(out, actions == 1 ? TEXT(" action\n") : TEXT(" actions\n"));
  }
  put_row(out, TEXT("           "), string_at(episode, "headline"));
}

static void put_running(struct out *out, struct text status) {
  say(out, "agent      process ");
  put(out, value_at(status, "pid"));
  say(out, ", hosa ");
  put_json_text(out, string_at(status, "version"));
  say(out, " on ");
  put_json_text(out, string_at(status, "node"));
  say(out, "\n");
  put_autonomy(out, status);
  say(out, "level      ");
  put(out, value_at(status, "level"));
  say(out, " ");
  put_json_text(out, string_at(status, "level_name"));
  put_row(out, TEXT(" since "), string_at(status, "level_since"));
  struct text held = value_at(status, "held"), item;
  word count = 0;
  put_now(out, status);
  for (struct text rest = held; next_element(&rest, &item);) count++;
  say(out, "held       ");
  if (count == 0) say(out, "nothing\n");
  else {
    put_number(out, (long)count);
    say(out, "; everything: hosa release --all\n");
  }
  while (next_element(&held, &item)) put_held(out, item);
  put_losses(out, value_at(status, "losses"));
  put_episode(out, value_at(status, "last_episode"));
}

/* What there is to say with no agent running. */
static int from_ledger(struct call *call) {
  struct ledger ledger;
  struct text place = text_of(call->settings.ledger_dir);
  long refused = read_ledger(call, &ledger);
  if (refused < 0) return fail_kernel(call, TEXT("the ledger cannot be read: "), place, refused);
  if (call->json) {
    say(&call->out, "{\"schema_version\":1,\"running\":false,\"ledger_dir\":");
    put_json_string(&call->out, place);
    say(&call->out, ",\"held\":[");
    for (word i = 0; i < ledger.count; i++) {
      if (i > 0) say(&call->out, ",");
      put_entry_json(&call->out, &ledger.entries[i]);
    }
    say(&call->out, "]}\n");
    return EXIT_FAILED;
  }
  say(&call->out, "agent      none runs\nledger     ");
  put_shown(&call->out, place);
  if (ledger.count == 0) {
    say(&call->out, ": nothing is held\n");
    return EXIT_FAILED;
  }
  say(&call->out, ": ");
  put_number(&call->out, (long)ledger.count);
  say(&call->out, " left behind; everything: hosa release --all\n");
  for (word i = 0; i < ledger.count; i++) put_entry(&call->out, &ledger.entries[i]);
  return EXIT_FAILED;
}

int answer_status(struct call *call) {
  struct text answer;
  int asked = ask_agent(call, TEXT("{\"v\":1,\"op\":\"status\"}\n"), &answer);
  if (asked < 0) return -asked;
  if (asked == 0) return from_ledger(call);
  struct text status = value_at(answer, "status");
  if (call->json) {
    say(&call->out, "{\"schema_version\":1,\"running\":true,");
    put(&call->out, behind(status, 1));
    say(&call->out, "\n");
  } else put_running(&call->out, status);
  return EXIT_OK;
}
