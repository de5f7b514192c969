/* A service whose leak moves on whenever it is held: hydra FILE LEAK_BYTES_PER_MS
 * One thread works; from SIGUSR1 on another one takes memory ("leak"), and a third one watches ("watch"): for a leaker that has
 * not moved for 50 ms, frozen or delayed by a limit, it starts a successor, whose first bite is 2 MiB in one system call, which no
 * delay on the way out of the kernel can prevent. FILE holds "leakers requests taken_mib". */
#include "common.h"
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define LEAKERS_MAX 2048
#define STEP_MS 20
#define STUCK_MS 50
#define FIRST_BITE (2UL << 20)

static struct { volatile uint64_t moved_ns; int replaced; } leakers[LEAKERS_MAX];
static volatile long count, requests;
static volatile uint64_t taken;
static uint64_t bytes_per_ms;

static void bite(uint64_t bytes)
{
	if (mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0) == MAP_FAILED)
		die("mmap");
	__sync_fetch_and_add(&taken, bytes);
}

static void *leak(void *number)
{
	long own = (long)(intptr_t)number;
	uint64_t due;

	prctl(PR_SET_NAME, "leak");
	leakers[own].moved_ns = now_ns();
	if (own > 0)
		bite(FIRST_BITE);
	for (due = now_ns();; due += STEP_MS * 1000000ULL) {
		uint64_t now = now_ns();
		leakers[own].moved_ns = now;
		/* What was missed meanwhile is not made up for. */
		if (due < now)
			due = now;
		bite(STEP_MS * bytes_per_ms);
		sleep_until_ns(due + STEP_MS * 1000000ULL);
	}
	return NULL;
}

static void start_leaker(void)
{
	pthread_attr_t small;
	pthread_t t;

	if (count >= LEAKERS_MAX)
		return;
	leakers[count].moved_ns = now_ns();
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	if (pthread_create(&t, &small, leak, (void *)(intptr_t)count) == 0)
		count++;
}

static void *watch(void *unused)
{
	prctl(PR_SET_NAME, "watch");
	for (;; usleep(10000))
		for (long i = 0, n = count; i < n; i++) {
			if (leakers[i].replaced || now_ns() - leakers[i].moved_ns < STUCK_MS * 1000000ULL)
				continue;
			leakers[i].replaced = 1;
			start_leaker();
		}
	return unused;
}

static volatile sig_atomic_t faulty;

static void begin_fault(int signal)
{
	faulty = signal;
}

int main(int n, char **w)
{
	pthread_t t;
	int begun = 0;

	if (n != 3) {
		fprintf(stderr, "hydra FILE LEAK_BYTES_PER_MS\n");
		return 2;
	}
	bytes_per_ms = strtoull(w[2], NULL, 10);
	signal(SIGUSR1, begin_fault);
	if (pthread_create(&t, NULL, watch, NULL))
		die("thread");
	for (;; usleep(2000)) {
		FILE *progress;
		if (faulty && !begun++)
			start_leaker();
		if (++requests % 50)
			continue;
		progress = fopen(w[1], "w");
		if (progress) {
			fprintf(progress, "%ld %ld %llu\n", count, requests, (unsigned long long)(taken >> 20));
			fclose(progress);
		}
	}
}
