#!/bin/bash
# What a guest is made of, built once and kept in the cache. Prints the path of what was asked for.
#
#   image.sh kernel 6.1|6.12|6.18      folder with vmlinuz
#   image.sh base 6.1|6.12|6.18        initrd of a guest with that kernel, without its job
#   image.sh systemd [SUITE]           disk with systemd and systemd-oomd, as the distribution ships them; SUITE: bookworm (252), trixie (257)
#   image.sh podman SUITE              the same with podman, runc, crun and an image made of busybox
#   image.sh workloads                 folder with the statically linked workloads
#   image.sh java                      folder with Payment.class and a minimal runtime
#   image.sh earlyoom                  the distribution's earlyoom binary
#   image.sh job FOLDER FILE           FOLDER as an uncompressed cpio, appended to base by the caller
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/hosa-lab
mkdir -p "$CACHE"
MODULES="virtio_pci virtio_blk virtio_console brd veth nfit nd_pmem"
BINARIES="/bin/dash /sbin/mke2fs /usr/sbin/ip"

die() { echo "lab: $*" >&2; exit 1; }

mirror() { # the host's own, so that nothing else has to be reachable
  local uri
  uri=$(apt-get indextargets --format '$(REPO_URI) $(COMPONENT) $(ORIGIN)' | awk '$2=="main" && $3=="Debian" && $1 !~ /security/ && !found++ {print $1}')
  [ -n "$uri" ] || die "apt knows no Debian mirror; run apt-get update"
  echo "$uri"
}

# own_apt ARGS...: apt with its own lists beside the host's, for the suites the host does not have
own_apt() {
  local a=$CACHE/apt uri
  if [ ! -e "$a/conf" ]; then
    mkdir -p "$a"/{etc/preferences.d,etc/apt.conf.d,state/lists/partial,cache/archives/partial}
    uri=$(mirror)
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$uri" trixie "$uri" trixie-backports > "$a/etc/sources.list"
    printf '%s;\n' "Dir::Etc \"$a/etc\"" 'Dir::Etc::sourceparts "-"' "Dir::State::lists \"$a/state/lists\"" \
      "Dir::Cache \"$a/cache\"" 'Dir::State::status "/dev/null"' 'APT::Sandbox::User "root"' 'Acquire::Languages "none"' > "$a/conf.new"
    APT_CONFIG=$a/conf.new apt-get -qq update
    mv "$a/conf.new" "$a/conf"
  fi
  APT_CONFIG=$a/conf "$@"
}

# No stage of a pipe ends before it has read everything: with pipefail a writer that is cut off would end the script.
newest() { sort -V | tail -1; }
names() { awk '{print $1}'; }

# download PATTERN: the newest package whose name matches, into the current folder; versions are never written down
download() {
  local name
  name=$(apt-cache search --names-only "$1" | names | newest)
  if [ -n "$name" ] && apt-get -qq download "$name" 2>/dev/null; then return; fi
  name=$(own_apt apt-cache search --names-only "$1" | names | newest)
  [ -n "$name" ] || die "no package is named like $1"
  own_apt apt-get -qq download "$name"
}

