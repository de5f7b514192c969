#!/bin/sh
# What an operator, a service manager and a container runtime can still do beside a held or limited service: every operation without a
# remedy and with each. /job/env: PARTS. Rows to /out/rows.tsv (subject, mode, operation, status, milliseconds, words), remedies to /out/*.log.
. /job/env
. /job/watch.sh
ROWS=/out/rows.tsv
D=

row() { printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$@" >> $ROWS; say "$*"; }
# op SUBJECT MODE OPERATION SECONDS CMD...: runs it with a limit, as soon as the remedy is on (or known to be refused)
op() {
  subject=$1; mode=$2; name=$3; limit=$4; shift 4
  wait_for_mode $mode
  b=$(now_ms); timeout $limit "$@" > /tmp/op.out 2>&1; r=$?; e=$(now_ms)
  row "$subject" "$mode" "$name" $r $((e - b)) "$(one_line < /tmp/op.out | cut -c1-160)"
}
on() { # whether the remedy is in force now
  case $1 in
    thread*) cat $D/hosa-hold.*/cgroup.events | grep -q 'frozen 1' ;;
    freeze*) { cat $D/hosa-freeze/cgroup.events 2> /dev/null || cat $D/cgroup.events; } | grep -q 'frozen 1' ;;
    # A limit that another writer changed is not fought: once is enough.
    limit*|memory*) grep -q ' apply done ' "/out/$LOG" ;;
    *) true ;;
  esac
}
refused() { [ -n "$LOG" ] && tail -1 "/out/$LOG" 2> /dev/null | grep -q ' refused \| gone \|^- '; }
on_or_refused() { on $1 || refused; }
wait_for_mode() { [ $1 = none ] || until_true 30 0.2 on_or_refused $1; }

HOLDER=
LOG=
begin() { # SUBJECT MODE PATH: keeps the remedy on from now on
  D=$CG$3
  HOLDER=
  LOG=
  [ $2 = none ] && return
  LOG="$1-$2.log"
  case $2 in *-anyway) raw $2; row "$1" "$2" "the remedy" 0 0 "without asking"; return ;; esac
  /job/hold $2 $3 > "/out/$LOG" 2>&1 &
  HOLDER=$!
  until_true 300 0.1 test -s "/out/$LOG"
  wait_for_mode $2
  row "$1" "$2" "the remedy" 0 0 "$(head -1 "/out/$LOG" | cut -d' ' -f3- | one_line | cut -c1-160)"
}
# What the preconditions forbid, by hand: to show what they are for
raw() {
  case $1 in
    freeze*) echo 1 > $D/cgroup.freeze ;;
    thread*)
      p=$(head -1 $D/cgroup.procs); t=$(ls /proc/$p/task | tail -1)
      mkdir $D/hosa-hold.$t && echo threaded > $D/hosa-hold.$t/cgroup.type && echo $t > $D/hosa-hold.$t/cgroup.threads && echo 1 > $D/hosa-hold.$t/cgroup.freeze ;;
  esac
}
finish() { [ ! -e $D/cgroup.freeze ] || echo 0 > $D/cgroup.freeze; [ -z "$HOLDER" ] || { kill -TERM $HOLDER; wait $HOLDER; }; HOLDER=; }

