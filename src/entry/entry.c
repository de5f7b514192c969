/*
 * The first instructions of the built binary, ahead of the JavaScript runtime (scripts/link-entry.ts puts them there).
 *
 * The runtime takes orders from its environment: BUN_OPTIONS=--preload=FILE runs FILE, BUN_BE_BUN=1 makes it plain bun,
 * NODE_TLS_REJECT_UNAUTHORIZED=0 believes every server. It obeys them before any line of HOSA runs, so they are taken away here.
 * A processor that the runtime cannot run on is named here too: the runtime itself would die of SIGILL without a word. And where it could not
 * get the threads or the memory that it starts with, answer.c answers in its place.
 */

#include <asm/unistd.h>

#include "answer.h"
#include "kernel.h"

/* Every variable that HOSA reads, each name with a zero behind it; tests/architecture/environment.test.ts compares it with the sources. */
static const char KEPT[] =
    "COLORTERM\0" "COLUMNS\0" "JOURNAL_STREAM\0" "KUBERNETES_SERVICE_HOST\0" "KUBERNETES_SERVICE_PORT\0" "LANG\0" "LC_ALL\0"
    "LC_CTYPE\0" "LINES\0" "NODE_NAME\0" "NOTIFY_SOCKET\0" "NO_COLOR\0" "SSH_CONNECTION\0" "TERM\0" "WATCHDOG_PID\0" "WATCHDOG_USEC\0";

/* Beginnings of what the dynamic linker and libc have already obeyed: the program is started anew without them. */
static const char OBEYED[] = "GLIBC_TUNABLES=\0" "LD_\0" "MALLOC_\0";

static const char PLAIN_RUNTIME[] = "BUN_BE_BUN=";

static const char NO_CPU[] =
    "hosa: cannot start on this processor: it lacks SSE4.2 or another instruction of x86-64-v2, which HOSA's runtime needs. "
    "In a virtual machine choose another CPU model, such as \"host\" or \"x86-64-v2-AES\".\n";
static const char NO_RESTART[] =
    "hosa: cannot start itself anew without LD_*, GLIBC_TUNABLES and MALLOC_* in its environment. Remove these variables.\n";
static const char ITSELF[] = "/proc/self/exe";

enum { MOST_PATH_BYTES = 4096, FAILED = 1, NOT_SUPPORTED = 3 };
enum { AT_NULL = 0, AT_EXECFN = 31 };
/* CPUID leaf 1, ECX: SSE3, SSSE3, SSE4.1, SSE4.2, POPCNT. The rest of x86-64-v2 the runtime does without. */
enum { NEEDED = 1 << 0 | 1 << 9 | 1 << 19 | 1 << 20 | 1 << 23 };

__attribute__((noreturn)) static void end(const char *message, word length, int status) {
  call3(__NR_write, ERRORS, message, length);
  for (;;) call1(__NR_exit_group, status);
}

static int runs_here(void) {
  unsigned a = 1, b, c = 0, d;
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  return (c & NEEDED) == NEEDED;
}

static int begins_with(const char *text, const char *beginning) {
  while (*beginning != 0 && *text == *beginning) text++, beginning++;
  return *beginning == 0;
}

static const char *next(const char *name) {
  while (*name != 0) name++;
  return name + 1;
}

static int is_kept(const char *variable) {
  for (const char *name = KEPT; *name != 0; name = next(name)) {
    const char *at = variable;
    const char *letter = name;
    while (*letter != 0 && *at == *letter) at++, letter++;
    if (*letter == 0 && *at == '=') return 1;
  }
  return 0;
}

static int was_obeyed(const char *variable) {
  for (const char *beginning = OBEYED; *beginning != 0; beginning = next(beginning))
    if (begins_with(variable, beginning)) return 1;
  return 0;
}

/*
 * Whether the caller asks for the runtime itself, as the lab does: the variable, and a script by its absolute path or -e.
 * HOSA has no such command, so the variable alone changes no command of HOSA.
 */
static int asks_for_runtime(char **arguments, char **environment) {
  const char *first = arguments[0] == 0 ? 0 : arguments[1];
  if (first == 0 || !(first[0] == '/' || (first[0] == '-' && first[1] == 'e' && first[2] == 0))) return 0;
  for (; *environment != 0; environment++)
    if (begins_with(*environment, PLAIN_RUNTIME)) return 1;
  return 0;
}

/* Removes what is not kept, in place. Returns whether something of it has been obeyed already. */
static int clean(char **environment) {
  char **to = environment;
  int obeyed = 0;
  for (char **from = environment; *from != 0; from++) {
    if (is_kept(*from)) *to++ = *from;
    else obeyed |= was_obeyed(*from);
  }
  *to = 0;
  return obeyed;
}

/* The runtime does not start in a directory that was deleted, and says so in words of its own. Nothing relative can lie there. */
static void leave_deleted_directory(void) {
  char place[MOST_PATH_BYTES];
  if (call2(__NR_getcwd, place, sizeof place) < 0) call1(__NR_chdir, "/");
}

/* stack: what the kernel gave the process, as in elf(5): argc, argv, 0, environment, 0, auxiliary vector. */
__attribute__((used)) static void enter(word *stack) {
  if (!runs_here()) end(NO_CPU, sizeof NO_CPU - 1, NOT_SUPPORTED);
  char **arguments = (char **)(stack + 1);
  char **environment = arguments + stack[0] + 1;
  if (asks_for_runtime(arguments, environment)) return;
  char **after = environment;
  while (*after != 0) after++;
  if (!clean(environment)) {
    leave_deleted_directory();
    int exit_code = answer_without_runtime(arguments, environment);
    if (exit_code >= 0) end("", 0, exit_code);
    return;
  }
  for (word *entry = (word *)(after + 1); entry[0] != AT_NULL; entry += 2)
    if (entry[0] == AT_EXECFN) call3(__NR_execve, entry[1], arguments, environment);
  call3(__NR_execve, ITSELF, arguments, environment);
  end(NO_RESTART, sizeof NO_RESTART - 1, FAILED);
}

/* rdx: a function of the dynamic linker that the runtime's own entry wants. `runtime_entry` is the distance to that entry. */
__asm__(
    ".section .text.first, \"ax\"\n"
    "  movq %rsp, %rdi\n"
    "  pushq %rdx\n"
    "  pushq %rdx\n"
    "  call enter\n"
    "  popq %rdx\n"
    "  popq %rdx\n"
    "  leaq runtime_entry(%rip), %rax\n"
    "  addq (%rax), %rax\n"
    "  jmpq *%rax\n"
    ".section .text.last, \"ax\"\n"
    "runtime_entry: .quad 0\n"
    ".text\n");
