/* A service whose leak no single limit holds: hydra FILE LEAK_BYTES_PER_MS
 * One process works; from SIGUSR1 on its HEADS helpers take memory in turn, a bite each, at first so much per ms and after a minute
 * and a half twice as much. None of them carries the growth; and what a limit on charged pages does to one (the kernel delays it by 2 s a
 * bite at most) is over before its next turn, so it slows nothing down. FILE holds "requests taken_mib". */
#include "common.h"
#include <math.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define HEADS 128
/* What the kernel charges at once: a larger bite would be delayed in its middle. */
#define BITE (256 * KIB)
/* After so long the leak is twice as fast. */
#define TWICE_MS 90000.0

static struct shared { volatile uint64_t began_ns, taken; } *shared;
static double bytes_per_ms;

/* When so much is taken of a leak whose pace grows steadily: bytes = pace * (t + t^2 / (2 * TWICE)). */
static uint64_t due_ns(uint64_t bytes)
{
	double ms = TWICE_MS * (sqrt(1 + 2 * (double)bytes / (bytes_per_ms * TWICE_MS)) - 1);
	return shared->began_ns + (uint64_t)(ms * 1e6);
}

static void bite(void)
{
	if (mmap(NULL, BITE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0) == MAP_FAILED)
		die("mmap");
	__sync_fetch_and_add(&shared->taken, BITE);
}

/* Waits for the end of the pipe, which is the onset. */
static void head(uint64_t own, int pipe_read, pid_t parent)
{
	char unused;

	prctl(PR_SET_NAME, "head");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || read(pipe_read, &unused, 1) != 0)
		exit(1);
	for (uint64_t turn = own;; turn += HEADS) {
		sleep_until_ns(due_ns(turn * BITE));
		bite();
	}
}

static volatile sig_atomic_t faulty;

static void begin_fault(int signal)
{
	faulty = signal;
}

int main(int n, char **w)
{
	int onset[2], begun = 0;
	pid_t parent = getpid();
	unsigned long requests = 0;

	if (n != 3) {
		fprintf(stderr, "hydra FILE LEAK_BYTES_PER_MS\n");
		return 2;
	}
	bytes_per_ms = strtod(w[2], NULL);
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || pipe(onset))
		die("hydra");
	for (uint64_t i = 0; bytes_per_ms > 0 && i < HEADS; i++) {
		pid_t child = fork();
		if (child < 0)
			die("fork");
		if (child == 0) {
			close(onset[1]);
			head(i, onset[0], parent);
		}
	}
	signal(SIGUSR1, begin_fault);
	for (;; usleep(2000)) {
		FILE *progress;
		if (faulty && !begun++) {
			shared->began_ns = now_ns();
			close(onset[1]);
		}
		if (++requests % 50)
			continue;
		progress = fopen(w[1], "w");
		if (progress) {
			fprintf(progress, "%lu %llu\n", requests, (unsigned long long)(shared->taken >> 20));
			fclose(progress);
		}
	}
}
