/* What the flood scenario runs, one word each:
 *   serve PORT WORK_US                       HTTP: every request costs so much CPU, every connection one request
 *   echo PORT                                what a session talks to
 *   probe HOST PORT RATE UNTIL_MS OUT        a new connection per request; due times are fixed before: "due_ms latency_us ok"
 *   session HOST PORT UNTIL_MS OUT           one connection, a byte to and fro every 100 ms until SIGTERM: "t_ms rtt_us", then alive or cut
 *   syn|udp HOST PORT RATE SOURCES UNTIL_MS  packets from so many invented addresses (10.77.128.0 and up)
 *   http HOST PORT RATE FROM+N UNTIL_MS      whole requests from N addresses from FROM on, a new connection each, that wait for nobody
 * Times are milliseconds of CLOCK_MONOTONIC. */
#include "common.h"
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#define THREADS 8
#define PROBES 96
#define GIVE_UP_MS 2000
#define SESSION_GIVE_UP_MS 15000

static struct sockaddr_in address_of(const char *host, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	inet_pton(AF_INET, host, &a.sin_addr);
	return a;
}

static int listen_on(int port)
{
	struct sockaddr_in a = address_of("0.0.0.0", port);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 128))
		die("listen");
	return s;
}

static int listener;
static uint64_t work_ns;

static void *serve_one(void *unused)
{
	static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
	char request[1024];
	for (;;) {
		int c = accept(listener, NULL, NULL);
		struct timeval patience = {.tv_sec = 1};
		if (c < 0)
			continue;
		setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
		if (recv(c, request, sizeof request, 0) > 0) {
			for (uint64_t end = now_ns() + work_ns; now_ns() < end;)
				;
			send(c, reply, sizeof reply - 1, MSG_NOSIGNAL);
		}
		close(c);
	}
	return unused;
}

static void serve(int port, int work_us)
{
	pthread_t t;
	listener = listen_on(port);
	work_ns = (uint64_t)work_us * 1000;
	for (int i = 1; i < THREADS; i++)
		pthread_create(&t, NULL, serve_one, NULL);
	serve_one(NULL);
}

static void *echo_one(void *connection)
{
	int c = (int)(intptr_t)connection;
	char byte;
	while (recv(c, &byte, 1, 0) == 1 && send(c, &byte, 1, MSG_NOSIGNAL) == 1)
		;
	close(c);
	return NULL;
}

static void echo(int port)
{
	pthread_t t;
	int s = listen_on(port);
	for (;;) {
		int c = accept(s, NULL, NULL);
		if (c >= 0)
			pthread_create(&t, NULL, echo_one, (void *)(intptr_t)c);
	}
}

static int within(int s, short what, uint64_t end_ns)
{
	uint64_t now = now_ns();
	struct pollfd p = {.fd = s, .events = what};
	return now < end_ns && poll(&p, 1, (int)((end_ns - now) / 1000000) + 1) == 1;
}

