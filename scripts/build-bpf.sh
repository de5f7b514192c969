#!/bin/sh
# bpf/NAME.bpf.c -> build/NAME.bpf.o (BTF kept, DWARF stripped) and src/ffi/generated/{layout,shield_layout}.ts.
# Does nothing when neither the sources nor the generator changed.
set -eu
cd "$(dirname "$0")/.."
generated=src/ffi/generated
stamp=build/bpf.sha256
sum=$(cat bpf/*.c bpf/*.h scripts/build-bpf.sh scripts/generate-layout.ts | sha256sum)
if [ -e build/senses.bpf.o ] && [ -e build/shield.bpf.o ] && [ -e $generated/layout.ts ] && [ -e $generated/shield_layout.ts ] &&
  [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ]; then
  exit 0
fi
for tool in clang llvm-strip bpftool bun; do
  command -v "$tool" >/dev/null || { echo "build-bpf: $tool is not installed (clang, llvm, bpftool, bun and libbpf-dev are needed)" >&2; exit 1; }
done
mkdir -p build "$generated"

# compile NAME LAYOUT SECTION:VARIABLE... STRUCT...
compile() {
  object=build/$1.bpf.o
  layout=$generated/$2
  clang -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -Wno-unused-parameter -D__TARGET_ARCH_x86 \
    -I"/usr/include/$(uname -m)-linux-gnu" -c "bpf/$1.bpf.c" -o "$object.new"
  llvm-strip -g "$object.new"
  shift 2
  bpftool btf dump file "$object.new" -j | bun scripts/generate-layout.ts "$@" > "$layout.new"
  mv "$layout.new" "$layout"
  mv "$object.new" "$object"
}

compile senses layout.ts .data:control beat cgroup_row thread_row starter_row control
compile shield shield_layout.ts .data:control .bss:slots .rodata:asks_tracking \
  shield_control shield_slot shield_prefix4 shield_prefix6
echo "$sum" > "$stamp"
