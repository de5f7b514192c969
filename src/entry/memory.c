#include "kernel.h"

/* The compiler may ask for these; nothing else does. */
void *memcpy(void *to, const void *from, word bytes);
void *memset(void *to, int value, word bytes);

void *memcpy(void *to, const void *from, word bytes) {
  void *start = to;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
  return start;
}

void *memset(void *to, int value, word bytes) {
  void *start = to;
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(value) : "memory");
  return start;
}
