#!/bin/sh
# src/demo/native/*.c -> build/demo.elf, the program of `hosa demo`: static, without libc, x86-64.
set -eu
cd "$(dirname "$0")/.."
for tool in clang ld; do
  command -v "$tool" >/dev/null || { echo "build-demo: $tool is not installed (clang and binutils are needed)" >&2; exit 1; }
done
mkdir -p build/demo
# An object of a source that is gone would be linked, too.
rm -f build/demo/*.o
for file in src/demo/native/*.c src/entry/memory.c; do
  clang --target=x86_64-linux-gnu -std=gnu17 -O2 -Wall -Wextra -Werror -ffreestanding -fno-pie -fno-stack-protector \
    -fno-asynchronous-unwind-tables -fcf-protection=none -mgeneral-regs-only -c "$file" -o "build/demo/$(basename "$file" .c).o"
done
ld -static -nostdlib -z noexecstack -s -o build/demo.elf.new build/demo/*.o
mv build/demo.elf.new build/demo.elf
