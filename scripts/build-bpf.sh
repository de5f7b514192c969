#!/bin/sh
# bpf/senses.bpf.c -> build/senses.bpf.o (BTF kept, DWARF stripped) and src/ffi/generated/layout.ts.
# Does nothing when neither the sources nor the generator changed.
set -eu
cd "$(dirname "$0")/.."
object=build/senses.bpf.o
layout=src/ffi/generated/layout.ts
stamp=build/senses.sha256
sum=$(cat bpf/*.c bpf/*.h scripts/build-bpf.sh scripts/generate-layout.ts | sha256sum)
if [ -e "$object" ] && [ -e "$layout" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ]; then
  exit 0
fi
for tool in clang llvm-strip bpftool bun; do
  command -v "$tool" >/dev/null || { echo "build-bpf: $tool is not installed (clang, llvm, bpftool, bun and libbpf-dev are needed)" >&2; exit 1; }
done
mkdir -p build "$(dirname "$layout")"
clang -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -Wno-unused-parameter -D__TARGET_ARCH_x86 \
  -I"/usr/include/$(uname -m)-linux-gnu" -c bpf/senses.bpf.c -o "$object.new"
llvm-strip -g "$object.new"
bpftool btf dump file "$object.new" -j | bun scripts/generate-layout.ts > "$layout.new"
mv "$layout.new" "$layout"
mv "$object.new" "$object"
echo "$sum" > "$stamp"
