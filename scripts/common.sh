# Shared by setup, build, run and test; sourced, never run.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# The order of `find | sort` decides a fingerprint, so it must not follow the caller's language.
export LC_ALL=C

bun_dir="$root/node_modules/@oven/bun-linux-$(uname -m | sed s/x86_64/x64/)/bin"
# bpftool and ip live in sbin, which the PATH of an ordinary user leaves out.
export PATH="$bun_dir:$root/node_modules/.bin:$PATH:/usr/local/sbin:/usr/sbin:/sbin"
# Bun would keep transpiled copies of large files in the caller's home.
export BUN_RUNTIME_TRANSPILER_CACHE_PATH=0
# The linter and the lab keep caches too; inside the clone they leave with it.
export XDG_CACHE_HOME="$root/build/cache"

say() {
  printf 'hosa: %s\n' "$*" >&2
}

# die STATUS MESSAGE
die() {
  say "$2"
  exit "$1"
}

# with_lock ARGS... : one set-up or build at a time; re-runs the calling script while build/.lock is held.
# The lock stays with flock itself (-o), so nothing that is started below can keep it by accident.
with_lock() {
  [ "${HOSA_LOCK_HELD:-}" = "$root" ] && return
  mkdir -p build
  HOSA_LOCK_HELD=$root exec flock -o build/.lock "$root/scripts/$(basename "$0")" "$@"
}

# fingerprint PATH... : one hash over the names and contents of all files below the paths that exist.
fingerprint() {
  local path existing=()
  for path in "$@"; do
    [ -e "$path" ] && existing+=("$path")
  done
  [ "${#existing[@]}" -gt 0 ] || { echo none; return; }
  find "${existing[@]}" -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1
}
