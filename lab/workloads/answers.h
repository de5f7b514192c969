/* What a service answered: a line "t_ms answers longest_ms" each second, longest being the longest stretch without an answer that ended
 * in that second or still lasts. */
#ifndef LAB_ANSWERS_H
#define LAB_ANSWERS_H
#include <pthread.h>
#include <stdatomic.h>
#include "common.h"

static _Atomic uint64_t answered_ns, longest_ns;
static _Atomic long answers;
static FILE *answers_log;

static inline void answered(void)
{
	uint64_t now = now_ns(), gap = now - atomic_exchange(&answered_ns, now), most = longest_ns;
	while (gap > most && gap < now && !atomic_compare_exchange_weak(&longest_ns, &most, gap))
		;
	atomic_fetch_add(&answers, 1);
}

static inline void note(const char *what)
{
	fprintf(answers_log, "%s %llu\n", what, (unsigned long long)(now_ns() / 1000000));
	fflush(answers_log);
}

static inline void *log_answers(void *unused)
{
	uint64_t due = now_ns();
	(void)unused;
	for (long before = 0;;) {
		sleep_until_ns(due += 1000000000ULL);
		long sum = answers;
		uint64_t now = now_ns(), ended = atomic_exchange(&longest_ns, 0), last = answered_ns, lasting = last && now > last ? now - last : 0;
		fprintf(answers_log, "%llu %ld %llu\n", (unsigned long long)(now / 1000000), sum - before,
			(unsigned long long)((ended > lasting ? ended : lasting) / 1000000));
		fflush(answers_log);
		before = sum;
	}
	return NULL;
}

static inline void begin_answers(const char *file)
{
	pthread_t thread;
	answers_log = fopen(file, "a");
	if (answers_log == NULL)
		die(file);
	answered_ns = now_ns();
	pthread_create(&thread, NULL, log_answers, NULL);
	pthread_setname_np(thread, "log");
}
#endif
