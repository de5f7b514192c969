#include "need.h"

#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/sched.h>

/*
 * Measured (Bun 1.4.5, 2 and 8 processors): 4 and 5 threads to start, to read a file 2 and 9 more; 2.3 GiB of private address space, untouched; 5
 * descriptors, and one for each part of the audit; 15 to 26 MB of memory beside the pages of its file.
 */
enum { THREADS = 4, ANSWER_THREADS = 8, MOST_THREADS = 144, DESCRIPTORS = 5, AMPLE_DESCRIPTORS = 24 };
enum { STACK_BYTES = 4096, MASK_BYTES = 128 };
static const word SPACE_BYTES = 2560UL << 20;
/* What can be reclaimed counts as free. */
static const long MEMORY_KIB = 48 << 10;

/*
 * A thread of this process that sleeps while *go is 0 and ends: nothing of it lives on the stack of its starter.
 * Returns the thread's number or a negative errno. The kernel clears *gone at its end and wakes who waits there.
 */
static long start_thread(char *stack_end, int *go, int *gone) {
  register int *clear __asm__("r10") = gone;
  register word storage __asm__("r8") = 0;
  register int *wait_at __asm__("r12") = go;
  long result;
  __asm__ volatile(
      "syscall\n"
      "testq %%rax, %%rax\n"
      "jnz 2f\n"
      "1: movl $%c[futex], %%eax\n"
      "movq %%r12, %%rdi\n"
      "movl $%c[wait], %%esi\n"
      "xorl %%edx, %%edx\n"
      "xorl %%r10d, %%r10d\n"
      "syscall\n"
      "cmpl $0, (%%r12)\n"
      "je 1b\n"
      "movl $%c[exit], %%eax\n"
      "xorl %%edi, %%edi\n"
      "syscall\n"
      "2:\n"
      : "=a"(result)
      : "a"(__NR_clone),
        "D"(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID),
        "S"(stack_end), "d"(0), "r"(clear), "r"(storage), "r"(wait_at), [futex] "i"(__NR_futex), [wait] "i"(FUTEX_WAIT),
        [exit] "i"(__NR_exit)
      : "rcx", "r11", "memory");
  return result;
}

static word processors(void) {
  unsigned char mask[MASK_BYTES];
  long bytes = call3(__NR_sched_getaffinity, 0, sizeof mask, mask);
  word count = 0;
  for (long i = 0; i < bytes; i++)
    for (unsigned char left = mask[i]; left != 0; left &= (unsigned char)(left - 1)) count++;
  return count;
}

static word threads_for(enum need need) {
  if (need == TO_START) return THREADS;
  word wanted = need == TO_ANSWER ? ANSWER_THREADS : ANSWER_THREADS + processors();
  return wanted > MOST_THREADS ? MOST_THREADS : wanted;
}

static int has_threads(word wanted) {
  char *stacks = reserve(MOST_THREADS * STACK_BYTES);
  if (stacks == 0) return 0;
  int go = 0, gone[MOST_THREADS];
  word started = 0;
  while (started < wanted) {
    gone[started] = 1;
    if (start_thread(stacks + (started + 1) * STACK_BYTES, &go, &gone[started]) < 0) break;
    started++;
  }
  __atomic_store_n(&go, 1, __ATOMIC_SEQ_CST);
  call3(__NR_futex, &go, FUTEX_WAKE, wanted);
  for (word i = 0; i < started; i++)
    while (__atomic_load_n(&gone[i], __ATOMIC_SEQ_CST) != 0) call4(__NR_futex, &gone[i], FUTEX_WAIT, 1, 0);
  call2(__NR_munmap, stacks, MOST_THREADS * STACK_BYTES);
  return started == wanted;
}

static int has_space(void) {
  void *space = reserve(SPACE_BYTES);
  if (space == 0) return 0;
  call2(__NR_munmap, space, SPACE_BYTES);
  return 1;
}

static int has_descriptors(word wanted) {
  long opened[AMPLE_DESCRIPTORS];
  word count = 0;
  while (count < wanted && (opened[count] = call3(__NR_open, "/", O_PATH | O_CLOEXEC, 0)) >= 0) count++;
  for (word i = 0; i < count; i++) call1(__NR_close, opened[i]);
  return count == wanted;
}

/* "MemAvailable:   123 kB"; negative where there is no such line. */
static long line_number(struct text content, const char *name) {
  for (struct text line; next_line(&content, &line);)
    if (begins(line, name)) return number_in(trimmed(behind(line, text_of(name).length)));
  return -1;
}

static long file_number(char *path, struct text directory, struct text name, char *buffer, word room) {
  if (join(path, 4096, directory, name) < 0) return -1;
  long length = read_file(path, buffer, room);
  if (length <= 0 || buffer[0] < '0' || buffer[0] > '9') return -1;
  return number_in((struct text){buffer, (word)length});
}

/* Free within the limit of one cgroup, KiB; what lies in its page cache may go. Negative: it has no limit. */
static long free_in(char *path, struct text directory, char *buffer, word room) {
  long limit = file_number(path, directory, TEXT("/memory.max"), buffer, room);
  long high = file_number(path, directory, TEXT("/memory.high"), buffer, room);
  if (high >= 0 && (limit < 0 || high < limit)) limit = high;
  if (limit < 0) return -1;
  long used = file_number(path, directory, TEXT("/memory.current"), buffer, room);
  if (used < 0 || join(path, 4096, directory, TEXT("/memory.stat")) < 0) return -1;
  long length = read_file(path, buffer, room);
  struct text stat = {buffer, length < 0 ? 0 : (word)length};
  long cache = line_number(stat, "inactive_file ") + line_number(stat, "active_file ");
  long left = limit - used + (cache < 0 ? 0 : cache);
  return left < 0 ? 0 : left >> 10;
}

static int has_memory(void) {
  enum { ROOM = 16384 };
  char buffer[ROOM], path[4096], directory[4096];
  long length = read_file("/proc/meminfo", buffer, ROOM);
  long available = length < 0 ? -1 : line_number((struct text){buffer, (word)length}, "MemAvailable:");
  if (available >= 0 && available < MEMORY_KIB) return 0;
  length = read_file("/proc/self/cgroup", buffer, ROOM);
  struct text content = {buffer, length < 0 ? 0 : (word)length}, line;
  while (next_line(&content, &line) && !begins(line, "0::"));
  if (!begins(line, "0::")) return 1;
  if (join(directory, sizeof directory, TEXT("/sys/fs/cgroup"), behind(line, 3)) < 0) return 1;
  struct text here = text_of(directory);
  while (here.length > sizeof "/sys/fs/cgroup" - 1) {
    long left = free_in(path, here, buffer, ROOM);
    if (left >= 0 && left < MEMORY_KIB) return 0;
    while (here.length > 0 && here.at[--here.length] != '/');
  }
  return 1;
}

struct text what_is_missing(enum need need) {
  if (!has_threads(threads_for(need)))
    return TEXT("no new thread can be started (pids.max, RLIMIT_NPROC, kernel.threads-max or kernel.pid_max)");
  if (!has_space()) return TEXT("it may not use enough address space (RLIMIT_AS, RLIMIT_DATA or vm.overcommit_memory)");
  if (!has_descriptors(need == TO_START ? DESCRIPTORS : AMPLE_DESCRIPTORS))
    return TEXT("it may not open enough files (RLIMIT_NOFILE or fs.file-max)");
  if (need != TO_START && !has_memory()) return TEXT("too little memory is left for it (memory.max, or of the node)");
  return NONE;
}