static int request(struct sockaddr_in *to, uint64_t end_ns)
{
	static const char get[] = "GET / HTTP/1.1\r\nHost: lab\r\n\r\n";
	char reply[256];
	int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error = 0, ok = 0;
	socklen_t size = sizeof error;
	struct linger at_once = {.l_onoff = 1};
	setsockopt(s, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	if ((connect(s, (struct sockaddr *)to, sizeof *to) == 0 || errno == EINPROGRESS) && within(s, POLLOUT, end_ns) &&
	    getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0 &&
	    send(s, get, sizeof get - 1, MSG_NOSIGNAL) > 0 && within(s, POLLIN, end_ns))
		ok = recv(s, reply, sizeof reply, 0) > 12 && memcmp(reply, "HTTP/1.1 200", 12) == 0;
	close(s);
	return ok;
}

static struct sockaddr_in probed;
static uint64_t first_ns, step_ns, until_ns;
static FILE *out;

static void *probe_one(void *number)
{
	for (uint64_t i = (uint64_t)(uintptr_t)number;; i += PROBES) {
		uint64_t due = first_ns + i * step_ns, done;
		int ok;
		if (due >= until_ns)
			return NULL;
		sleep_until_ns(due);
		ok = request(&probed, due + GIVE_UP_MS * 1000000ULL);
		done = now_ns();
		fprintf(out, "%llu %llu %d\n", (unsigned long long)due / 1000000, (unsigned long long)(done - due) / 1000, ok);
	}
}

static void probe(const char *host, int port, int rate)
{
	pthread_t threads[PROBES];
	probed = address_of(host, port);
	step_ns = 1000000000ULL / (uint64_t)rate;
	first_ns = now_ns() + step_ns;
	for (intptr_t i = 0; i < PROBES; i++)
		pthread_create(&threads[i], NULL, probe_one, (void *)i);
	for (int i = 0; i < PROBES; i++)
		pthread_join(threads[i], NULL);
}

static volatile sig_atomic_t ended;

static void end_session(int signal)
{
	ended = signal;
}

static void session(const char *host, int port)
{
	struct sockaddr_in to = address_of(host, port);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char byte = 's';
	if (connect(s, (struct sockaddr *)&to, sizeof to))
		die("session");
	signal(SIGTERM, end_session);
	for (uint64_t due = now_ns(); due < until_ns && !ended; due += 100000000ULL) {
		uint64_t sent;
		sleep_until_ns(due);
		sent = now_ns();
		if (send(s, &byte, 1, MSG_NOSIGNAL) != 1 || !within(s, POLLIN, sent + SESSION_GIVE_UP_MS * 1000000ULL) ||
		    recv(s, &byte, 1, 0) != 1) {
			if (ended)
				break;
			fprintf(out, "cut %llu\n", (unsigned long long)now_ns() / 1000000);
			exit(0);
		}
		fprintf(out, "%llu %llu\n", (unsigned long long)sent / 1000000, (unsigned long long)(now_ns() - sent) / 1000);
	}
	fprintf(out, "alive\n");
}

#define HTTP_THREADS 8
#define OPEN_EACH 256
/* A request is sent so many connections after its own was begun: by then it stands. */
#define REQUEST_AFTER 8

static struct sockaddr_in hammered, hammer_from;
static uint64_t hammer_sources, begun;

static void *hammer(void *number)
{
	static const char get[] = "GET / HTTP/1.1\r\nHost: lab\r\n\r\n";
	struct linger at_once = {.l_onoff = 1};
	int open_sockets[OPEN_EACH], on = 1;
	uint64_t thread = (uint64_t)(uintptr_t)number;

	memset(open_sockets, -1, sizeof open_sockets);
	for (uint64_t i = 0;; i++) {
		uint64_t due = first_ns + (i * HTTP_THREADS + thread) * step_ns;
		int *slot = &open_sockets[i % OPEN_EACH], ready;
		struct sockaddr_in from = hammer_from;

		if (due >= until_ns)
			return NULL;
		sleep_until_ns(due);
		if (*slot >= 0)
			close(*slot);
		*slot = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		setsockopt(*slot, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
		setsockopt(*slot, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
		from.sin_addr.s_addr = htonl(ntohl(from.sin_addr.s_addr) + (uint32_t)(begun % hammer_sources));
		if (bind(*slot, (struct sockaddr *)&from, sizeof from) == 0)
			connect(*slot, (struct sockaddr *)&hammered, sizeof hammered);
		__sync_fetch_and_add(&begun, 1);
		ready = open_sockets[(i + OPEN_EACH - REQUEST_AFTER) % OPEN_EACH];
		if (ready >= 0)
			send(ready, get, sizeof get - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
}

static void http(const char *host, int port, int rate, char *from)
{
	pthread_t threads[HTTP_THREADS];
	char *more = strchr(from, '+');
	if (more)
		*more++ = 0;
	hammer_sources = more ? strtoull(more, NULL, 10) : 1;
	hammered = address_of(host, port);
	hammer_from = address_of(from, 0);
	step_ns = 1000000000ULL / (uint64_t)rate;
	first_ns = now_ns() + step_ns;
	for (intptr_t i = 0; i < HTTP_THREADS; i++)
		pthread_create(&threads[i], NULL, hammer, (void *)i);
	for (int i = 0; i < HTTP_THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("sent %llu\n", (unsigned long long)begun);
}

static uint16_t checksum(const void *data, size_t bytes, uint32_t sum)
{
	const uint16_t *word = data;
	for (; bytes > 1; bytes -= 2)
		sum += *word++;
	if (bytes)
		sum += *(const uint8_t *)word;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void flood(int protocol, const char *host, int port, uint64_t rate, uint64_t sources)
{
	struct sockaddr_in to = address_of(host, 0);
	int s = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	struct {
		struct iphdr ip;
		union {
			struct tcphdr tcp;
			struct { struct udphdr udp; char payload[64]; } udp;
		};
	} __attribute__((packed)) packet;
	uint64_t sent = 0, began = now_ns();
	size_t size = sizeof packet.ip + (protocol == IPPROTO_TCP ? sizeof packet.tcp : sizeof packet.udp);

	if (s < 0)
		die("raw socket");
	while (now_ns() < until_ns) {
		uint64_t due = (now_ns() - began) * rate / 1000000000ULL;
		for (; sent < due; sent++) {
			uint64_t r = mix(sent);
			struct { uint32_t from, to; uint8_t zero, protocol; uint16_t length; struct tcphdr tcp; } __attribute__((packed)) pseudo = {0};
			memset(&packet, 0, sizeof packet);
			packet.ip.version = 4;
			packet.ip.ihl = 5;
			packet.ip.ttl = 64;
			packet.ip.protocol = (uint8_t)protocol;
			packet.ip.saddr = htonl(0x0a4d8000 + (uint32_t)(r % sources));
			packet.ip.daddr = to.sin_addr.s_addr;
			packet.ip.tot_len = htons((uint16_t)size);
			if (protocol == IPPROTO_TCP) {
				packet.tcp.source = htons((uint16_t)(1024 + (r >> 32) % 60000));
				packet.tcp.dest = htons((uint16_t)port);
				packet.tcp.seq = htonl((uint32_t)(r >> 16));
				packet.tcp.doff = 5;
				packet.tcp.syn = 1;
				packet.tcp.window = htons(1024);
				pseudo.from = packet.ip.saddr;
				pseudo.to = packet.ip.daddr;
				pseudo.protocol = IPPROTO_TCP;
				pseudo.length = htons(sizeof packet.tcp);
				pseudo.tcp = packet.tcp;
				packet.tcp.check = checksum(&pseudo, sizeof pseudo, 0);
			} else {
				packet.udp.udp.source = htons((uint16_t)(1024 + (r >> 32) % 60000));
				packet.udp.udp.dest = htons((uint16_t)port);
				packet.udp.udp.len = htons(sizeof packet.udp);
			}
			sendto(s, &packet, size, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to);
		}
		usleep(500);
	}
	printf("sent %llu\n", (unsigned long long)sent);
}

int main(int n, char **w)
{
	const char *what = n > 1 ? w[1] : "";
	signal(SIGPIPE, SIG_IGN);
	if (!strcmp(what, "serve") && n == 4)
		serve(atoi(w[2]), atoi(w[3]));
	else if (!strcmp(what, "echo") && n == 3)
		echo(atoi(w[2]));
	else if (!strcmp(what, "probe") && n == 7) {
		until_ns = strtoull(w[5], NULL, 10) * 1000000;
		out = fopen(w[6], "w");
		setvbuf(out, NULL, _IOLBF, 0);
		probe(w[2], atoi(w[3]), atoi(w[4]));
	} else if (!strcmp(what, "session") && n == 6) {
		until_ns = strtoull(w[4], NULL, 10) * 1000000;
		out = fopen(w[5], "w");
		setvbuf(out, NULL, _IOLBF, 0);
		session(w[2], atoi(w[3]));
	} else if (!strcmp(what, "http") && n == 7) {
		until_ns = strtoull(w[6], NULL, 10) * 1000000;
		http(w[2], atoi(w[3]), atoi(w[4]), w[5]);
	} else if ((!strcmp(what, "syn") || !strcmp(what, "udp")) && n == 7) {
		until_ns = strtoull(w[6], NULL, 10) * 1000000;
		flood(what[0] == 's' ? IPPROTO_TCP : IPPROTO_UDP, w[2], atoi(w[3]), strtoull(w[4], NULL, 10), strtoull(w[5], NULL, 10));
	} else {
		fprintf(stderr, "flood: see the head of flood.c\n");
		return 2;
	}
	return 0;
}
