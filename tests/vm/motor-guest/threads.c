/* Two threads: one counts work ("request"), the other one takes memory ("leak"). Each names itself and shows its progress in
 * the file given: "leak_tid request_count leak_count". Usage: threads FILE leak_bytes_per_ms */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile long requests, leaks, leak_tid;
static long leak_bytes;

static void *leak(void *unused) {
  (void)unused;
  prctl(PR_SET_NAME, "leak");
  leak_tid = syscall(SYS_gettid);
  for (;;) {
    char *taken = malloc(leak_bytes);
    if (taken) memset(taken, 1, leak_bytes);
    leaks++;
    usleep(1000);
  }
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  leak_bytes = atol(arguments[2]);
  pthread_t thread;
  if (pthread_create(&thread, NULL, leak, NULL)) return 1;
  for (;;) {
    requests++;
    FILE *file = fopen(arguments[1], "w");
    if (file) {
      fprintf(file, "%ld %ld %ld\n", leak_tid, requests, leaks);
      fclose(file);
    }
    usleep(2000);
  }
}
