/*
 * payment: a small real service. An accept thread and four workers speak HTTP/1.1 with keep-alive; each
 * POST /pay?id=N allocates and frees 64..256 KiB, commits one transaction to SQLite (WAL, synchronous=FULL) and answers
 * with the id only after the commit.
 *
 *   payment --port P --db FILE [--name N] [--start-ms MS] [--resident-mb MB] [--events FILE] [--fault-at-ms MS]
 *           [--fault-on-usr1] [--leak background|inline|lock RATE_MB_S [--rps R] [--leak-for-s S] [--again-after-s S]]
 *           [--load MB SECONDS]
 *   payment --audit ACKED_IDS --db FILE       which of the acknowledged ids does the database lack?
 *
 * fault-at is CLOCK_MONOTONIC: a fault belongs to the code, so a service restarted after that moment has it at once.
 * With --fault-on-usr1 it begins when SIGUSR1 arrives. A leak ends after --leak-for-s, if that is given; --again-after-s seconds
 * after the fault another thread begins to leak as the first one does.
 */
#define _GNU_SOURCE
#include "common.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define WORKERS 4
#define MAX_REQUEST 2048
#define MAX_CATCH_UP_S 1.0
#define ROW_BYTES 96
#define NEVER UINT64_MAX

enum leak { LEAK_NONE, LEAK_BACKGROUND, LEAK_INLINE, LEAK_LOCK };

static struct {
	const char *name, *db, *events, *audit;
	int port, start_ms;
	double leak_mb_s, leak_for_s, again_after_s, rps, load_s;
	size_t resident_mb, load_mb;
	enum leak leak;
} opt = {.name = "payment", .events = "/dev/null", .port = 8080, .rps = 100};

static sqlite3 *db;
static sqlite3_stmt *insert;
static pthread_mutex_t db_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t cache_lock = PTHREAD_MUTEX_INITIALIZER;
static int epoll_fd, inline_begun;
static volatile uint64_t fault_ns;

static void run(const char *sql)
{
	char *e = NULL;
	if (sqlite3_exec(db, sql, NULL, NULL, &e) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", sql, e);
		exit(1);
	}
}

static void open_db(void)
{
	if (sqlite3_open(opt.db, &db) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", opt.db, sqlite3_errmsg(db));
		exit(1);
	}
	run("PRAGMA journal_mode=WAL");
	run("PRAGMA synchronous=FULL");
	run("CREATE TABLE IF NOT EXISTS payment(id INTEGER PRIMARY KEY, t_ns INTEGER, body TEXT)");
}

static int commit(uint64_t id)
{
	char body[ROW_BYTES];
	int n = snprintf(body, sizeof body, "account-%llu to account-%llu amount %llu", (unsigned long long)(mix(id) % 1000),
			 (unsigned long long)(mix(id + 1) % 1000), (unsigned long long)(mix(id + 2) % 100000));
	pthread_mutex_lock(&db_lock);
	sqlite3_bind_int64(insert, 1, (sqlite3_int64)id);
	sqlite3_bind_int64(insert, 2, (sqlite3_int64)now_ns());
	sqlite3_bind_text(insert, 3, body, n, SQLITE_STATIC);
	int ok = sqlite3_step(insert) == SQLITE_DONE;
	sqlite3_reset(insert);
	pthread_mutex_unlock(&db_lock);
	return ok;
}

static void fault_now(int signal)
{
	(void)signal;
	fault_ns = now_ns();
}

static void wait_for_fault(void)
{
	while (fault_ns == NEVER)
		sleep_until_ns(now_ns() + 20000000);
	sleep_until_ns(fault_ns);
}

static int leaking(void)
{
	uint64_t t = now_ns();
	return t >= fault_ns && (opt.leak_for_s == 0 || (double)(t - fault_ns) / 1e9 < opt.leak_for_s);
}

/* What a leak does, whoever runs it: memory that is used and never given back. */
static void leak_piece(size_t bytes)
{
	char *p = malloc(bytes);
	if (p)
		touch(p, bytes);
}