unit() { # NAME LINES...: a unit in app.slice
  name=$1; shift
  { printf '[Service]\nSlice=app.slice\nTimeoutStopSec=10\nCPUWeight=90\nMemoryAccounting=yes\n'; printf '%s\n' "$@"; } > /run/systemd/system/$name.service
}
answers() { timeout 8 systemctl is-active "$1"; }
sub_cgroup() { mkdir $D/sub && cat $D/sub/cgroup.type && sh -c "echo \$\$ > $D/sub/cgroup.procs"; r=$?; rmdir $D/sub 2> /dev/null; return $r; }
pids_below() { for d in $D $D/*/; do [ ! -d $d ] || cat $d/cgroup.procs > /dev/null || return 1; done; }
# A shell function for timeout(1)
f() { cat > /tmp/f.sh << X
D=$D
$(sed -n "/^$1() /,/^}/p" /job/job.sh)
$1
X
}
stopped_in_order() { # what the service wrote at its end
  cat /data/ended 2> /dev/null || { echo "nothing written"; return 1; }
}

unit_operations() { # UNIT MODE
  op $1 $2 "systemctl status" 10 systemctl status --no-pager -n 0 $1
  op $1 $2 "systemd-cgls" 10 systemd-cgls --no-pager -u $1
  f pids_below; op $1 $2 "read cgroup.procs below" 10 sh /tmp/f.sh
  op $1 $2 "systemctl reload" 15 systemctl reload $1
  op $1 $2 "PID 1 answers after it" 8 systemctl is-active $1
  op $1 $2 "set-property MemoryHigh=" 10 systemctl set-property --runtime $1.service MemoryHigh=300M
  op $1 $2 "daemon-reload" 20 systemctl daemon-reload
  op $1 $2 "systemctl kill -s USR2" 10 systemctl kill -s USR2 $1
  op $1 $2 "kill -HUP MainPID" 10 sh -c "kill -HUP $(systemctl show -p MainPID --value $1)"
  op $1 $2 "a process into its cgroup" 10 sh -c "sh -c 'echo \$\$ > $D/cgroup.procs && echo in'"
  f sub_cgroup; op $1 $2 "a sub-cgroup of its own" 10 sh /tmp/f.sh
  op $1 $2 "another unit is started" 15 systemd-run --quiet --wait --unit=other-$$ true
  op $1 $2 "systemctl restart" 40 systemctl restart $1
  # Anew, so that what is stopped has begun before it was held.
  finish; systemctl reset-failed; systemctl start $1; sleep 2; rm -f /data/ended
  begin $1 $2 /app.slice/$1.service
  op $1 $2 "systemctl stop" 40 systemctl stop $1
  op $1 none+$2 "… ended in order" 5 cat /data/ended
  op $1 none+$2 "… its result" 10 systemctl show -p Result --value $1
}

units() {
  unit plain "ExecStart=/job/idle /data/ended" "ExecReload=/bin/echo reloaded"
  unit deleg Delegate=yes "ExecStart=/job/idle /data/ended" "ExecReload=/bin/echo reloaded"
  unit stopped "ExecStart=/job/idle /data/ended" 'ExecStop=/bin/sh -c "kill -TERM $MAINPID; while kill -0 $MAINPID; do sleep 0.1; done"'
  systemctl daemon-reload
  for one in "plain none" "plain thread" "plain freeze" "plain limit" "deleg none" "deleg thread" "deleg freeze" "deleg thread-anyway"; do
    set -- $one
    systemctl reset-failed; systemctl start $1; sleep 1
    begin $1 $2 /app.slice/$1.service
    # A remedy that is refused changes nothing.
    refused || unit_operations $1 $2
    finish
  done
  for mode in none thread freeze; do
    systemctl reset-failed; rm -f /data/ended; systemctl start stopped; sleep 1
    begin stopped $mode /app.slice/stopped.service
    op stopped $mode "systemctl stop (ExecStop=)" 40 systemctl stop stopped
    op stopped none+$mode "… ended in order" 5 cat /data/ended
    finish
  done
}

throttled() { # a unit that wants all processors, of which it gets a part: whoever starts something in it waits for that
  unit busy 'ExecStart=/bin/sh -c "for i in 1 2 3 4; do while :; do :; done & done; wait"' "ExecReload=/bin/true" KillMode=control-group
  systemctl daemon-reload
  for mode in none weight limit; do
    systemctl reset-failed; systemctl start busy; sleep 2
    begin busy $mode /app.slice/busy.service
    wait_for_mode $mode
    for n in 1 2 3; do
      (timeout 30 systemctl reload busy) & reload=$!
      op busy $mode "PID 1 answers while it starts a command there ($n)" 30 systemctl is-active init.scope
      wait $reload
    done
    op busy $mode "systemctl reload" 60 systemctl reload busy
    op busy $mode "another unit is started" 30 systemd-run --quiet --wait --unit=other-$$ true
    op busy $mode "systemctl stop" 40 systemctl stop busy
    finish
  done
}

watchdog() { # a unit that reports every second to a watchdog of 3 s
  printf 'systemd-notify --ready\nwhile :; do systemd-notify WATCHDOG=1; sleep 1; done\n' > /job/pinger.sh
  unit pinged Type=notify NotifyAccess=all WatchdogSec=3 "ExecStart=/bin/sh /job/pinger.sh" Restart=on-failure
  systemctl daemon-reload
  for mode in none freeze thread freeze-anyway; do
    systemctl reset-failed; systemctl restart pinged; sleep 4
    before=$(systemctl show -p NRestarts --value pinged)
    begin pinged $mode /app.slice/pinged.service
    op pinged $mode "12 s later" 20 sleep 12
    finish
    sleep 2
    after=$(systemctl show -p NRestarts --value pinged)
    op pinged none+$mode "… restarts by its watchdog" 10 test "$after" = "$before"
  done
  systemctl stop pinged
}

level5() { # the whole agent at level 5, then a timer and a reload in what it froze
  mkdir -p /etc/hosa /run/hosa /var/log/hosa
  cat > /etc/hosa/hosa.yaml << 'X'
opinions: {enabled: false}
thresholds: {mode: fixed, fixed: [2, 3, 4, 5]}
act: {warmup_cgroup_s: 0, exec_grace_s: 0}
motor: {rungs: [freeze], cooldown_s: 0, max_targets_per_minute: 600}
quarantine: {count_refusals: true, environment: cloud_vm, evidence_deadline_s: 60}
shield: {interfaces: []}
protect: [/lab.slice, /lab.slice/**]
learning: {warmup_s: 40, state_dir: /run/hosa-state}
audit: {path: /out/audit.jsonl}
X
  printf '[Slice]\nMemoryMax=1200M\nMemorySwapMax=0\n' > /run/systemd/system/payment.slice
  printf '[Service]\nSlice=payment.slice\nExecStart=/job/payment --port 8080 --db /data/p.db --start-ms 100 --resident-mb 64 --events /tmp/p.events --leak background 60 --rps 50 --fault-on-usr1\nExecReload=/bin/echo reloaded\n' > /run/systemd/system/payment.service
  printf '[Service]\nSlice=batch.slice\nType=oneshot\nExecStart=/bin/sh -c "date >> /out/job-runs"\n' > /run/systemd/system/nightly.service
  printf '[Timer]\nOnActiveSec=1s\nOnUnitActiveSec=20s\nAccuracySec=1s\n' > /run/systemd/system/nightly.timer
  printf '[Service]\nSlice=batch.slice\nExecStart=/job/idle /data/ended\nTimeoutStopSec=10\n' > /run/systemd/system/worker.service
  systemctl daemon-reload
  systemctl start payment worker nightly.timer
  /job/loadgen --port 8080 --rate 50 --connections 8 --seed 1 --until-ms 100000000 --out /dev/null --acked /dev/null &
  systemd-run --quiet --unit=hosa --slice=hosa.slice -p StandardOutput=file:/out/run.txt -p StandardError=file:/out/run.err -p CPUWeight=1000 -p TimeoutStopSec=20 /job/hosa run -c /etc/hosa/hosa.yaml
  until_true 150 1 grep -q '"kind":"baseline"' /out/audit.jsonl
  sleep 5
  kill -USR1 $(systemctl show -p MainPID --value payment)
  until_true 600 0.2 sh -c "grep '\"step\":\"freeze\"' /out/audit.jsonl | grep -q worker"
  sleep 2
  D=$CG/batch.slice/worker.service
  grep -o '"step":"freeze","subject":"[^"]*","status":"[a-z]*"' /out/audit.jsonl > /out/frozen.txt
  row quarantine level5 "frozen by level 5" 0 0 "$(one_line < /out/frozen.txt)"
  runs=$(lines_of /out/job-runs)
  op quarantine level5 "PID 1 answers" 8 systemctl is-active worker
  sleep 25
  op quarantine level5 "a timer of its slice was due: PID 1 answers" 15 systemctl is-active worker
  op quarantine level5 "… and the job ran" 5 test "$(lines_of /out/job-runs)" -gt "$runs"
  op quarantine level5 "reload of a frozen unit" 15 systemctl reload payment
  op quarantine level5 "a unit elsewhere" 15 systemd-run --quiet --wait --unit=elsewhere true
  rm -f /data/ended
  op quarantine level5 "systemctl stop of a frozen unit" 40 systemctl stop worker
  op quarantine level5 "… ended in order" 5 cat /data/ended
  op quarantine level5 "hosa release --all" 60 /job/hosa release --all --yes -c /etc/hosa/hosa.yaml
  op quarantine level5 "no child is left" 5 sh -c "! ls -d $CG/*.slice/*/hosa-*"
  systemctl stop hosa payment nightly.timer
}

