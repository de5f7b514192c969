#include "text.h"

struct text text_of(const char *with_zero) {
  word length = 0;
  while (with_zero[length] != 0) length++;
  return (struct text){with_zero, length};
}

int is(struct text one, const char *other) {
  word i = 0;
  while (i < one.length && other[i] != 0 && one.at[i] == other[i]) i++;
  return i == one.length && other[i] == 0;
}

int begins(struct text one, const char *beginning) {
  word i = 0;
  while (i < one.length && beginning[i] != 0 && one.at[i] == beginning[i]) i++;
  return beginning[i] == 0;
}

struct text behind(struct text one, word bytes) {
  if (bytes > one.length) bytes = one.length;
  return (struct text){one.at + bytes, one.length - bytes};
}

static int is_space(char letter) {
  return letter == ' ' || letter == '\t' || letter == '\r' || letter == '\n';
}

struct text trimmed(struct text one) {
  while (one.length > 0 && is_space(one.at[0])) one = behind(one, 1);
  while (one.length > 0 && is_space(one.at[one.length - 1])) one.length--;
  return one;
}

int next_line(struct text *rest, struct text *line) {
  if (rest->length == 0) return 0;
  word length = 0;
  while (length < rest->length && rest->at[length] != '\n') length++;
  *line = (struct text){rest->at, length};
  *rest = behind(*rest, length + 1);
  return 1;
}

long number_in(struct text digits) {
  int negative = digits.length > 0 && digits.at[0] == '-';
  long number = 0;
  for (word i = negative; i < digits.length && digits.at[i] >= '0' && digits.at[i] <= '9'; i++) {
    if (number > 100000000000000000) break;
    number = 10 * number + (digits.at[i] - '0');
  }
  return negative ? -number : number;
}

long join(char *into, word room, struct text one, struct text other) {
  if (one.length + other.length + 1 > room) return -ENAMETOOLONG;
  for (word i = 0; i < one.length; i++) into[i] = one.at[i];
  for (word i = 0; i < other.length; i++) into[one.length + i] = other.at[i];
  into[one.length + other.length] = 0;
  return 0;
}

void flush(struct out *out) {
  word at = 0;
  while (at < out->used) {
    long written = call3(__NR_write, out->descriptor, out->bytes + at, out->used - at);
    if (written == -EINTR) continue;
    if (written <= 0) {
      if (out->failure == 0) out->failure = written;
      break;
    }
    at += (word)written;
  }
  out->used = 0;
}

static void put_byte(struct out *out, char byte) {
  if (out->used == sizeof out->bytes) flush(out);
  out->bytes[out->used++] = byte;
}

void put(struct out *out, struct text bytes) {
  for (word i = 0; i < bytes.length; i++) put_byte(out, bytes.at[i]);
}

static void put_unit(struct out *out, unsigned unit) {
  say(out, "\\u");
  for (int shift = 12; shift >= 0; shift -= 4) put_byte(out, "0123456789abcdef"[unit >> shift & 15]);
}

static void put_escaped(struct out *out, unsigned point) {
  if (point < 0x10000) {
    put_unit(out, point);
    return;
  }
  put_unit(out, 0xd800 + ((point - 0x10000) >> 10));
  put_unit(out, 0xdc00 + ((point - 0x10000) & 0x3ff));
}

/* Pairs of first and last: control and format characters, separators of lines and paragraphs (Cc, Cf, Zl, Zp) beyond ASCII. */
static const unsigned OBEYED[] = {
    0x80,    0x9f,    0xad,    0xad,    0x600,   0x605,   0x61c,   0x61c,   0x6dd,   0x6dd,   0x70f,   0x70f,   0x890,
    0x891,   0x8e2,   0x8e2,   0x180e,  0x180e,  0x200b,  0x200f,  0x2028,  0x202e,  0x2060,  0x2064,  0x2066,  0x206f,
    0xfeff,  0xfeff,  0xfff9,  0xfffb,  0x110bd, 0x110bd, 0x110cd, 0x110cd, 0x13430, 0x1343f, 0x1bca0, 0x1bca3, 0x1d173,
    0x1d17a, 0xe0001, 0xe0001, 0xe0020, 0xe007f};

static int is_obeyed(unsigned point) {
  for (word i = 0; i < sizeof OBEYED / sizeof *OBEYED; i += 2)
    if (point >= OBEYED[i] && point <= OBEYED[i + 1]) return 1;
  return 0;
}

