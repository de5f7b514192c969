/* JSON that HOSA wrote: pieces of it are found where they stand, and nothing is built. */

#ifndef HOSA_ENTRY_JSON_H
#define HOSA_ENTRY_JSON_H

#include "text.h"

/* The value below the keys "a.b.c" of an object; NONE where it is not there. Its text begins and ends with the value. */
struct text value_at(struct text object, const char *keys);
/* What stands between the quotes of a string; NONE of anything else. */
struct text string_at(struct text object, const char *keys);
long number_at(struct text object, const char *keys);
/* The next value of an array; `rest` begins as the array and moves on. 0: there is none. */
int next_element(struct text *rest, struct text *element);
/* What a string means, with a zero at the end. Its length, or -ENAMETOOLONG where it does not fit. */
long plain(struct text in_json, char *into, word room);
/* Whether a whole value stands there, and nothing behind it. */
int is_whole(struct text value);
int is_null(struct text value);

#endif
