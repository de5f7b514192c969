#include "json.h"

enum { DEEPEST = 64 };

static struct text without_space(struct text text) {
  while (text.length > 0 && (text.at[0] == ' ' || text.at[0] == '\t' || text.at[0] == '\n' || text.at[0] == '\r'))
    text = behind(text, 1);
  return text;
}

/* Bytes of the string at the beginning, with its quotes; 0: it does not end. */
static word string_length(struct text text) {
  for (word i = 1; i < text.length; i++) {
    if (text.at[i] == '\\') i++;
    else if (text.at[i] == '"') return i + 1;
  }
  return 0;
}

/* Bytes of the value at the beginning; 0: it does not end. Braces are counted, not told apart: HOSA wrote them. */
static word value_length(struct text text) {
  if (text.length == 0) return 0;
  if (text.at[0] == '"') return string_length(text);
  word depth = 0;
  for (word i = 0; i < text.length; i++) {
    char letter = text.at[i];
    if (letter == '"') {
      word length = string_length(behind(text, i));
      if (length == 0) return 0;
      i += length - 1;
    } else if (letter == '{' || letter == '[') {
      if (++depth > DEEPEST) return 0;
    } else if (letter == '}' || letter == ']') {
      if (depth == 0) return i;
      if (--depth == 0) return i + 1;
    } else if (depth == 0 && (letter == ',' || letter == ' ' || letter == '\n')) return i;
  }
  return depth == 0 ? text.length : 0;
}

static struct text member(struct text object, struct text key) {
  struct text rest = without_space(object);
  if (rest.length == 0 || rest.at[0] != '{') return NONE;
  rest = without_space(behind(rest, 1));
  while (rest.length > 0 && rest.at[0] == '"') {
    word length = string_length(rest);
    if (length == 0) return NONE;
    struct text name = {rest.at + 1, length - 2};
    rest = without_space(behind(rest, length));
    if (rest.length == 0 || rest.at[0] != ':') return NONE;
    rest = without_space(behind(rest, 1));
    word bytes = value_length(rest);
    if (bytes == 0) return NONE;
    word same = 0;
    while (same < key.length && same < name.length && name.at[same] == key.at[same]) same++;
    if (same == key.length && same == name.length) return (struct text){rest.at, bytes};
    rest = without_space(behind(rest, bytes));
    if (rest.length > 0 && rest.at[0] == ',') rest = without_space(behind(rest, 1));
  }
  return NONE;
}

struct text value_at(struct text object, const char *keys) {
  while (object.at != 0) {
    word length = 0;
    while (keys[length] != 0 && keys[length] != '.') length++;
    object = member(object, (struct text){keys, length});
    if (keys[length] == 0) return object;
    keys += length + 1;
  }
  return NONE;
}

struct text string_at(struct text object, const char *keys) {
  struct text value = value_at(object, keys);
  if (value.length < 2 || value.at[0] != '"') return NONE;
  return (struct text){value.at + 1, value.length - 2};
}

long number_at(struct text object, const char *keys) {
  return number_in(value_at(object, keys));
}

int next_element(struct text *rest, struct text *element) {
  struct text here = without_space(*rest);
  if (here.length == 0 || (here.at[0] != '[' && here.at[0] != ',')) return 0;
  here = without_space(behind(here, 1));
  word bytes = here.length > 0 && here.at[0] == ']' ? 0 : value_length(here);
  if (bytes == 0) return 0;
  *element = (struct text){here.at, bytes};
  *rest = behind(here, bytes);
  return 1;
}

static unsigned hexadecimal(struct text digits) {
  unsigned value = 0;
  for (word i = 0; i < 4 && i < digits.length; i++) {
    char digit = digits.at[i];
    value = value << 4 | (unsigned)(digit <= '9' ? digit - '0' : (digit | 32) - 'a' + 10);
  }
  return value;
}

static word encode(unsigned point, char *into) {
  word bytes = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  for (word i = bytes; i-- > 1; point >>= 6) into[i] = (char)(0x80 | (point & 0x3f));
  into[0] = (char)(bytes == 1 ? point : (0xf00 >> bytes & 0xff) | point);
  return bytes;
}

/* The character behind a backslash; `rest` moves behind it. */
static unsigned escaped(struct text *rest) {
  char what = rest->at[1];
  if (what != 'u') {
    *rest = behind(*rest, 2);
    return what == 'n' ? '\n' : what == 't' ? '\t' : what == 'r' ? '\r' : what == 'b' ? '\b' : what == 'f' ? '\f' : (unsigned char)what;
  }
  unsigned unit = hexadecimal(behind(*rest, 2));
  *rest = behind(*rest, 6);
  if (unit < 0xd800 || unit > 0xdbff || !begins(*rest, "\\u")) return unit;
  unsigned low = hexadecimal(behind(*rest, 2));
  *rest = behind(*rest, 6);
  return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

long plain(struct text in_json, char *into, word room) {
  word length = 0;
  while (in_json.length > 0) {
    if (length + 5 > room) return -ENAMETOOLONG;
    if (in_json.at[0] == '\\' && in_json.length > 1) length += encode(escaped(&in_json), into + length);
    else {
      into[length++] = in_json.at[0];
      in_json = behind(in_json, 1);
    }
  }
  if (room == 0) return -ENAMETOOLONG;
  into[length] = 0;
  return (long)length;
}

int is_whole(struct text value) {
  struct text here = without_space(value);
  word bytes = value_length(here);
  return bytes > 0 && without_space(behind(here, bytes)).length == 0;
}

int is_null(struct text value) {
  return value.at == 0 || is(value, "null");
}