kernel() {
  local d=$CACHE/kernel-$1 x v
  if [ ! -e "$d/version" ]; then
    local w; w=$(mktemp -d "$CACHE/new.XXXXXX"); x=$w/x; mkdir "$w/deb" "$x"
    (cd "$w/deb" && download "^linux-image-${1/./\\.}\.[0-9][0-9a-z.+-]*-cloud-amd64\$")
    dpkg -x "$w"/deb/*.deb "$x"
    [ -d "$x/lib/modules" ] || ln -s usr/lib "$x/lib"
    v=$(basename "$x"/lib/modules/*)
    depmod -b "$x" "$v"
    cp "$(ls "$x"/boot/vmlinuz-* "$x/lib/modules/$v/vmlinuz" 2>/dev/null | head -1)" "$w/vmlinuz"
    rm -rf "$w/deb"; echo "$v" > "$w/version"; rm -rf "$d"; mv "$w" "$d"
  fi
  echo "$d"
}

copy_libraries() { # TREE FILE...: what the dynamic linker would load for them
  local tree=$1 l; shift
  for l in $(ldd "$@" 2>/dev/null | grep -o '/[^ :]*' | grep '\.so' | sort -u); do
    mkdir -p "$tree$(dirname "$l")"; cp -nL "$l" "$tree$l"
  done
}

base() { # named by what it is made of: checkouts that differ may share a cache
  local d c v t b f o m
  d=$(kernel "$1"); v=$(<"$d/version")
  c=$d/base-$(cat "$HERE/guest/init" "$HERE/guest/work" "$HERE/image.sh" | sha256sum | cut -c1-16).cpio.gz
  echo "$c"
  [ -e "$c" ] && return
  t=$(mktemp -d "$CACHE/new.XXXXXX")
  mkdir -p "$t"/{bin,sbin,usr/bin,usr/sbin,etc,proc,sys,dev,run,tmp,root,out,job,data,lib64,lib/x86_64-linux-gnu,lib/modules/"$v"}
  cp "$(command -v busybox)" "$t/bin/busybox"
  for b in $("$t/bin/busybox" --list); do ln -s busybox "$t/bin/$b" 2>/dev/null || :; done
  ln -s ../bin/busybox "$t/sbin/modprobe"
  for b in $BINARIES; do cp -L "$b" "$t/usr/sbin/"; copy_libraries "$t" "$b"; done
  rm -f "$t"/bin/{ip,mke2fs}; ln -sf ../usr/sbin/dash "$t/bin/sh" # busybox's shell prefers its own applets to PATH
  for b in libpthread.so.0 libdl.so.2 libm.so.6 libgcc_s.so.1 libstdc++.so.6 librt.so.1 libz.so.1 libelf.so.1 libbpf.so.1; do
    b=$(ldconfig -p | awk -v n="$b" '$1==n && /x86-64/ && !found++ {print $NF}'); [ -n "$b" ] || continue
    mkdir -p "$t$(dirname "$b")"; cp -nL "$b" "$t$b"; copy_libraries "$t" "$b"
  done
  cp "$HERE/guest/init" "$t/init"; cp "$HERE/guest/work" "$t/job/work"; chmod 755 "$t/init"
  printf '%s\n' $MODULES > "$t/etc/modules"
  sed -i '/^brd$/d;/^veth$/d;/^nfit$/d;/^nd_pmem$/d' "$t/etc/modules" # loaded by the job that needs it
  for m in $MODULES; do modprobe -d "$d/x" -S "$v" --show-depends "$m" 2>/dev/null | awk '$1=="insmod"{print $2}'; done | sort -u |
    while read -r f; do
      f=$(readlink -f "$f"); o=$t/lib/modules/$v/$(basename "${f%.xz}")
      case $f in *.xz) xz -dc "$f" > "$o" ;; *) cp "$f" "$o" ;; esac
    done
  cp "$d/x/lib/modules/$v"/modules.{builtin,order} "$t/lib/modules/$v/"
  cp "$d/x/lib/modules/$v/modules.builtin.modinfo" "$t/lib/modules/$v/" 2>/dev/null || :
  depmod -b "$t" "$v"
  (cd "$t" && find . | LC_ALL=C sort | cpio -o -H newc --quiet -R 0:0 | gzip -1) > "$t.gz"
  truncate -s %512 "$t.gz" # the archive appended after it must start aligned, or the kernel drops it
  mv "$t.gz" "$c"; rm -rf "$t"
}

workloads() {
  local d w f
  d=$CACHE/workloads-$(cat "$HERE"/workloads/*.[ch] | sha256sum | cut -c1-16)
  if [ ! -d "$d" ]; then
    w=$(mktemp -d "$CACHE/new.XXXXXX")
    for f in payment loadgen sampler churn flood hydra idle spin snapshot shm; do
      gcc -static -O2 -Wall -Wextra -pthread "$HERE/workloads/$f.c" -o "$w/$f" -lsqlite3 -lm 2> "$w/log" || { cat "$w/log" >&2; die "$f.c does not compile"; }
    done
    mv -T "$w" "$d"
  fi
  echo "$d"
}

java() {
  local d w
  d=$CACHE/java-$(sha256sum < "$HERE/workloads/Payment.java" | cut -c1-16)
  if [ ! -d "$d" ]; then
    w=$(mktemp -d "$CACHE/new.XXXXXX")
    javac -d "$w" "$HERE/workloads/Payment.java"
    jlink --add-modules java.base,jdk.httpserver --strip-java-debug-attributes --no-header-files --no-man-pages --output "$w/jre"
    mv -T "$w" "$d"
  fi
  echo "$d"
}

earlyoom() {
  local d=$CACHE/earlyoom w
  if [ ! -x "$d/usr/bin/earlyoom" ]; then
    w=$(mktemp -d "$CACHE/new.XXXXXX")
    (cd "$w" && download '^earlyoom$' && dpkg -x earlyoom*.deb . && rm -f ./*.deb)
    rm -rf "$d"; mv -T "$w" "$d"
  fi
  echo "$d/usr/bin/earlyoom"
}

# What a person logs in by, and what wakes up by itself: nobody does here, and it would be measured.
MASKED="getty.target getty-static.service systemd-logind.service fstrim.timer e2scrub_all.timer e2scrub_reap.service
  dpkg-db-backup.timer systemd-tmpfiles-clean.timer"

systemd() { # SUITE [PACKAGES]
  local d w u suite=$1 more=${2:-} size=512M
  d=$CACHE/systemd-$suite${more:+-podman}-$(cat "$HERE/guest/hosa-lab.service" "$HERE/image.sh" | sha256sum | cut -c1-16)
  [ "$suite$more" = bookworm ] || size=1G
  if [ ! -e "$d" ]; then
    [ "$(id -u)" = 0 ] || die "a guest with systemd is built as root"
    w=$(mktemp -d "$CACHE/new.XXXXXX")
    mmdebstrap --quiet --variant=essential --include=systemd,dbus,systemd-oomd,kmod,e2fsprogs,iproute2,libbpf1$more \
      --aptopt='APT::Install-Recommends "false"' --dpkgopt='path-exclude=/usr/share/doc/*' \
      --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
      "$suite" "$w/root" "deb $(mirror) $suite main" > "$w/log" 2>&1 || { cat "$w/log" >&2; die "mmdebstrap failed"; }
    mkdir -p "$w/root"/{job,out,data,usr/lib/modules}
    for u in $MASKED; do ln -sf /dev/null "$w/root/etc/systemd/system/$u"; done
    cp "$HERE/guest/hosa-lab.service" "$w/root/etc/systemd/system/"
    ln -s ../hosa-lab.service "$w/root/etc/systemd/system/multi-user.target.wants/"
    : > "$w/root/etc/machine-id"; echo lab > "$w/root/etc/hostname"
    mke2fs -qF -t ext4 -O ^has_journal -d "$w/root" "$w/disk" $size > /dev/null
    mv "$w/disk" "$d"; rm -rf "$w"
  fi
  echo "$d"
}

# One builder at a time; what was built is only ever replaced by a rename.
exec 9> "$CACHE/lock"
case ${1:-} in
  kernel) flock 9; kernel "$2" ;;
  base) flock 9; base "$2" ;;
  systemd) flock 9; systemd "${2:-bookworm}" ;;
  podman) flock 9; systemd "$2" ,podman,runc,crun,conmon,uidmap,iptables,busybox-static,golang-github-containers-common ;;
  workloads) flock 9; workloads ;;
  java) flock 9; java ;;
  earlyoom) flock 9; earlyoom ;;
  job) copy_libraries "$2" $(find "$2/job" -maxdepth 1 -type f -perm -100) || :
    (cd "$2" && find . -mindepth 1 | LC_ALL=C sort | cpio -o -H newc --quiet -R 0:0) > "$3" ;;
  *) sed -n '2,12p' "$0"; exit 2 ;;
esac
