/*
 * loadgen: open-loop HTTP load. Request n is due at begin + (n + u) / rate, whatever became of the others; its latency
 * counts from that moment (no coordinated omission) and it fails when it is not answered 2 s after it.
 *
 *   loadgen --port P --rate R --until-ms MS --connections N --seed S --out FILE.jsonl --acked FILE
 *
 * One JSON line per second of due time: t_ms (its begin, CLOCK_MONOTONIC), sent, acked, failed, worst_us, histogram: a map
 * from bucket to count, bucket b covering latencies from bound(b) = 2^(b/32) microseconds up to bound(b + 1).
 */
#define _GNU_SOURCE
#include "common.h"
#include <arpa/inet.h>
#include <math.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>

#define TIMEOUT_NS 2000000000ULL
#define MAX_SECONDS 1200
#define PER_OCTAVE 32
#define BUCKETS (24 * PER_OCTAVE)
#define MAX_CONNECTIONS 64

struct second {
	uint32_t sent, acked, failed, worst_us, histogram[BUCKETS];
};

static struct {
	int port, connections;
	double rate;
	uint64_t until_ns, seed;
	const char *out, *acked;
} opt = {.port = 8080, .connections = 16, .rate = 100, .seed = 1};

static struct second seconds[MAX_SECONDS];
static uint64_t begin_ns, next_request;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static FILE *acked_file;

static uint64_t due_ns(uint64_t n)
{
	double u = (double)(mix(opt.seed * 1000003ULL + n) >> 11) / 9007199254740992.0;
	return begin_ns + (uint64_t)(((double)n + u) / opt.rate * 1e9);
}

static void record(uint64_t due, uint64_t id, int ok)
{
	uint64_t latency_us = (now_ns() - due) / 1000;
	size_t s = (size_t)((due - begin_ns) / 1000000000ULL);
	if (s >= MAX_SECONDS)
		return;
	int bucket = latency_us < 1 ? 0 : (int)(log2((double)latency_us) * PER_OCTAVE);
	pthread_mutex_lock(&lock);
	struct second *r = &seconds[s];
	r->sent++;
	if (ok) {
		r->acked++;
		r->histogram[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
		if (latency_us > r->worst_us)
			r->worst_us = (uint32_t)latency_us;
		fprintf(acked_file, "%llu\n", (unsigned long long)id);
	} else {
		r->failed++;
	}
	pthread_mutex_unlock(&lock);
}

/* The rest of a request's two seconds, as the socket's own timeout; 0 when they are over. */
static int limit(int fd, uint64_t deadline)
{
	uint64_t t = now_ns();
	if (t >= deadline)
		return 0;
	uint64_t left_us = (deadline - t) / 1000 + 1;
	struct timeval v = {.tv_sec = (time_t)(left_us / 1000000), .tv_usec = (suseconds_t)(left_us % 1000000)};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &v, sizeof v);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &v, sizeof v);
	return 1;
}

static int connect_to(int port, uint64_t deadline)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (limit(fd, deadline) && connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	close(fd);
	return -1;
}

/* 1 when the service answered 200 with this request's id in time. */
static int exchange(int fd, uint64_t id, uint64_t deadline)
{
	char out[160], in[512];
	int n = snprintf(out, sizeof out, "POST /pay?id=%llu HTTP/1.1\r\nHost: lab\r\nContent-Length: 0\r\n\r\n", (unsigned long long)id);
	if (!limit(fd, deadline) || send(fd, out, (size_t)n, MSG_NOSIGNAL) != n)
		return 0;
	size_t have = 0;
	while (have < sizeof in - 1) {
		if (!limit(fd, deadline))
			return 0;
		ssize_t r = recv(fd, in + have, sizeof in - 1 - have, 0);
		if (r <= 0)
			return 0;
		have += (size_t)r;
		in[have] = 0;
		char *body = strstr(in, "\r\n\r\n"), *length = strcasestr(in, "content-length:");
		if (!body || !length)
			continue;
		if (strlen(body + 4) < (size_t)atoi(length + 15))
			continue;
		return !strncmp(in, "HTTP/1.1 200", 12) && strtoull(body + 4, NULL, 10) == id;
	}
	return 0;
}

static void *client(void *unused)
{
	(void)unused;
	int fd = -1;
	for (;;) {
		uint64_t n = __atomic_fetch_add(&next_request, 1, __ATOMIC_RELAXED);
		uint64_t due = due_ns(n), deadline = due + TIMEOUT_NS, id = opt.seed * 10000000ULL + n + 1;
		if (due >= opt.until_ns)
			return NULL;
		sleep_until_ns(due);
		if (fd < 0)
			fd = connect_to(opt.port, deadline);
		int ok = fd >= 0 && exchange(fd, id, deadline);
		record(due, id, ok);
		if (!ok && fd >= 0) {
			close(fd);
			fd = -1;
		}
	}
}

static void write_seconds(void)
{
	FILE *f = fopen(opt.out, "w");
	if (!f)
		die(opt.out);
	for (int s = 0; s < MAX_SECONDS; s++) {
		struct second *r = &seconds[s];
		if (!r->sent)
			continue;
		fprintf(f, "{\"t_ms\":%llu,\"sent\":%u,\"acked\":%u,\"failed\":%u,\"worst_us\":%u,\"histogram\":{",
			(unsigned long long)(begin_ns / 1000000ULL + (uint64_t)s * 1000), r->sent, r->acked, r->failed, r->worst_us);
		int first = 1;
		for (int b = 0; b < BUCKETS; b++)
			if (r->histogram[b]) {
				fprintf(f, "%s\"%d\":%u", first ? "" : ",", b, r->histogram[b]);
				first = 0;
			}
		fprintf(f, "}}\n");
	}
	fclose(f);
}

int main(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		const char *o = argv[i], *v = argv[i + 1];
		if (!strcmp(o, "--port")) opt.port = atoi(v);
		else if (!strcmp(o, "--rate")) opt.rate = atof(v);
		else if (!strcmp(o, "--until-ms")) opt.until_ns = strtoull(v, NULL, 10) * 1000000ULL;
		else if (!strcmp(o, "--connections")) opt.connections = atoi(v);
		else if (!strcmp(o, "--seed")) opt.seed = strtoull(v, NULL, 10);
		else if (!strcmp(o, "--out")) opt.out = v;
		else if (!strcmp(o, "--acked")) opt.acked = v;
		else {
			fprintf(stderr, "loadgen: unknown option %s\n", o);
			return 2;
		}
	}
	if (!opt.out || !opt.acked || opt.connections < 1 || opt.connections > MAX_CONNECTIONS) {
		fprintf(stderr, "loadgen: --out, --acked and 1..%d connections are needed\n", MAX_CONNECTIONS);
		return 2;
	}
	acked_file = fopen(opt.acked, "w");
	if (!acked_file)
		die(opt.acked);
	begin_ns = now_ns();
	pthread_t t[MAX_CONNECTIONS];
	for (int i = 0; i < opt.connections; i++)
		if (pthread_create(&t[i], NULL, client, NULL))
			die("pthread_create");
	for (int i = 0; i < opt.connections; i++)
		pthread_join(t[i], NULL);
	fclose(acked_file);
	write_seconds();
	return 0;
}
