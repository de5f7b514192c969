/* A service whose workers take a lock for a moment at each request; one thread leaks and takes the same lock for each entry it adds, so
 * a stop of that thread may stop it with the lock. How the workers wait for it decides what a stuck service looks like:
 *   spin   they burn their processors · yield  they offer them to others · nap  they sleep for 50 us again and again
 *
 *   spin MB_PER_S REQUESTS_PER_S HOLD_US LOG [spin|yield|nap] [write]      SIGUSR1: the leak begins
 *
 * With `write` each answer is a write(2) as well. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include "answers.h"

static volatile sig_atomic_t begun;
static atomic_int lock_;
static double mb_s, rps, hold_us;
static char how = 's';
static int out = -1;
static void begin(int s) { (void)s; begun = 1; }
static void nap(uint64_t ns) { sleep_until_ns(now_ns() + ns); }
static void give(void) { atomic_store_explicit(&lock_, 0, memory_order_release); }

static void take(void)
{
	while (atomic_exchange_explicit(&lock_, 1, memory_order_acquire))
		while (atomic_load_explicit(&lock_, memory_order_relaxed)) { /* no pause instruction: an emulated one is dear */
			if (how == 'y')
				sched_yield();
			else if (how == 'n')
				nap(50000);
		}
}

static void *worker(void *arg)
{
	uint64_t period = (uint64_t)(4e9 / rps), due = now_ns() + (uint64_t)(uintptr_t)arg * period / 4;
	for (;; due += period) {
		uint64_t now = now_ns();
		if (due > now)
			nap(due - now);
		char *piece = malloc(64 * KIB);
		memset(piece, 1, 64 * KIB);
		take();
		piece[0]++;
		give();
		if (out >= 0 && write(out, piece, 64) < 0)
			die("write");
		free(piece);
		answered();
		now = now_ns();
		if (now - due > 100000000)
			due = now;
	}
	return NULL;
}

static void *leaker(void *unused)
{
	(void)unused;
	while (!begun)
		nap(20000000);
	note("onset");
	uint64_t last = now_ns();
	for (double debt = 0;;) {
		uint64_t now = now_ns();
		debt += (double)(now - last) / 1e9 * mb_s * MIB;
		last = now;
		if (debt > mb_s * MIB)
			debt = mb_s * MIB;
		if (debt < 512 * KIB) {
			nap(5000000);
			continue;
		}
		take();
		char *piece = malloc(512 * KIB);
		memset(piece, 1, 512 * KIB);
		for (uint64_t end = now_ns() + (uint64_t)(hold_us * 1000); now_ns() < end;) /* sorts it in */
			;
		give();
		debt -= 512 * KIB;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	if (argc < 5)
		die("usage: spin MB_PER_S REQUESTS_PER_S HOLD_US LOG [spin|yield|nap] [write]");
	mb_s = atof(argv[1]);
	rps = atof(argv[2]);
	hold_us = atof(argv[3]);
	if (argc > 5)
		how = argv[5][0];
	if (argc > 6)
		out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	signal(SIGUSR1, begin);
	memset(malloc(96 * MIB), 1, 96 * MIB);
	begin_answers(argv[4]);
	for (uintptr_t i = 0; i < 4; i++) {
		pthread_create(&thread, NULL, worker, (void *)i);
		pthread_setname_np(thread, "worker");
	}
	pthread_create(&thread, NULL, leaker, NULL);
	pthread_setname_np(thread, "filler");
	for (;;)
		pause();
}
