/* System calls of x86-64 without libc: for what runs ahead of the runtime, and for the program of `hosa demo`. */

#ifndef HOSA_ENTRY_KERNEL_H
#define HOSA_ENTRY_KERNEL_H

typedef unsigned long word;

enum { INPUT = 0, OUTPUT = 1, ERRORS = 2 };

static inline long system_call(long number, word a, word b, word c, word d, word e, word f) {
  register word fourth __asm__("r10") = d;
  register word fifth __asm__("r8") = e;
  register word sixth __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
                   : "rcx", "r11", "memory");
  return result;
}

/* The result is negative where the kernel refused: -ENOENT. */
#define call0(number) system_call(number, 0, 0, 0, 0, 0, 0)
#define call1(number, a) system_call(number, (word)(a), 0, 0, 0, 0, 0)
#define call2(number, a, b) system_call(number, (word)(a), (word)(b), 0, 0, 0, 0)
#define call3(number, a, b, c) system_call(number, (word)(a), (word)(b), (word)(c), 0, 0, 0)
#define call4(number, a, b, c, d) system_call(number, (word)(a), (word)(b), (word)(c), (word)(d), 0, 0)
#define call5(number, a, b, c, d, e) system_call(number, (word)(a), (word)(b), (word)(c), (word)(d), (word)(e), 0)

#endif
