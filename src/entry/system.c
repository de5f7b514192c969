#include "system.h"

#include <linux/mman.h>

void *reserve(word bytes) {
  long got = system_call(__NR_mmap, 0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                         (word)-1, 0);
  return got < 0 ? 0 : (void *)got;
}

void pause_ms(long ms) {
  struct { long seconds, nanoseconds; } time = {ms / 1000, ms % 1000 * 1000000};
  call2(__NR_nanosleep, &time, 0);
}

long read_file(const char *path, char *into, word room) {
  long file = call3(__NR_open, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
  if (file < 0) return file;
  word length = 0;
  long got = 1;
  while (got > 0 && length < room - 1) {
    got = call3(__NR_read, file, into + length, room - 1 - length);
    if (got > 0) length += (word)got;
  }
  call1(__NR_close, file);
  if (got < 0) return got;
  if (got > 0) return -EFBIG;
  into[length] = 0;
  return (long)length;
}

long write_file(const char *path, const char *bytes, word length) {
  long file = call3(__NR_open, path, O_WRONLY | O_CLOEXEC | O_NONBLOCK, 0);
  if (file < 0) return file;
  long written = call3(__NR_write, file, bytes, length);
  call1(__NR_close, file);
  return written < 0 ? written : 0;
}
