/*
 * sampler: what the kernel says about each slice, every 50 ms, from descriptors kept open.
 *
 *   sampler --until-ms MS --out FILE SLICE...
 *
 * Tab-separated, one line per slice and moment:
 * t_ns slice memory_bytes high_events oom oom_kill psi_some_us psi_full_us populated frozen node_available_bytes swap_bytes
 */
#define _GNU_SOURCE
#include "common.h"

#define PERIOD_NS 50000000ULL
#define MAX_SLICES 8

struct slice {
	const char *name;
	int current, events, pressure, state, swap;
};

static int open_file(const char *slice, const char *file)
{
	char path[256];
	snprintf(path, sizeof path, "/sys/fs/cgroup/%s/%s", slice, file);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static const char *read_file(int fd)
{
	static char text[4096];
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = 0;
	return text;
}

/* The number after `key` in a "key value" or "key=value" text; 0 when it is not there. */
static unsigned long long field(const char *text, const char *key)
{
	const char *p = strstr(text, key);
	return p ? strtoull(p + strlen(key), NULL, 10) : 0;
}

static unsigned long long stall_us(const char *text, const char *kind)
{
	const char *p = strstr(text, kind);
	return p ? field(p, "total=") : 0;
}

int main(int argc, char **argv)
{
	struct slice slices[MAX_SLICES];
	int n = 0;
	uint64_t until_ns = 0;
	FILE *out = NULL;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--until-ms") && i + 1 < argc)
			until_ns = strtoull(argv[++i], NULL, 10) * 1000000ULL;
		else if (!strcmp(argv[i], "--out") && i + 1 < argc)
			out = fopen(argv[++i], "w");
		else if (n < MAX_SLICES)
			slices[n++].name = argv[i];
	}
	if (!out || !n) {
		fprintf(stderr, "sampler: --out FILE and at least one slice are needed\n");
		return 2;
	}
	for (int i = 0; i < n; i++) {
		struct slice *s = &slices[i];
		s->current = open_file(s->name, "memory.current");
		s->events = open_file(s->name, "memory.events");
		s->pressure = open_file(s->name, "memory.pressure");
		s->state = open_file(s->name, "cgroup.events");
		s->swap = open_file(s->name, "memory.swap.current");
	}
	int meminfo = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
	for (uint64_t t = now_ns(); t < until_ns; t += PERIOD_NS) {
		sleep_until_ns(t);
		unsigned long long available = field(read_file(meminfo), "MemAvailable:") * 1024;
		for (int i = 0; i < n; i++) {
			struct slice *s = &slices[i];
			unsigned long long stamp = now_ns(), bytes = strtoull(read_file(s->current), NULL, 10);
			const char *e = read_file(s->events);
			unsigned long long high = field(e, "\nhigh "), oom = field(e, "\noom "), kill = field(e, "\noom_kill ");
			const char *p = read_file(s->pressure);
			unsigned long long some = stall_us(p, "some"), full = stall_us(p, "full");
			const char *c = read_file(s->state);
			unsigned long long populated = field(c, "populated "), frozen = field(c, "frozen ");
			unsigned long long swap = strtoull(read_file(s->swap), NULL, 10);
			fprintf(out, "%llu\t%s\t%llu\t%llu\t%llu\t%llu\t%llu\t%llu\t%llu\t%llu\t%llu\t%llu\n", stamp, s->name, bytes,
				high, oom, kill, some, full, populated, frozen, available, swap);
		}
	}
	fclose(out);
	return 0;
}
