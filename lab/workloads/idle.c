/* A service with a few threads that do next to nothing. SIGTERM: it writes its data for a second and ends in order (idle FILE). */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 4, TICK_US = 50000 };

static volatile sig_atomic_t asked;

static void ask(int number) { (void)number; asked = 1; }
static void ignore(int number) { (void)number; }

static void *tick(void *unused) {
  (void)unused;
  for (;;) usleep(TICK_US);
}

int main(int argc, char **argv) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = ask;
  sigaction(SIGTERM, &action, NULL);
  action.sa_handler = ignore;
  sigaction(SIGHUP, &action, NULL);
  sigaction(SIGUSR2, &action, NULL);
  for (int i = 0; i < THREADS; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, tick, NULL) != 0) return 1;
  }
  while (!asked) usleep(TICK_US);
  sleep(1);
  if (argc > 1) {
    FILE *file = fopen(argv[1], "a");
    if (file == NULL || fputs("ended in order\n", file) < 0 || fclose(file) != 0) return 1;
  }
  return 0;
}
