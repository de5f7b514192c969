/* An in-memory store with one serving thread that forks to write a snapshot, as databases of that kind do. The parent goes on serving:
 * every write to a page the child still shares copies that page. The growth ends by itself, at the latest when all pages are copied, and
 * is given back when the child ends.
 *
 *   snapshot RESIDENT_MB WRITES_PER_S CHILD_S LOG     SIGUSR1: take a snapshot */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/wait.h>
#include "answers.h"

static volatile sig_atomic_t wanted;
static void want(int s) { (void)s; wanted = 1; }
static void nap(uint64_t ns) { sleep_until_ns(now_ns() + ns); }

/* Closes files, frees lazily: does next to nothing. */
static void *background(void *unused)
{
	for (;;)
		nap(1000000000);
	return unused;
}

/* Reads everything at the pace of a disk, with a compressor's work. */
static void serialize(const char *data, size_t pages, double seconds)
{
	volatile unsigned long sum = 0;
	uint64_t start = now_ns();
	for (size_t p = 0; p < pages; p++) {
		for (unsigned long k = 0; k < PAGE; k += 64)
			sum += (unsigned char)data[p * PAGE + k];
		if (p % 64 == 63) {
			uint64_t due = start + (uint64_t)(seconds * 1e9 * (double)p / (double)pages);
			while (now_ns() < due)
				nap(500000);
		}
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	if (argc < 5)
		die("usage: snapshot RESIDENT_MB WRITES_PER_S CHILD_S LOG");
	size_t pages = (size_t)atoi(argv[1]) * 256;
	double writes = atof(argv[2]), child_s = atof(argv[3]);
	char *data = malloc(pages * PAGE);
	uint64_t seed = 1, last;
	pid_t child = 0;
	struct sigaction action = {.sa_handler = want};
	pthread_t thread;

	memset(data, 1, pages * PAGE);
	for (int i = 0; i < 3; i++) {
		pthread_create(&thread, NULL, background, NULL);
		pthread_setname_np(thread, "bio");
	}
	sigaction(SIGUSR1, &action, NULL);
	begin_answers(argv[4]);
	last = now_ns();
	for (double debt = 0;;) {
		uint64_t now = now_ns();
		debt += (double)(now - last) / 1e9 * writes;
		if (debt > writes / 10)
			debt = writes / 10; /* clients wait for their answers: no backlog beyond 100 ms */
		last = now;
		if (debt >= 1)
			answered();
		for (; debt >= 1; debt--) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			data[(seed >> 20) % pages * PAGE] = (char)seed;
		}
		if (wanted && !child) {
			wanted = 0;
			note("onset");
			child = fork();
			if (child == 0)
				serialize(data, pages, child_s);
		}
		if (child && waitpid(child, NULL, WNOHANG) == child) {
			child = 0;
			note("done");
		}
		nap(1000000);
	}
}
