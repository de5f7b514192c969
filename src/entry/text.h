/* Pieces of text, and what is written: everything from outside is shown so that no terminal obeys it. */

#ifndef HOSA_ENTRY_TEXT_H
#define HOSA_ENTRY_TEXT_H

#include "system.h"

/* Somebody else's bytes, without a zero at the end. */
struct text {
  const char *at;
  word length;
};

#define TEXT(literal) ((struct text){literal, sizeof(literal) - 1})
#define NONE ((struct text){0, 0})

struct text text_of(const char *with_zero);
int is(struct text one, const char *other);
int begins(struct text one, const char *beginning);
struct text behind(struct text one, word bytes);
struct text trimmed(struct text one);
/* The next line without its end; `rest` moves behind it. 0: there is none. */
int next_line(struct text *rest, struct text *line);
/* A number in decimal digits, with an optional minus; what follows is ignored. */
long number_in(struct text digits);
/* Joins two pieces with a zero at the end. Returns 0, or -ENAMETOOLONG. */
long join(char *into, word room, struct text one, struct text other);

/* Where text is collected until a line is complete; 0 is a line that is not written. */
struct out {
  int descriptor;
  /* The locale is not UTF-8. */
  int ascii;
  /* The kernel's answer where something could not be written. */
  long failure;
  word used;
  char bytes[2048];
};

void flush(struct out *out);
/* Own words, and JSON: as they are. */
void put(struct out *out, struct text bytes);
#define say(out, literal) put(out, TEXT(literal))
/* A name or a sentence from outside: control characters, and what turns or hides others, as \u001b. */
void put_shown(struct out *out, struct text from_outside);
/* The same of a string as it stands in JSON: its escapes of quotes and backslashes are taken back, all others are shown. */
void put_json_text(struct out *out, struct text in_json);
/* As a string of JSON, with its quotes. */
void put_json_string(struct out *out, struct text plain);
void put_number(struct out *out, long number);
/* What the kernel answered, in words where they are common. */
void put_reason(struct out *out, long negative_errno);

#endif
