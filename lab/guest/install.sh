#!/bin/sh
# The package as an operator meets it, in a guest with systemd: from dpkg -i to purge. /job/env: WARMUP_S. What was found goes to
# /out/checks.tsv (name, ok or FAILED, value), moments to /out/moments.tsv, what an operator reads to /out/*.txt.
. /job/env
. /job/watch.sh
AUDIT=/var/log/hosa/audit.jsonl
CONFIG=/etc/hosa/hosa.d
JOURNAL=
export NO_COLOR=1

# check NAME VALUE CMD...: ok when the command is; the value is what it was about
check() {
  name=$1; value=$2; shift 2
  if "$@" > /dev/null 2>&1; then verdict=ok; else verdict=FAILED; fi
  printf '%s\t%s\t%s\n' "$name" $verdict "$(echo "$value" | one_line)" >> /out/checks.tsv
  say "$verdict $name: $value"
}
moment() { printf '%s\t%s\n' "$1" "$(now_ms)" >> /out/moments.tsv; }
since_ms() { echo $(($(now_ms) - $1)); }
seconds() { echo "$(($1 / 1000)).$(printf %03d $(($1 % 1000)) | cut -c1-2) s"; }
is() { [ "$1" = "$2" ]; }

of_unit() { systemctl show -p "$1" --value "${2:-hosa.service}"; }
# Permitted to the main thread of a process, as a bit set
capabilities() { sed -n 's/^CapPrm:\s*//p' /proc/$1/status; }
# NET_ADMIN, IPC_LOCK, SYS_PTRACE, DAC_OVERRIDE, SYS_NICE, KILL: what no start needs, and every action
FEW=0000000000885022
active() { is "$(systemctl is-active "${1:-hosa.service}")" active; }
journal_mark() { journalctl --sync; JOURNAL=$(journalctl -q -n 0 --show-cursor | sed -n 's/^-- cursor: //p'); }
journal() { journalctl --sync; journalctl -q -u hosa.service -o cat --after-cursor "$JOURNAL"; }
journal_says() { journal | grep -q -- "$1"; }
audit_mark() { AUDIT_FROM=$(($(lines_of $AUDIT) + 1)); }
audit_says() { tail -n +$AUDIT_FROM $AUDIT | grep -q -- "$1"; }
known() { tail -n +$AUDIT_FROM $AUDIT | grep -q '"kind":"baseline"'; }
# A hold that was tried, judged and found to help, and is in force
contained() { audit_says '"verdict":"effective"' && ls -d $P/*/hosa-hold.*; }
answers() { grep -o "\"$1\":[0-9]*" /out/answers.jsonl | cut -d: -f2 | awk '{ n += $1 } END { print n + 0 }'; }
usage_mb() { echo $(($(cat $P/memory.current) / 1048576)); }
same() { [ -z "$(difference "$1" "$2")" ]; }

# What is in force for the services before HOSA comes: no limit here is the default.
make_slice() {
  cat > /run/systemd/system/payment.slice << 'EOF'
[Slice]
MemoryMax=1400M
MemoryLow=16M
MemorySwapMax=0
CPUWeight=150
CPUQuota=150%
IOAccounting=yes
EOF
  systemctl daemon-reload
}
start_payment() { # MB_S
  rm -f /tmp/events
  systemd-run --quiet --unit=payment --slice=payment.slice --collect -p Nice=3 -p StandardOutput=file:/out/payment.log -p StandardError=file:/out/payment.log \
    /job/payment --port 8080 --db /data/payment/db --start-ms 100 --resident-mb 96 --events /tmp/events --leak background $1 --rps 50 --fault-on-usr1
  until_true 200 0.1 grep -q ready /tmp/events
  SERVICE=$(of_unit MainPID payment.service)
  echo $SERVICE > /tmp/service
}
stop_payment() { systemctl stop payment.service; }
leak() {
  journal_mark; audit_mark
  snapshot > /tmp/prior
  ONSET=$(now_ms)
  kill -USR1 $SERVICE
}
# set_config NAME: standard input becomes a file of hosa.d
set_config() { mkdir -p $CONFIG; cat > $CONFIG/$1; }
restart() { # until it beats; the limit of systemd on starts is not what is tried
  systemctl reset-failed hosa.service 2> /dev/null
  audit_mark
  systemctl restart hosa.service
}

# Every file of the root, but for what dpkg and the tools of accounts write about themselves
files() {
  find / -xdev \( -path /job -o -path /out -o -path /tmp -o -path /run -o -path /var/lib/dpkg -o -path /var/cache -o -path /data \) -prune -o -print |
    grep -v -e '^/var/log/\(dpkg\|alternatives\).log$' -e '^/etc/\(group\|gshadow\|passwd\|shadow\|subgid\|subuid\)-$' -e '^/var/log/journal' -e '^/var/lib/systemd/\(timers\|random-seed\)' | sort
}
# Whatever carries the name outside of the files above
remains() {
  getent group hosa
  grep -s hosa /etc/gshadow
  find $CG -type d -name 'hosa*' ! -name 'hosa-lab.service'
  find /run /sys/fs/bpf -name '*hosa*' ! -path '*hosa-lab*' ! -path '/run/systemd/transient/*'
  systemctl list-unit-files --no-legend 'hosa*' | grep -v hosa-lab
  systemctl list-units --all --no-legend 'hosa*' | grep -v hosa-lab
  dpkg-query -W -f '${Package} ${Status}\n' hosa 2> /dev/null | grep -v 'unknown ok not-installed'
}
processes() { for p in /proc/[0-9]*; do readlink $p/exe; done 2> /dev/null | grep hosa; }

install_package() {
  rm -f /etc/dpkg/dpkg.cfg.d/*mmdebstrap # the package is unpacked whole, its documentation too
  files > /tmp/files.before
  BEGAN=$(now_ms); moment "dpkg -i begins"
  dpkg -i /job/hosa.deb > /out/dpkg-install.txt 2>&1
}
learn() {
  AUDIT_FROM=1
  if [ "$WARMUP_S" != 300 ]; then
    echo "learning: {warmup_s: $WARMUP_S}" | set_config 10-warmup.yaml
    restart
  fi
  until_true $((WARMUP_S * 2 + 60)) 1 known
}
# A service that was started after the agent is weak evidence until it is known.
learn_anew() {
  systemctl stop hosa.service
  rm -rf /var/lib/hosa/*
  echo 'learning: {warmup_s: 45}' | set_config 10-warmup.yaml
  restart
  until_true 150 1 known
}

# A fresh service, old enough that the agent knows it.
renew_payment() { stop_payment; start_payment "$1"; sleep 45; }
would_act() { audit_says '"status":"would_do"'; }
status_line() { of_unit StatusText | grep -q -- "$1"; }
observes() { status_line 'detection: nothing is contained'; }
acts() { status_line 'correction up to level 4'; }

tells() { hosa status > /out/first.txt 2>&1; grep -q '^now' /out/first.txt; }

newcomer() { # the way of a new user: install, wait until it knows the node, see what it would do, arm it, meet a leak, have it explained
  install_package; status=$?
  check "dpkg -i" "status $status, $(seconds $(since_ms $BEGAN))" is $status 0
  moment "dpkg -i has returned"
  check "systemctl is-active" "$(systemctl is-active hosa.service), $(systemctl is-enabled hosa.service)" active
  check "Type=notify, ready" "$(of_unit Type), $(of_unit StatusText)" journal_or_status
  check "capabilities given up" "CapPrm $(capabilities "$(of_unit MainPID)")" is "$(capabilities "$(of_unit MainPID)")" $FEW
  check "it observes, and says so" "$(of_unit StatusText)" observes
  check "… dpkg says what it does" "$(grep ^hosa: /out/dpkg-install.txt)" grep -q "hosa: it observes this node" /out/dpkg-install.txt
  check "man, completion" "$(ls /usr/share/man/man8/hosa.8.gz /usr/share/bash-completion/completions/hosa 2>&1)" test -s /usr/share/man/man8/hosa.8.gz
  hosa doctor > /out/doctor.txt 2>&1; status=$?
  check "hosa doctor" "status $status" is $status 0
  until_true 120 0.5 tells
  check "a sentence about the node" "$(grep '^now' /out/first.txt) after $(seconds $(since_ms $BEGAN))" tells
  moment "hosa status has a sentence about the node"
  (cd /out && hosa demo > /out/demo.txt 2>&1); status=$?
  check "hosa demo" "status $status; $(grep '^with ' /out/demo.txt)" is $status 0
  check "… its report" "$(wc -c < /out/hosa-demo.html) bytes after $(seconds $(since_ms $BEGAN))" grep -q thread_hold /out/hosa-demo.html
  # Its path stands in the configuration of every decision; what matters is what is done.
  acts=$(grep -c '"verb":"apply".*"path":"/hosa-demo' /var/log/hosa/audit.jsonl)
  check "… the agent leaves it alone" "$acts actions on it" is "$acts" 0
  moment "hosa demo has written its report"
  learn
  check "the node is known" "after $(seconds $(since_ms $BEGAN)) (learning.warmup_s $WARMUP_S)" known
  moment "the node is known"

  leak; moment "a thread begins to leak 50 MB/s, observed"
  until_true 600 0.05 would_act; ACTED=$(since_ms $ONSET)
  sleep 5
  snapshot > /tmp/after
  check "a leak of 50 MB/s is judged, not touched" "would do after $(seconds $ACTED); difference: $(difference /tmp/prior /tmp/after)" same /tmp/prior /tmp/after
  check "… nothing is in the ledger" "$(lines_of $LEDGER) lines" not acted
  check "… the journal says would do" "$(journal | grep -c 'would do: apply')" journal_says 'would do: apply'
  hosa status > /out/status-observed.txt 2>&1
  check "… hosa status says would do" "$(grep '^would do' /out/status-observed.txt)" grep -q '^would do' /out/status-observed.txt
  stop_payment
  moment "observed"

  pid=$(of_unit MainPID)
  hosa arm --yes > /out/arm.txt 2>&1; status=$?
  check "hosa arm --yes" "status $status, $(grep -m 1 'In force' /out/arm.txt)" is $status 0
  until_true 50 0.1 acts
  check "… at once, without a restart" "$(is $pid "$(of_unit MainPID)" && echo the same process), $(of_unit StatusText)" acts
  check "… and again" "$(hosa arm --yes -o json 2> /dev/null | grep -o '"did":"[a-z]*"')" hosa arm --yes
  moment "armed"
  renew_payment 50

  leak; moment "a thread begins to leak 50 MB/s"
  until_true 600 0.05 acted; ACTED=$(since_ms $ONSET); moment "the first action"
  until_true 600 0.1 contained; HELD=$(since_ms $ONSET)
  check "leak of 50 MB/s contained" "first action after $(seconds $ACTED), judged effective after $(seconds $HELD)" contained
  hosa explain --last > /out/explain.txt 2>&1
  moment "explained"
  check "hosa explain --last" "$(wc -l < /out/explain.txt) lines, $(grep -o 'decision re-run: identical' /out/explain.txt)" grep -q 'decision re-run: identical' /out/explain.txt
  used=$(usage_mb)
  /job/loadgen --port 8080 --rate 20 --connections 4 --seed 1000 --until-ms $(($(now_ms) + 5000)) --out /out/answers.jsonl --acked /dev/null
  grown=$(($(usage_mb) - used))
  check "memory stands still" "$grown MB in 5 s at $used MB" [ $grown -le 5 ]
  check "the service answers" "$(answers acked) of $(answers sent) requests" [ "$(answers acked)" = "$(answers sent)" ]
  journal > /out/journal.txt
  check "the episode in the journal" "$(lines_of /out/journal.txt) lines" [ $(lines_of /out/journal.txt) -le 10 ]
  hosa status > /out/status.txt 2>&1
  check "hosa status" "$(grep -c payment /out/status.txt) lines name the service" grep -q cache-filler /out/status.txt
  hosa release --target /payment.slice/payment.service --yes --reason "prove-install" > /out/release.txt 2>&1; status=$?
  check "hosa release" "status $status, $(one_line < /out/release.txt)" is $status 0
  snapshot > /tmp/after
  check "what was held is as before" "$(difference /tmp/prior /tmp/after)" same /tmp/prior /tmp/after
  moment "released"
  stop_payment
}
journal_or_status() { is "$(of_unit Type)" notify && is "$(of_unit SubState)" running && of_unit StatusText | grep -q 'level 0'; }

paused() { status_line 'paused until'; }
said_paused() { audit_says 'paused for another'; }
dialed() { # pause and disarm: a pause releases, holds nothing new, survives a restart and ends by itself
  start_payment 50; sleep 45
  leak
  until_true 600 0.1 contained
  check "held before the pause" "after $(seconds $(since_ms $ONSET))" contained
  PAUSED=$(now_ms)
  hosa pause 2m --reason "prove-install" > /out/pause.txt 2>&1; status=$?
  snapshot > /tmp/after
  check "hosa pause 2m" "status $status, $(one_line < /out/pause.txt)" is $status 0
  check "… what was held is released" "$(difference /tmp/prior /tmp/after)" same /tmp/prior /tmp/after
  # It would now run into its limit; another one leaks so slowly that the pause ends first.
  stop_payment; start_payment 9
  leak
  sleep 10
  restart
  until_true 300 0.1 paused
  check "… a restart keeps it" "$(of_unit StatusText)" paused
  hosa pause --status > /out/pause-status.txt 2>&1
  check "… hosa pause --status" "$(one_line < /out/pause-status.txt)" grep -q 'prove-install' /out/pause-status.txt
  until_true 900 0.1 said_paused; SAID=$(since_ms $PAUSED)
  snapshot > /tmp/after
  check "… nothing new is contained" "paused, said after $(seconds $SAID); difference: $(difference /tmp/prior /tmp/after)" same /tmp/prior /tmp/after
  until_true 1200 0.1 contained; HELD=$(since_ms $PAUSED)
  check "… it resumes by itself" "held $(seconds $HELD) after the pause began, $(of_unit StatusText)" [ $HELD -ge 120000 ]
  check "… and contains again" "$(usage_mb) MB" contained

  pid=$(of_unit MainPID)
  hosa disarm > /out/disarm.txt 2>&1; status=$?
  snapshot > /tmp/after
  check "hosa disarm" "status $status, $(grep -m 1 'In force' /out/disarm.txt)" is $status 0
  check "… what was held is released" "$(difference /tmp/prior /tmp/after)" same /tmp/prior /tmp/after
  check "… nothing is left in the ledger" "$(lines_of $LEDGER) lines" not acted
  until_true 50 0.1 observes
  check "… at once, without a restart" "$(is $pid "$(of_unit MainPID)" && echo the same process), $(of_unit StatusText)" observes
  stop_payment
  hosa arm --yes > /out/arm-again.txt 2>&1
}

in_service() { # reload, restart in mid-containment, a loop that hangs
  # Between an end and the next start: what the slice is like then.
  mkdir -p /run/systemd/system/hosa.service.d
  printf '[Service]\nExecStartPre=+/bin/sh /job/between.sh\n' > /run/systemd/system/hosa.service.d/lab.conf
  systemctl daemon-reload
  start_payment 30
  echo 'hooks: {post: [{command: [/usr/bin/systemd-run, --pipe, --quiet, --uid=nobody, /usr/bin/id, -un]}]}' | set_config 25-hook.yaml
  learn_anew
  pid=$(of_unit MainPID)

  journal_mark
  echo 'levels: {trend_s: 0.7}' | set_config 20-reload.yaml
  systemctl reload hosa.service; status=$?
  until_true 50 0.1 journal_says 'reload: levels.trend_s: 0.5'
  check "reload, valid" "status $status, $(journal | grep reload: | one_line)" journal_says 'trend_s: 0.5 → 0.7'
  journal_mark
  printf 'levels: {trend_s: 0.9}\nact: {nothing: 1}\n' | set_config 20-reload.yaml
  systemctl reload hosa.service 2> /out/reload.txt; status=$?
  check "reload, invalid" "status $status, $(journal | grep -m 1 nothing | one_line)" [ $status -ne 0 ]
  sleep 1
  check "… changes nothing" "the same process: $(is $pid "$(of_unit MainPID)" && echo yes), $(of_unit StatusText)" is $pid "$(of_unit MainPID)"
  check "… nothing of it taken up" "$(journal | grep -c 0.9) lines" [ "$(journal | grep -c '0.9')" = 0 ]
  rm $CONFIG/20-reload.yaml
  systemctl reload hosa.service

  leak
  until_true 600 0.1 contained
  check "leak of 30 MB/s contained" "after $(seconds $(since_ms $ONSET)) at $(usage_mb) MB" contained
  until_true 100 0.1 audit_says '"kind":"hook".*nobody'
  check "a hook asks systemd" "$(tail -n +$AUDIT_FROM $AUDIT | grep -m 1 '"kind":"hook"' | grep -o '"result":.*' | cut -c1-160)" audit_says '"kind":"hook".*nobody'
  rm $CONFIG/25-hook.yaml
  snapshot > /tmp/held
  rm -f /out/between*
  RESTARTED=$(now_ms)
  restart
  check "restart: undone first" "$(difference /tmp/prior /out/between) ledger: $(cat /out/between.ledger) lines" same /tmp/prior /out/between
  until_true 600 0.1 contained
  check "restart: held anew" "after $(seconds $(since_ms $RESTARTED)) at $(usage_mb) MB" contained

  rm -f /out/between*
  pid=$(of_unit MainPID); restarts=$(of_unit NRestarts)
  kill -STOP $pid; STOPPED=$(now_ms); journal_mark; audit_mark
  snapshot > /tmp/held; used=$(usage_mb)
  until_true 600 0.1 test -e /out/between.done
  check "watchdog: a hung loop is killed" "after $(seconds $(since_ms $STOPPED)), WatchdogUSec $(of_unit WatchdogUSec)" [ ! -e /proc/$pid ]
  check "watchdog: held until then" "$used MB when it hung, $(cat /out/between.usage) MB when killed; difference: $(difference /tmp/held /out/between)" same /tmp/held /out/between
  until_true 600 0.1 active
  check "watchdog: restarted" "NRestarts $restarts → $(of_unit NRestarts)" [ "$(of_unit NRestarts)" -gt "$restarts" ]
  check "watchdog: undone by the successor" "$(journal | grep predecessor | one_line)" journal_says 'left by a predecessor were undone'
  until_true 600 0.1 contained
  check "watchdog: found anew" "after $(seconds $(since_ms $STOPPED)) at $(usage_mb) MB" contained

  stop=$(now_ms)
  stop_payment
  check "a held service stops when asked to" "after $(seconds $(since_ms $stop))" [ $(since_ms $stop) -lt 10000 ]
  rm -r /run/systemd/system/hosa.service.d
  systemctl daemon-reload
}

# Links, addresses, routes, programs, pins, freezers; how far the kernel has come with a link is not what was changed.
network() {
  { ip -o addr; ip route show table all; ip -o link; ip -details link show | grep -o 'prog/xdp'; } |
    sed -E 's/valid_lft.*//; s/ (linkdown|state [A-Z]+|qlen [0-9]+)//g; s/NO-CARRIER,|,LOWER_UP//g' | sort
  ls -R /sys/fs/bpf
  for d in $CG/*.slice; do echo "$d $(cat $d/cgroup.freeze)"; done
}
network_as_before() { network > /tmp/network.after; same /tmp/network.before /tmp/network.after; }
in_quarantine() { audit_says '"step":"freeze","subject":"/payment.slice/payment.service","status":"done"'; }
isolation() { # level 5 inside the unit's sandbox, the capabilities of the start given up
  modprobe veth
  ip netns add outside
  for l in uplink spare; do
    ip link add $l type veth peer name far-$l netns outside
    echo 1 > /proc/sys/net/ipv6/conf/$l/disable_ipv6
    ip link set $l up
    ip -n outside link set far-$l up
  done
  ip addr add 10.50.0.1/24 dev uplink
  ip addr add 10.60.0.1/24 dev spare
  ip route add default via 10.50.0.2
  ip route add 10.61.0.0/16 via 10.60.0.9
  systemd-run --quiet --unit=neighbour --slice=neighbour.slice sleep infinity
  set_config 40-isolation.yaml << 'EOF'
opinions: {enabled: false}
thresholds: {mode: fixed, fixed: [2, 3, 4, 5]}
act: {warmup_cgroup_s: 0, exec_grace_s: 0}
# No service can be contained: every containment fails, which is what level 5 is about.
motor: {rungs: [shield], cooldown_s: 0, max_targets_per_minute: 600}
quarantine: {count_refusals: true, environment: edge_physical, evidence_deadline_s: 60}
protect: [/lab.slice, /lab.slice/**]
EOF
  hosa arm --up-to 5 --yes > /out/arm-5.txt 2>&1
  start_payment 50
  journal_mark
  restart
  until_true 100 0.1 journal_says 'capabilities given up'
  cp /proc/$(of_unit MainPID)/mountinfo /out/unit.mountinfo
  network > /tmp/network.before
  leak
  until_true 1200 0.1 in_quarantine
  check "level 5 in the sandbox" "$(audit_steps)" in_quarantine
  check "… every step done" "$(audit_step_undone | one_line)" not audit_step_undone
  check "… shield on the uplink" "$(ip -details link show uplink | grep -o 'prog/xdp id [0-9]*')" shielded
  hosa release --quarantine --yes > /out/release-quarantine.txt 2>&1; status=$?
  check "… hosa release --quarantine" "status $status, $(grep -c . /out/release-quarantine.txt) lines" is $status 0
  until_true 100 0.1 grep -q 'frozen 0' $P/cgroup.events
  until_true 50 0.1 network_as_before
  check "… everything as before" "$(difference /tmp/network.before /tmp/network.after)" network_as_before
  stop_payment
  rm $CONFIG/40-isolation.yaml
  hosa arm --yes > /out/arm-4.txt 2>&1
  for l in uplink spare; do ip link del $l; done
  ip netns del outside
}
not() { ! "$@"; }
shielded() { ip -details link show uplink | grep -q prog/xdp; }
step_records() { tail -n +$AUDIT_FROM $AUDIT | grep '"kind":"quarantine_step"'; }
audit_steps() { step_records | sed 's/.*"step":"\([a-z_]*\)","subject":"\([^"]*\)","status":"\([a-z]*\)".*/\1 \2: \3/'; }
audit_step_undone() { step_records | grep -v '"status":"done"' | sed 's/.*"detail":"\([^"]*\)".*/\1/' | grep .; }

in_a_box() { # a cgroup namespace of its own, as a container that is not privileged has
  systemctl stop hosa.service
  rm -rf /var/lib/hosa/*
  start_payment 50
  audit_mark
  systemd-run --quiet --unit=box --slice=box.slice -p MemoryAccounting=yes -p CPUWeight=100 -p StandardError=file:/out/box.log \
    -p CapabilityBoundingSet="$(sed -n 's/^CapabilityBoundingSet=//p' /lib/systemd/system/hosa.service)" unshare --cgroup --mount /usr/bin/hosa run --daemon
  until_true 300 0.2 grep -q 'motor: cgroup' /out/box.log
  check "a container's namespace: own cgroup" "memory.min $(cat $CG/box.slice/box.service/memory.min)" is "$(cat $CG/box.slice/box.service/memory.min)" 67108864
  until_true 150 1 known
  leak
  until_true 600 0.1 contained
  check "… contained" "after $(seconds $(since_ms $ONSET))" contained
  systemctl stop box.service
  snapshot > /tmp/after
  check "… as before" "$(difference /tmp/prior /tmp/after)" same /tmp/prior /tmp/after
  stop_payment
}

leaves() { # removed in mid-containment, then purged
  start_payment 50
  learn_anew
  leak
  until_true 600 0.1 contained
  check "contained before the removal" "after $(seconds $(since_ms $ONSET))" contained
  dpkg -r hosa > /out/dpkg-remove.txt 2>&1; status=$?
  check "dpkg -r" "status $status" is $status 0
  snapshot > /tmp/after
  check "… undone" "$(difference /tmp/prior /tmp/after)" same /tmp/prior /tmp/after
  check "… nothing runs" "$(processes)" is "$(processes)" ""
  check "… configuration and audit stay" "$(ls -d /etc/hosa/hosa.yaml /var/log/hosa/audit.jsonl 2>&1)" test -s /etc/hosa/hosa.yaml -a -s /var/log/hosa/audit.jsonl
  cp -r /var/log/hosa /out/log
  stop_payment
  dpkg --purge hosa > /out/dpkg-purge.txt 2>&1; status=$?
  check "dpkg --purge" "status $status" is $status 0
  files > /tmp/files.after
  check "no file is left" "$(difference /tmp/files.before /tmp/files.after)" same /tmp/files.before /tmp/files.after
  check "no group, cgroup, unit, ledger, pin" "$(remains)" is "$(remains)" ""
}

modprobe brd rd_nr=1 rd_size=131072 && mke2fs -qF -t ext4 /dev/ram0 && mount -t ext4 /dev/ram0 /data
mkdir -p /data/payment
make_slice
systemctl start payment.slice
start_payment 50
/job/loadgen --port 8080 --rate 50 --connections 16 --seed 1 --until-ms 100000000 --out /dev/null --acked /dev/null &

case $PARTS in *newcomer*) ;; *) install_package; learn; stop_payment; hosa arm --yes > /out/arm.txt 2>&1 ;; esac
for part in $PARTS; do
  say "part $part"
  $part
done
journalctl -q -u hosa.service -o short-monotonic > /out/journal-all.txt
echo end >> /out/checks.tsv
exit 0
