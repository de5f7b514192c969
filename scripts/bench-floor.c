// SPDX-License-Identifier: Apache-2.0
// bench-floor PERIOD_MS SECONDS: sleeps and reads the files of a beat, as HOSA does at that rate, and nothing else.
// Prints "p50_us p99_us cpu_percent": the part of a beat's cost that no agent on this machine can avoid.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct source {
	const char *path;
	double period_ms; // 0: at every beat
	double next_ms;
	int fd;
};

static struct source sources[] = {
	{"/proc/meminfo", 0},        {"/proc/pressure/cpu", 30},  {"/proc/pressure/memory", 30},
	{"/proc/pressure/io", 30},   {"/proc/loadavg", 200},      {"/proc/vmstat", 200},
	{"/proc/net/dev", 200},      {"/proc/stat", 1000},        {"/proc/buddyinfo", 1000},
};
#define SOURCES (sizeof(sources) / sizeof(sources[0]))

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static double cpu_us(void)
{
	struct rusage r;
	getrusage(RUSAGE_SELF, &r);
	return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1e6 + r.ru_utime.tv_usec + r.ru_stime.tv_usec;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	static char buffer[1 << 16];
	double period_ms = argc > 1 ? atof(argv[1]) : 100, seconds = argc > 2 ? atof(argv[2]) : 30;
	int beats = seconds * 1000 / period_ms;
	double *cost_us = calloc(beats, sizeof(double));
	if (beats < 1 || !cost_us)
		return 2;
	for (size_t i = 0; i < SOURCES; i++)
		sources[i].fd = open(sources[i].path, O_RDONLY | O_CLOEXEC);
	double start_us = now_us(), start_cpu_us = cpu_us();
	for (int beat = 0; beat < beats; beat++) {
		usleep(period_ms * 1000);
		double begun_us = now_us(), t_ms = beat * period_ms;
		for (size_t i = 0; i < SOURCES; i++) {
			struct source *s = &sources[i];
			if (s->fd < 0 || t_ms < s->next_ms)
				continue;
			s->next_ms = t_ms + s->period_ms;
			if (pread(s->fd, buffer, sizeof(buffer), 0) < 0)
				return 1;
		}
		cost_us[beat] = now_us() - begun_us;
	}
	double cpu_percent = 100 * (cpu_us() - start_cpu_us) / (now_us() - start_us);
	qsort(cost_us, beats, sizeof(double), ascending);
	printf("%.1f %.1f %.3f\n", cost_us[beats / 2], cost_us[(int)(beats * 0.99)], cpu_percent);
	return 0;
}
