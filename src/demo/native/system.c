#include "system.h"

#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/socket.h>
#include <linux/time.h>

enum { STACK_BYTES = 64 << 10, NUMBER_BYTES = 24, LINE_BYTES = 256 };

void end(int status) {
  for (;;) call1(__NR_exit_group, status);
}

word length_of(const char *text) {
  word length = 0;
  while (text[length] != 0) length++;
  return length;
}

int is_same(const char *one, const char *other) {
  while (*one != 0 && *one == *other) one++, other++;
  return *one == *other;
}

long number_of(const char *text) {
  long number = 0;
  for (; *text >= '0' && *text <= '9'; text++) number = number * 10 + (*text - '0');
  return number;
}

int join(char *into, word room, const char *one, const char *other) {
  word first = length_of(one), second = length_of(other);
  if (first + second + 1 > room) return 0;
  for (word i = 0; i < first; i++) into[i] = one[i];
  for (word i = 0; i <= second; i++) into[first + i] = other[i];
  return 1;
}

static word put_text(char *into, word at, const char *text) {
  while (*text != 0 && at < LINE_BYTES - 1) into[at++] = *text++;
  return at;
}

static word put_number(char *into, word at, long number) {
  char digits[NUMBER_BYTES];
  word count = 0;
  if (number < 0) at = put_text(into, at, "-"), number = -number;
  do digits[count++] = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  while (count > 0 && at < LINE_BYTES - 1) into[at++] = digits[--count];
  return at;
}

void say(const char *word_0, long number_0, const char *word_1, long number_1, const char *word_2, long number_2,
         const char *word_3, long number_3) {
  const char *words[] = {word_0, word_1, word_2, word_3};
  long numbers[] = {number_0, number_1, number_2, number_3};
  char line[LINE_BYTES];
  word at = 0;
  for (int i = 0; i < 4 && words[i] != 0; i++) {
    if (i > 0) at = put_text(line, at, " ");
    at = put_text(line, at, words[i]);
    at = put_text(line, at, " ");
    at = put_number(line, at, numbers[i]);
  }
  line[at++] = '\n';
  call3(__NR_write, OUTPUT, line, at);
}

void fail(const char *what, const char *subject, long negative_errno) {
  char line[LINE_BYTES];
  word at = put_text(line, 0, "hosa demo: ");
  at = put_text(line, at, what);
  at = put_text(line, at, " ");
  at = put_text(line, at, subject);
  at = put_text(line, at, ": errno ");
  at = put_number(line, at, -negative_errno);
  line[at++] = '\n';
  call3(__NR_write, ERRORS, line, at);
  end(1);
}

long now_ns(void) {
  struct { long seconds, nanoseconds; } time;
  call2(__NR_clock_gettime, CLOCK_MONOTONIC, &time);
  return time.seconds * NS_PER_S + time.nanoseconds;
}

void sleep_until_ns(long t_ns) {
  struct { long seconds, nanoseconds; } time = {t_ns / NS_PER_S, t_ns % NS_PER_S};
  while (call4(__NR_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &time, 0) == -EINTR) {
  }
}

char *reserve(word bytes) {
  long got = system_call(__NR_mmap, 0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, (word)-1, 0);
  if (got < 0) fail("cannot reserve", "memory", got);
  return (char *)got;
}

void touch(char *memory, word bytes) {
  for (word at = 0; at < bytes; at += PAGE_BYTES) ((volatile char *)memory)[at] = 1;
}

struct started {
  const char *name;
  void (*body)(void *);
  void *argument;
};

__attribute__((used, noreturn)) static void run_thread(struct started *started) {
  call2(__NR_prctl, PR_SET_NAME, started->name);
  started->body(started->argument);
  for (;;) call1(__NR_exit, 0);
}

/* The new thread begins on its own stack, with what it runs in rbx. */
static long clone_onto(char *stack_end, struct started *started) {
  register word none __asm__("r10") = 0;
  register word storage __asm__("r8") = 0;
  register struct started *kept __asm__("rbx") = started;
  long result;
  __asm__ volatile(
      "syscall\n"
      "testq %%rax, %%rax\n"
      "jnz 1f\n"
      "xorl %%ebp, %%ebp\n"
      "movq %%rbx, %%rdi\n"
      "call run_thread\n"
      "1:\n"
      : "=a"(result)
      : "a"(__NR_clone), "D"(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM),
        "S"(stack_end), "d"(0), "r"(none), "r"(storage), "r"(kept)
      : "rcx", "r11", "memory");
  return result;
}

void start_thread(const char *name, void (*body)(void *), void *argument) {
  char *stack = reserve(STACK_BYTES);
  struct started *started = (struct started *)stack;
  *started = (struct started){name, body, argument};
  long tid = clone_onto(stack + STACK_BYTES, started);
  if (tid < 0) fail("cannot start the thread", name, tid);
}

int write_text(const char *path, const char *text) {
  long file = call3(__NR_open, path, O_WRONLY | O_CLOEXEC, 0);
  if (file < 0) return (int)file;
  long written = call3(__NR_write, file, text, length_of(text));
  call1(__NR_close, file);
  return written < 0 ? (int)written : 0;
}

void enter(const char *cgroup) {
  char procs[PAGE_BYTES];
  call0(__NR_setsid);
  call2(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL);
  if (!join(procs, sizeof procs, cgroup, "/cgroup.procs")) fail("too long a path", cgroup, -ENAMETOOLONG);
  int error = write_text(procs, "0");
  if (error < 0) fail("cannot enter the cgroup", cgroup, error);
}

enum { AF_UNIX_FAMILY = 1, STREAM = 1, CLOEXEC = O_CLOEXEC, BACKLOG = 128, SOCKET_LEVEL = 1 };
enum { SEND_TIMEOUT = 21, RECEIVE_TIMEOUT = 20, ADDRESS_BYTES = 108 };

long unix_socket(const char *path, int listening, long timeout_ns) {
  struct { unsigned short family; char path[ADDRESS_BYTES]; } address = {AF_UNIX_FAMILY, {0}};
  if (!join(address.path, sizeof address.path, path, "")) return -ENAMETOOLONG;
  long file = call3(__NR_socket, AF_UNIX_FAMILY, STREAM | CLOEXEC, 0);
  if (file < 0) return file;
  struct { long seconds, microseconds; } timeout = {timeout_ns / NS_PER_S, timeout_ns % NS_PER_S / NS_PER_US};
  if (timeout_ns > 0) {
    call5(__NR_setsockopt, file, SOCKET_LEVEL, SEND_TIMEOUT, &timeout, sizeof timeout);
    call5(__NR_setsockopt, file, SOCKET_LEVEL, RECEIVE_TIMEOUT, &timeout, sizeof timeout);
  }
  long error = call3(listening ? __NR_bind : __NR_connect, file, &address, sizeof address);
  if (error == 0 && listening) error = call2(__NR_listen, file, BACKLOG);
  if (error < 0) call1(__NR_close, file);
  return error < 0 ? error : file;
}
