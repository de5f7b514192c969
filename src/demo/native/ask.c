/*
 * The load of the demonstration, open loop: request n is due at a moment fixed before, whatever became of the others. It is answered when
 * its answer is whole within a second after that moment. One line for each second of due times, once their deadlines are over.
 */

#include "system.h"

enum { ASKERS = 8, SECONDS = 512, ANSWER_BYTES = 256 };
static const long DEADLINE_NS = NS_PER_S;

static const char REQUEST[] = "GET / HTTP/1.1\r\nHost: hosa-demo\r\n\r\n";
static const char EXPECTED[] = "HTTP/1.1 200";

struct second {
  long sent, answered, worst_us;
};

struct load {
  const char *socket;
  long per_s, begin_ns, next;
  struct second *seconds;
};

static int exchange(const char *socket, long left_ns) {
  char answer[ANSWER_BYTES];
  long connection = unix_socket(socket, 0, left_ns);
  if (connection < 0) return 0;
  long length = 0, got = call3(__NR_write, connection, REQUEST, sizeof REQUEST - 1);
  while (got > 0 && length < ANSWER_BYTES) {
    got = call3(__NR_read, connection, answer + length, ANSWER_BYTES - length);
    if (got > 0) length += got;
  }
  call1(__NR_close, connection);
  if (got < 0 || length < (long)sizeof EXPECTED - 1) return 0;
  for (word i = 0; i < sizeof EXPECTED - 1; i++)
    if (answer[i] != EXPECTED[i]) return 0;
  return 1;
}

static void ask_on(void *argument) {
  struct load *load = argument;
  for (;;) {
    long n = __atomic_fetch_add(&load->next, 1, __ATOMIC_RELAXED);
    long due_ns = load->begin_ns + n * (NS_PER_S / load->per_s);
    struct second *second = &load->seconds[(due_ns - load->begin_ns) / NS_PER_S % SECONDS];
    sleep_until_ns(due_ns);
    long left_ns = due_ns + DEADLINE_NS - now_ns();
    int answered = left_ns > 0 && exchange(load->socket, left_ns);
    long latency_us = (now_ns() - due_ns) / NS_PER_US;
    __atomic_fetch_add(&second->sent, 1, __ATOMIC_RELAXED);
    if (!answered || latency_us > DEADLINE_NS / NS_PER_US) continue;
    __atomic_fetch_add(&second->answered, 1, __ATOMIC_RELAXED);
    long worst = __atomic_load_n(&second->worst_us, __ATOMIC_RELAXED);
    while (latency_us > worst &&
           !__atomic_compare_exchange_n(&second->worst_us, &worst, latency_us, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
  }
}

void ask(const char *socket, long per_s) {
  struct load *load = (struct load *)reserve(PAGE_BYTES);
  *load = (struct load){socket, per_s < 1 ? 1 : per_s, now_ns(), 0, (struct second *)reserve(SECONDS * sizeof(struct second))};
  say("begin", load->begin_ns, 0, 0, 0, 0, 0, 0);
  for (int i = 0; i < ASKERS; i++) start_thread("asker", ask_on, load);
  for (long s = 0;; s++) {
    /* Until what was due in it has either been answered or failed. */
    sleep_until_ns(load->begin_ns + (s + 1) * NS_PER_S + DEADLINE_NS + NS_PER_S / 10);
    struct second *second = &load->seconds[s % SECONDS];
    say("second", s, "sent", second->sent, "answered", second->answered, "worst_us", second->worst_us);
    *second = (struct second){0, 0, 0};
  }
}
