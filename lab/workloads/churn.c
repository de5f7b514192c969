/*
 * churn: ordinary work that a node must live with.
 *
 *   churn read FILE MB            read MB from the file through the page cache (a backup)
 *   churn compile JOBS SECONDS    JOBS at a time, short-lived processes of 30..80 MB each (a parallel build)
 *   churn burst RATE SECONDS      RATE execs per second of a process that ends at once (cron)
 *   churn compiler MB MS, churn nothing    what the two above start
 */
#define _GNU_SOURCE
#include "common.h"
#include <sys/wait.h>

static int read_through(const char *file, unsigned long mb)
{
	static char block[MIB];
	int fd = open(file, O_RDONLY);
	if (fd < 0)
		die(file);
	for (unsigned long i = 0; i < mb; i++)
		if (read(fd, block, sizeof block) <= 0)
			break;
	close(fd);
	return 0;
}

static pid_t spawn(const char *a, const char *b, const char *c)
{
	pid_t p = fork();
	if (p == 0) {
		execl("/proc/self/exe", "churn", a, b, c, (char *)NULL);
		_exit(127);
	}
	return p;
}

static int compile(int jobs, double seconds)
{
	uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);
	int running = 0;
	for (uint64_t n = 0; now_ns() < end; n++) {
		char mb[16], ms[16];
		snprintf(mb, sizeof mb, "%llu", (unsigned long long)(30 + mix(n) % 50));
		snprintf(ms, sizeof ms, "%llu", (unsigned long long)(400 + mix(n + 77) % 800));
		if (spawn("compiler", mb, ms) > 0)
			running++;
		while (running >= jobs && wait(NULL) > 0)
			running--;
	}
	while (wait(NULL) > 0)
		;
	return 0;
}

/* Allocates step by step, computes a little, ends. */
static int compiler(size_t mb, unsigned long ms)
{
	uint64_t begin = now_ns();
	for (size_t i = 0; i < mb; i++) {
		char *p = malloc(MIB);
		if (p)
			touch(p, MIB);
		uint64_t sum = 0;
		for (int j = 0; j < 100000; j++)
			sum += mix(sum + (uint64_t)j);
		__asm__ volatile("" : : "r"(sum));
		sleep_until_ns(begin + ms * 1000000ULL * (i + 1) / mb);
	}
	return 0;
}

static int burst(double rate, double seconds)
{
	uint64_t begin = now_ns();
	for (int i = 0; i < (int)(rate * seconds); i++) {
		sleep_until_ns(begin + (uint64_t)(i / rate * 1e9));
		if (spawn("nothing", NULL, NULL) > 0)
			while (waitpid(-1, NULL, WNOHANG) > 0)
				;
	}
	while (wait(NULL) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	if (!strcmp(what, "nothing"))
		return 0;
	if (argc == 4 && !strcmp(what, "read"))
		return read_through(argv[2], strtoul(argv[3], NULL, 10));
	if (argc == 4 && !strcmp(what, "compile"))
		return compile(atoi(argv[2]), atof(argv[3]));
	if (argc == 4 && !strcmp(what, "compiler"))
		return compiler(strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10));
	if (argc == 4 && !strcmp(what, "burst"))
		return burst(atof(argv[2]), atof(argv[3]));
	fprintf(stderr, "churn: read FILE MB | compile JOBS SECONDS | burst RATE SECONDS\n");
	return 2;
}
