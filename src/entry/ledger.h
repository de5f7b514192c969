/* What the motor wrote down before it touched anything (src/motor/ledger.ts), read and struck off without it. */

#ifndef HOSA_ENTRY_LEDGER_H
#define HOSA_ENTRY_LEDGER_H

#include "call.h"

enum { MOST_ENTRIES = 256, VALUE_BYTES = 16384 };

/* An entry that is not undone: its JSON, and the values that were adjusted after it was opened. */
struct entry {
  struct text json;
  /* As they stand in JSON, between their quotes. */
  struct text intended, superseded;
};

struct ledger {
  word count;
  struct entry entries[MOST_ENTRIES];
};

/* What is held of this boot, oldest first. Returns 0 or a negative errno; no file is an empty ledger. */
long read_ledger(struct call *call, struct ledger *ledger);
/* What is held matches what was selected. */
int is_selected(struct call *call, struct entry *entry);
/* Absolute path of what the entry is about, or words. */
void put_place(struct out *out, struct entry *entry);

/* Takes the lock of the ledger. Returns 0, the process that holds it, or a negative errno. */
long take_lock(struct call *call);
void give_lock_back(struct call *call);
/* Lines for people, and the shape of a held item in docs/schema/ (src/entry/status.c). */
void put_held(struct out *out, struct text item);
void put_entry(struct out *out, struct entry *entry);
void put_entry_json(struct out *out, struct entry *entry);

/* Appends that an entry is undone. Returns 0 or a negative errno. */
long strike_off(struct call *call, struct text id);

/* What became of undoing an entry, in the words of src/model/containment.ts. */
enum status { DONE, PENDING, FAILED, GONE, DRIFTED };
struct undone {
  enum status status;
  /* The value found and the one written; NONE where there is none. They live in `values`. */
  struct text found, written;
  /* A sentence of ours, and a name or value from outside behind it. */
  struct text detail, subject;
  char values[VALUE_BYTES];
};

/* Undoes one entry; doing it twice is the same as once. `open`: entries of the quarantine that still stand. */
void undo(struct entry *entry, word standing, struct undone *undone);

#endif
