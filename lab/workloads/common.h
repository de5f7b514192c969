/* Clock, options and the event log shared by the lab's workloads. */
#ifndef LAB_COMMON_H
#define LAB_COMMON_H
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define KIB 1024UL
#define MIB (1024UL * 1024UL)
#define PAGE 4096UL

static inline uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static inline void sleep_until_ns(uint64_t at)
{
	struct timespec t = {.tv_sec = (time_t)(at / 1000000000ULL), .tv_nsec = (long)(at % 1000000000ULL)};
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

static inline void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

/* splitmix64: the same numbers for the same seed on every run */
static inline uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/* Makes every page of a piece resident. */
static inline void touch(void *piece, size_t bytes)
{
	volatile char *p = piece;
	for (size_t i = 0; i < bytes; i += PAGE)
		p[i] = 1;
}

/* One line {"t_ns":..,"event":"..","detail":".."} appended in one write, so that processes may share the file. */
static inline void log_event(const char *file, const char *event, const char *format, ...)
{
	char detail[160], line[320];
	va_list a;
	va_start(a, format);
	vsnprintf(detail, sizeof detail, format, a);
	va_end(a);
	int n = snprintf(line, sizeof line, "{\"t_ns\":%llu,\"event\":\"%s\",\"detail\":\"%s\"}\n",
			 (unsigned long long)now_ns(), event, detail);
	int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, line, (size_t)n) != n)
		fprintf(stderr, "cannot log %s to %s\n", event, file);
	if (fd >= 0)
		close(fd);
}
#endif