podman_operations() { # MODE
  c=$(podman ps -q -l)
  op podman $1 "podman ps" 60 podman ps
  op podman $1 "podman top" 60 podman top box pid comm
  op podman $1 "podman exec" 60 podman exec box true
  op podman $1 "podman healthcheck run" 60 podman healthcheck run box
  op podman $1 "podman stats" 60 podman stats --no-stream box
  op podman $1 "podman pause" 60 podman pause box
  op podman $1 "podman unpause" 60 podman unpause box
  op podman $1 "podman kill -s USR2" 60 podman kill -s USR2 box
  op podman $1 "daemon-reload" 20 systemctl daemon-reload
  op podman $1 "set-property of its scope" 20 systemctl set-property --runtime $(basename ${D%/container}) CPUWeight=90
  op podman $1 "podman restart" 90 podman restart -t 15 box
  op podman $1 "podman stop" 90 podman stop -t 15 box
  op podman none+$1 "… its exit status" 30 podman inspect --format '{{.State.ExitCode}}' box
  op podman $1 "podman rm" 60 podman rm -f box
}

# The scope of a container is gone with its restart: the remedy is on the cgroup it began with.
containers() {
  mkdir -p /tmp/r/bin /tmp/r/data /tmp/r/tmp; cp /bin/busybox /job/idle /tmp/r/bin/; ln -s busybox /tmp/r/bin/sh; ln -s busybox /tmp/r/bin/true
  printf '[storage]\ndriver = "vfs"\nrunroot = "/run/containers/storage"\ngraphroot = "/var/lib/containers/storage"\n' > /etc/containers/storage.conf
  tar -C /tmp/r -c . | podman import - box > /out/import.log 2>&1
  for runtime in crun runc; do
    modes="none thread freeze limit"; [ $runtime = crun ] && modes="$modes memory thread-anyway freeze-anyway"
    for mode in $modes; do
      podman --runtime $runtime run -d --name box --network none --log-driver k8s-file --health-cmd true --health-interval disable box /bin/idle > /out/podman-run.log 2>&1
      p=$(podman inspect --format '{{.State.CgroupPath}}' box)
      row podman $mode "started with $runtime" 0 0 "$p"
      [ -d $CG$p/container ] && p=$p/container
      begin podman $mode $p
      refused || podman_operations $mode
      finish
      podman rm -f -t 1 box > /dev/null 2>&1
    done
  done
}

mkdir -p /data
: > $ROWS
row node none "systemd" 0 0 "$(systemctl --version | head -1), kernel $(uname -r)"
for part in $PARTS; do say "part $part"; $part; done
journalctl -q -o short-monotonic --no-pager -p 5 | tail -80 > /out/journal.txt
row node none end 0 0 ""
exit 0