/* 0 when the peer could not be answered. */
static int handle(int fd, uint64_t id)
{
	size_t bytes = 64 * KIB + mix(id) % (192 * KIB);
	char *work = malloc(bytes), answer[128];
	touch(work, bytes);
	if (opt.leak == LEAK_INLINE && leaking()) {
		if (!__atomic_exchange_n(&inline_begun, 1, __ATOMIC_RELAXED))
			log_event(opt.events, "onset", "%s leaks inline", opt.name);
		leak_piece((size_t)(opt.leak_mb_s * MIB / opt.rps));
	}
	pthread_mutex_lock(&cache_lock);
	volatile char looked_up = work[mix(id) % bytes];
	(void)looked_up;
	pthread_mutex_unlock(&cache_lock);
	int ok = commit(id);
	free(work);
	char number[24];
	int digits = snprintf(number, sizeof number, "%llu", (unsigned long long)id);
	int n = snprintf(answer, sizeof answer, "HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s",
			 ok ? "200 OK" : "503 Unavailable", digits, number);
	return send(fd, answer, (size_t)n, MSG_NOSIGNAL) == n;
}

/* Reads one request; 0 when the peer has gone or speaks something else. */
static int serve_one(int fd)
{
	char in[MAX_REQUEST + 1];
	size_t have = 0;
	char *end = NULL;
	while (!end && have < MAX_REQUEST) {
		ssize_t n = recv(fd, in + have, MAX_REQUEST - have, 0);
		if (n <= 0)
			return 0;
		have += (size_t)n;
		in[have] = 0;
		end = strstr(in, "\r\n\r\n");
	}
	unsigned long long id;
	if (!end || sscanf(in, "POST /pay?id=%llu HTTP/1.1", &id) != 1)
		return 0;
	return handle(fd, id);
}

static _Noreturn void *worker(void *unused)
{
	(void)unused;
	for (;;) {
		struct epoll_event e;
		if (epoll_wait(epoll_fd, &e, 1, -1) != 1)
			continue;
		if (serve_one(e.data.fd)) {
			e.events = EPOLLIN | EPOLLONESHOT;
			epoll_ctl(epoll_fd, EPOLL_CTL_MOD, e.data.fd, &e);
		} else {
			close(e.data.fd);
		}
	}
}

static _Noreturn void *leaker(void *again)
{
	wait_for_fault();
	if (again)
		sleep_until_ns(now_ns() + (uint64_t)(opt.again_after_s * 1e9));
	log_event(opt.events, again ? "again" : "onset", "%s leaks %.0f MB/s", opt.name, opt.leak_mb_s);
	double debt = 0;
	uint64_t last = now_ns();
	for (uint64_t n = 0;; n++) {
		uint64_t t = now_ns();
		debt += (double)(t - last) / 1e9 * opt.leak_mb_s * MIB;
		last = t;
		/* a filler that was held up works off at most one second of its backlog */
		if (debt > MAX_CATCH_UP_S * opt.leak_mb_s * MIB)
			debt = MAX_CATCH_UP_S * opt.leak_mb_s * MIB;
		size_t piece = 256 * KIB + mix(n) % (768 * KIB);
		if (debt < (double)piece || !leaking()) {
			sleep_until_ns(t + 5000000);
			continue;
		}
		if (opt.leak == LEAK_LOCK)
			pthread_mutex_lock(&cache_lock);
		leak_piece(piece);
		if (opt.leak == LEAK_LOCK) {
			/* the entry is indexed under the lock: it is held two more milliseconds */
			sleep_until_ns(now_ns() + 2000000);
			pthread_mutex_unlock(&cache_lock);
		}
		debt -= (double)piece;
	}
}

/* A table that is loaded once and stays. */
static void *loader(void *unused)
{
	(void)unused;
	wait_for_fault();
	log_event(opt.events, "onset", "%s loads %zu MB in %.1f s", opt.name, opt.load_mb, opt.load_s);
	uint64_t begin = now_ns();
	char *table = malloc(opt.load_mb * MIB);
	for (size_t i = 0; table && i < opt.load_mb; i++) {
		touch(table + i * MIB, MIB);
		sleep_until_ns(begin + (uint64_t)(opt.load_s * 1e9 * (double)(i + 1) / (double)opt.load_mb));
	}
	log_event(opt.events, "loaded", "%s took %.1f s", opt.name, (double)(now_ns() - begin) / 1e9);
	return NULL;
}

static void start_thread(const char *name, void *(*body)(void *), void *argument)
{
	pthread_t t;
	if (pthread_create(&t, NULL, body, argument))
		die("pthread_create");
	pthread_setname_np(t, name);
}

