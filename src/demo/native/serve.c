/*
 * The service of the demonstration: four threads answer requests on a Unix socket, each on memory of its own that it has from the start. A fifth
 * takes memory and never gives it back, once a line arrives on standard input: the fault that HOSA is to find.
 */

#include "system.h"

enum { WORKERS = 4, REQUEST_BYTES = 1024, WORK_BYTES = 64 << 10, PIECE_BYTES = 256 << 10 };

static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

struct worker {
  long listener;
  char *memory;
};

static int is_whole(const char *request, long length) {
  return length >= 4 && request[length - 4] == '\r' && request[length - 3] == '\n' && request[length - 2] == '\r' &&
         request[length - 1] == '\n';
}

static void answer(long connection, char *memory) {
  char request[REQUEST_BYTES];
  long length = 0, got = 1;
  while (got > 0 && length < REQUEST_BYTES && !is_whole(request, length)) {
    got = call3(__NR_read, connection, request + length, REQUEST_BYTES - length);
    if (got > 0) length += got;
  }
  if (!is_whole(request, length)) return;
  for (word at = 0; at < WORK_BYTES; at++) memory[at] = (char)(memory[at] + request[at % (word)length]);
  call3(__NR_write, connection, ANSWER, sizeof ANSWER - 1);
}

static void work(void *argument) {
  struct worker *worker = argument;
  for (;;) {
    long connection = call4(__NR_accept4, worker->listener, 0, 0, O_CLOEXEC);
    if (connection < 0) continue;
    answer(connection, worker->memory);
    call1(__NR_close, connection);
  }
}

/* At most a second of what was missed is made up for: a filler that was held goes on where it stood. */
static void leak(void *argument) {
  long per_s = (long)argument * MIB;
  char line[16];
  if (call3(__NR_read, INPUT, line, sizeof line) <= 0) return;
  say("leak", call0(__NR_gettid), "t_ns", now_ns(), 0, 0, 0, 0);
  long last_ns = now_ns(), owed = 0;
  for (;;) {
    long t_ns = now_ns();
    owed += (t_ns - last_ns) / NS_PER_US * (per_s / 1000) / 1000;
    last_ns = t_ns;
    if (owed > per_s) owed = per_s;
    if (owed < PIECE_BYTES) {
      sleep_until_ns(t_ns + 5000000);
      continue;
    }
    touch(reserve(PIECE_BYTES), PIECE_BYTES);
    owed -= PIECE_BYTES;
  }
}

void serve(const char *socket, long resident_mib, long leak_mib_per_s) {
  long listener = unix_socket(socket, 1, 0);
  if (listener < 0) fail("cannot listen at", socket, listener);
  touch(reserve((word)resident_mib * MIB), (word)resident_mib * MIB);
  struct worker *workers = (struct worker *)reserve(PAGE_BYTES);
  for (int i = 0; i < WORKERS; i++) {
    workers[i] = (struct worker){listener, reserve(WORK_BYTES)};
    touch(workers[i].memory, WORK_BYTES);
    start_thread("worker", work, &workers[i]);
  }
  start_thread("cache-filler", leak, (void *)leak_mib_per_s);
  say("ready", call0(__NR_getpid), 0, 0, 0, 0, 0, 0);
  for (;;) call0(__NR_pause);
}