/* The character at the beginning and its bytes; 0 bytes where they are no UTF-8. */
static word character(struct text text, unsigned *point) {
  unsigned first = (unsigned char)text.at[0];
  word bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || bytes > text.length) return 0;
  unsigned value = first & (0xff >> (bytes + 1));
  for (word i = 1; i < bytes; i++) {
    unsigned next = (unsigned char)text.at[i];
    if ((next & 0xc0) != 0x80) return 0;
    value = value << 6 | (next & 0x3f);
  }
  if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000) || (bytes == 3 && value < 0x800) ||
      (bytes == 4 && value < 0x10000))
    return 0;
  *point = value;
  return bytes;
}

/* The own symbols of HOSA's sentences, where the locale is not UTF-8. 1: it had one. */
static int put_symbol(struct out *out, unsigned point) {
  switch (point) {
    case 0x304: put(out, TEXT("bar")); return 1;
    case 0x3b8: put(out, TEXT("theta")); return 1;
    case 0x3c3: put(out, TEXT("sigma")); return 1;
    case 0x3c6: put(out, TEXT("phi")); return 1;
    case 0x2192: put(out, TEXT("->")); return 1;
    case 0x2026: put(out, TEXT("...")); return 1;
    case 0x2212: case 0x2013: put(out, TEXT("-")); return 1;
    case 0xb2: put(out, TEXT("^2")); return 1;
    case 0xb5: put(out, TEXT("u")); return 1;
    case 0xb7: put(out, TEXT("|")); return 1;
    case 0xd7: put(out, TEXT("x")); return 1;
    case 0x2264: put(out, TEXT("<=")); return 1;
    case 0x2265: put(out, TEXT(">=")); return 1;
    case 0x201c: case 0x201d: put(out, TEXT("\"")); return 1;
    default: return 0;
  }
}

/* One character of a text from outside. Returns its bytes. */
static word put_character(struct out *out, struct text text) {
  unsigned char first = (unsigned char)text.at[0];
  if (first < 0x80) {
    if (first < 0x20 || first == 0x7f) put_escaped(out, first);
    else put_byte(out, (char)first);
    return 1;
  }
  unsigned point = 0xfffd;
  word bytes = character(text, &point);
  if (bytes == 0 || is_obeyed(point)) put_escaped(out, point);
  else if (!out->ascii) put(out, (struct text){text.at, bytes});
  else if (!put_symbol(out, point)) put_escaped(out, point);
  return bytes == 0 ? 1 : bytes;
}

void put_shown(struct out *out, struct text from_outside) {
  while (from_outside.length > 0) from_outside = behind(from_outside, put_character(out, from_outside));
}

void put_json_text(struct out *out, struct text in_json) {
  while (in_json.length > 0) {
    int escapes = in_json.at[0] == '\\' && in_json.length > 1;
    char what = escapes ? in_json.at[1] : 0;
    if (what == '"' || what == '\\' || what == '/') {
      put_byte(out, what);
      in_json = behind(in_json, 2);
    } else in_json = behind(in_json, put_character(out, in_json));
  }
}

void put_json_string(struct out *out, struct text plain) {
  put_byte(out, '"');
  for (word i = 0; i < plain.length; i++) {
    char byte = plain.at[i];
    if (byte == '"' || byte == '\\') put_byte(out, '\\');
    if ((unsigned char)byte < 0x20) put_unit(out, (unsigned char)byte);
    else put_byte(out, byte);
  }
  put_byte(out, '"');
}

void put_number(struct out *out, long number) {
  char digits[24];
  word at = sizeof digits;
  word left = number < 0 ? (word)-number : (word)number;
  do digits[--at] = (char)('0' + left % 10);
  while ((left /= 10) > 0);
  if (number < 0) digits[--at] = '-';
  put(out, (struct text){digits + at, sizeof digits - at});
}

void put_reason(struct out *out, long negative_errno) {
  switch (-negative_errno) {
    case ENOENT: say(out, "no such file or directory"); break;
    case EACCES: case EPERM: say(out, "permission denied"); break;
    case EAGAIN: say(out, "temporarily unavailable"); break;
    case ENOMEM: say(out, "not enough memory"); break;
    case EMFILE: case ENFILE: say(out, "too many open files"); break;
    case ENOSPC: say(out, "no space left"); break;
    case EROFS: say(out, "the file system is read-only"); break;
    case EBUSY: say(out, "in use"); break;
    case ECONNREFUSED: say(out, "connection refused"); break;
    case ELOOP: say(out, "it is a symbolic link"); break;
    case EFBIG: say(out, "it is larger than can be read here"); break;
    case ENAMETOOLONG: say(out, "the name is too long"); break;
    default: say(out, "the kernel answered error "); put_number(out, -negative_errno);
  }
}