/* Prints {"acknowledged":N,"lost":N}: the ids in the file, and those the database lacks. */
static int audit(void)
{
	FILE *f = fopen(opt.audit, "r");
	if (!f)
		die(opt.audit);
	open_db();
	sqlite3_stmt *find;
	sqlite3_prepare_v2(db, "SELECT 1 FROM payment WHERE id=?", -1, &find, NULL);
	unsigned long long id;
	long acknowledged = 0, lost = 0;
	while (fscanf(f, "%llu", &id) == 1) {
		sqlite3_bind_int64(find, 1, (sqlite3_int64)id);
		lost += sqlite3_step(find) != SQLITE_ROW;
		sqlite3_reset(find);
		acknowledged++;
	}
	printf("{\"acknowledged\":%ld,\"lost\":%ld}\n", acknowledged, lost);
	return 0;
}

static void initialise(void)
{
	uint64_t begin = now_ns();
	open_db();
	run("SELECT sum(length(body)) FROM payment");
	if (sqlite3_prepare_v2(db, "INSERT INTO payment VALUES(?,?,?)", -1, &insert, NULL) != SQLITE_OK)
		die("prepare");
	if (opt.resident_mb)
		touch(malloc(opt.resident_mb * MIB), opt.resident_mb * MIB);
	sleep_until_ns(begin + (uint64_t)opt.start_ms * 1000000ULL);
}

static int listen_on(int port)
{
	int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 64))
		die("listen");
	return s;
}

static void parse(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *o = argv[i], *v = i + 1 < argc ? argv[i + 1] : "";
		if (!strcmp(o, "--port")) opt.port = atoi(v), i++;
		else if (!strcmp(o, "--db")) opt.db = v, i++;
		else if (!strcmp(o, "--name")) opt.name = v, i++;
		else if (!strcmp(o, "--start-ms")) opt.start_ms = atoi(v), i++;
		else if (!strcmp(o, "--resident-mb")) opt.resident_mb = strtoul(v, NULL, 10), i++;
		else if (!strcmp(o, "--events")) opt.events = v, i++;
		else if (!strcmp(o, "--fault-at-ms")) fault_ns = strtoull(v, NULL, 10) * 1000000ULL, i++;
		else if (!strcmp(o, "--fault-on-usr1")) fault_ns = NEVER, signal(SIGUSR1, fault_now);
		else if (!strcmp(o, "--leak-for-s")) opt.leak_for_s = atof(v), i++;
		else if (!strcmp(o, "--again-after-s")) opt.again_after_s = atof(v), i++;
		else if (!strcmp(o, "--rps")) opt.rps = atof(v), i++;
		else if (!strcmp(o, "--audit")) opt.audit = v, i++;
		else if (!strcmp(o, "--leak") && i + 2 < argc) {
			opt.leak = !strcmp(v, "inline") ? LEAK_INLINE : !strcmp(v, "lock") ? LEAK_LOCK : LEAK_BACKGROUND;
			opt.leak_mb_s = atof(argv[i + 2]), i += 2;
		} else if (!strcmp(o, "--load") && i + 2 < argc) {
			opt.load_mb = strtoul(v, NULL, 10), opt.load_s = atof(argv[i + 2]), i += 2;
		} else {
			fprintf(stderr, "payment: unknown or incomplete option %s\n", o);
			exit(2);
		}
	}
	if (!opt.db) {
		fprintf(stderr, "payment: --db FILE is needed\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	if (opt.audit)
		return audit();
	initialise();
	int s = listen_on(opt.port);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < WORKERS; i++)
		start_thread("worker", worker, NULL);
	if (opt.leak == LEAK_BACKGROUND || opt.leak == LEAK_LOCK)
		start_thread("cache-filler", leaker, NULL);
	if (opt.again_after_s)
		start_thread("index-filler", leaker, &opt);
	if (opt.load_mb)
		start_thread("table-loader", loader, NULL);
	log_event(opt.events, "ready", "%s", opt.name);
	for (;;) {
		int fd = accept(s, NULL, NULL), one = 1;
		if (fd < 0)
			continue;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		struct epoll_event e = {.events = EPOLLIN | EPOLLONESHOT, .data.fd = fd};
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
	}
}
