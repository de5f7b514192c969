/* N processes write files into a tmpfs; beside them one thread of another process of the same cgroup allocates and frees a little, and
 * answers for the service.
 *
 *   shm N MB_PER_S_EACH DIR LOG STOP_MB     SIGUSR1 to the first process: writing begins, and stops at STOP_MB in all */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>
#include "answers.h"

static volatile int *begun;
static void begin(int s) { (void)s; *begun = 1; }
static void nap(uint64_t ns) { sleep_until_ns(now_ns() + ns); }

static void *helper(void *unused)
{
	for (;;)
		nap(10000000);
	return unused;
}

static void *janitor(void *unused)
{
	(void)unused;
	for (int noted = 0;;) {
		nap(10000000);
		char *piece = mmap(NULL, 40 * KIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		memset(piece, 1, 40 * KIB);
		munmap(piece, 40 * KIB);
		answered();
		if (*begun && !noted) {
			note("onset");
			noted = 1;
		}
	}
	return NULL;
}

static void write_files(const char *dir, int number, double mb_s, double stop_mb)
{
	char path[256], *piece = malloc(256 * KIB);
	double done = 0;
	int fd;
	memset(piece, 1, 256 * KIB);
	snprintf(path, sizeof path, "%s/part%d", dir, number);
	fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	if (fd < 0)
		die(path);
	while (!*begun)
		nap(20000000);
	while (done < stop_mb && write(fd, piece, 256 * KIB) > 0) {
		done += 0.25;
		nap((uint64_t)(0.25 / mb_s * 1e9));
	}
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	if (argc < 6)
		die("usage: shm N MB_PER_S_EACH DIR LOG STOP_MB");
	int writers = atoi(argv[1]);
	pthread_t thread;
	begun = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < writers; i++)
		if (fork() == 0)
			write_files(argv[3], i, atof(argv[2]), atof(argv[5]) / writers);
	signal(SIGUSR1, begin);
	begin_answers(argv[4]);
	pthread_create(&thread, NULL, janitor, NULL);
	pthread_setname_np(thread, "janitor");
	for (int i = 0; i < 3; i++) {
		pthread_create(&thread, NULL, helper, NULL);
		pthread_setname_np(thread, "helper");
	}
	for (;;)
		pause();
}
