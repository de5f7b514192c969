/*
 * The program of `hosa demo`, embedded in the built binary and started by it alone:
 *   enter CGROUP PROGRAM [ARGUMENT]...               PROGRAM in that cgroup; it dies with the process that started it
 *   serve CGROUP SOCKET RESIDENT_MIB LEAK_MIB_PER_S  the service
 *   ask SOCKET PER_S                                 its load
 *   watch CGROUP DIRECTORY                           removes both when standard input ends
 *   clean CGROUP DIRECTORY                           removes both at once
 * Exit status: 0 done, 1 failed, 2 called in another way.
 */

#include "system.h"

#include <linux/prctl.h>

__attribute__((used, noreturn)) static void begin(word *stack) {
  long count = (long)stack[0];
  char **arguments = (char **)(stack + 1);
  char **environment = arguments + count + 1;
  const char *mode = count > 1 ? arguments[1] : "";
  call2(__NR_prctl, PR_SET_NAME, "demo");
  if (is_same(mode, "enter") && count > 3) {
    enter(arguments[2]);
    long error = call3(__NR_execve, arguments[3], arguments + 3, environment);
    fail("cannot start", arguments[3], error);
  }
  if (is_same(mode, "serve") && count == 6) {
    enter(arguments[2]);
    call2(__NR_prctl, PR_SET_NAME, "demo-service");
    serve(arguments[3], number_of(arguments[4]), number_of(arguments[5]));
  }
  if (is_same(mode, "ask") && count == 4) {
    call0(__NR_setsid);
    call2(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL);
    call2(__NR_prctl, PR_SET_NAME, "demo-load");
    ask(arguments[2], number_of(arguments[3]));
  }
  if (is_same(mode, "watch") && count == 4) end(watch(arguments[2], arguments[3]));
  if (is_same(mode, "clean") && count == 4) end(clean(arguments[2], arguments[3]));
  fail("called with unknown arguments", mode, -EINVAL);
}

__asm__(
    ".globl _start\n"
    "_start:\n"
    "  xorl %ebp, %ebp\n"
    "  movq %rsp, %rdi\n"
    "  andq $-16, %rsp\n"
    "  call begin\n");
