#!/bin/sh
# Kills the agent again and again in the middle of its containments and compares what is left with what was there before.
# /job/plan says when (lab/crash.ts), /out/crash.jsonl takes one line per case.
. /job/watch.sh
AUDIT=/out/audit.jsonl
PRIOR="memory.high=1040187392 memory.max=1073741824 memory.low=16777216 cpu.weight=150 cpu.max=150000_100000"
# launch SLICE CMD...: replaces the shell it runs in, so that $! is the command itself
launch() { slice=$1; shift; exec sh -c 'echo $$ > '$CG/$slice'/cgroup.procs && exec "$@"' sh "$@"; }

make_slice() {
  mkdir -p $P
  for v in $PRIOR; do echo "${v#*=}" | tr _ ' ' > $P/${v%%=*}; done
  [ -e $P/memory.swap.max ] && echo 0 > $P/memory.swap.max
}

start_service() { # MODE LEAK_FOR_S
  rm -f /tmp/events
  launch payment.slice /job/nice -n 3 /job/payment --port 8080 --db /data/payment/db --start-ms 100 --resident-mb 8 \
    --events /tmp/events --leak $1 50 --rps 50 --leak-for-s $2 --fault-on-usr1 > /out/payment.log 2>&1 &
  SERVICE=$!
  until_true 100 0.1 grep -q ready /tmp/events
}
stop_service() {
  echo 1 > $P/cgroup.kill
  wait $SERVICE
  until_true 100 0.05 grep -q 'populated 0' $P/cgroup.events
}

start_agent() { # LOG
  launch hosa.slice /job/hosa run --config /job/hosa.yaml > "$1" 2>&1 &
  HOSA=$!
  until_true 300 0.2 grep -q 'motor: cgroup' "$1"
}
end_agent() { kill -TERM $HOSA; wait $HOSA; HOSA_STATUS=$?; }

# What differs from /tmp/before, and a ledger that is not empty
damage() {
  snapshot > /tmp/after
  difference /tmp/before /tmp/after
  acted && printf ';ledger is not empty: %s' "$(one_line < $LEDGER | cut -c1-300)"
}

# A case that failed must not spoil the next one.
clean_up() {
  stop_service
  for d in $(find $P -mindepth 1 -type d); do rmdir "$d"; done
  echo 0 > $P/cgroup.freeze
  make_slice
  rm -f $LEDGER
}

crash_case() { # NUMBER MODE HEAL MOMENT WAIT_MS
  start_service $2 6
  snapshot > /tmp/before
  start_agent /tmp/agent.log
  sleep 0.3
  kill -USR1 $SERVICE
  onset=$(now_ms)
  [ $4 = after ] && until_true 300 0.02 acted
  sleep_ms $5
  kill -9 $HOSA
  killed=$(now_ms)
  wait $HOSA
  rungs=$(grep -o '"rung":"[a-z_]*"' $LEDGER | sort -u | cut -d'"' -f4 | one_line)
  left=$(damage)
  if [ $3 = release ]; then
    /job/hosa release --all --yes --config /job/hosa.yaml > /tmp/heal.log 2>&1
    status=$?
  else
    start_agent /tmp/heal.log
    sleep 0.5
    end_agent
    status=$HOSA_STATUS
  fi
  failed=$(damage)
  [ $status = 0 ] || failed="$failed;$3 ended with status $status: $(tail -3 /tmp/heal.log | one_line)"
  echo "{\"number\":$1,\"mode\":\"$2\",\"heal\":\"$3\",\"moment\":\"$4\",\"wait_ms\":$5,\"killed_ms\":$((killed - onset)),\"rungs\":\"$rungs\",\"left\":\"$left\",\"failed\":\"$failed\"}" >> /out/crash.jsonl
  if [ -n "$failed" ]; then
    mkdir -p /out/failed; cp /tmp/agent.log /out/failed/agent-$1.log; cp /tmp/heal.log /out/failed/heal-$1.log
  fi
  say "crash $*: $failed"
  clean_up
}

# writer_case NAME MODE EXPECTED_STATUS: somebody else interferes one second after the first action (the function NAME); then five
# seconds of silence are expected, a status in the audit that names it, and a regular end.
writer_case() {
  start_service $2 20
  snapshot > /tmp/before
  start_agent /tmp/agent.log
  sleep 0.3
  kill -USR1 $SERVICE
  until_true 360 0.05 acted
  acted && has_acted=true || has_acted=false
  # A worker may be held on trial first: then the limit is not written yet, and nothing of the agent's is overwritten.
  [ $1 = limit_rewritten ] && until_true 360 0.05 grep -q '"rung":"memory_governor"' $LEDGER
  sleep 1
  log=$(lines_of /tmp/agent.log); audit=$(lines_of $AUDIT)
  $1
  sleep 5
  log=$(($(lines_of /tmp/agent.log) - log))
  written=$(($(lines_of $AUDIT) - audit))
  end_agent
  said=$(tail -n +$((audit + 1)) $AUDIT | grep -o '"status":"[a-z]*"' | sort | uniq -c | awk '{ print $2 " x" $1 }' | cut -d: -f2 | one_line)
  failed=$(after_$1)
  [ $HOSA_STATUS = 0 ] || failed="$failed;the agent ended with status $HOSA_STATUS"
  acted && failed="$failed;ledger is not empty"
  cp /tmp/agent.log /out/agent-$1.log
  echo "{\"case\":\"$1\",\"acted\":$has_acted,\"expects\":\"$3\",\"said\":\"$said\",\"log_lines\":$log,\"audit_lines\":$written,\"failed\":\"$failed\"}" >> /out/writer.jsonl
  say "writer $1: $failed"
  [ -d $P ] && clean_up
}

limit_rewritten() { echo 734003200 > $P/memory.high; }
after_limit_rewritten() { [ "$(cat $P/memory.high)" = 734003200 ] || echo "memory.high of another writer became $(cat $P/memory.high)"; }
thread_taken_back() {
  for d in $P/hosa-hold.*; do
    echo 0 > $d/cgroup.freeze
    for t in $(cat $d/cgroup.threads); do echo $t > $P/cgroup.threads; done
  done
}
after_thread_taken_back() { damage; }
cgroup_removed() {
  stop_service
  for d in $(find $P -mindepth 1 -type d); do rmdir "$d"; done
  rmdir $P
}
after_cgroup_removed() { [ -d $P ] && echo "payment.slice still exists"; }

for s in payment.slice hosa.slice lab.slice; do mkdir -p $CG/$s; done
echo $$ > $CG/lab.slice/cgroup.procs
modprobe brd rd_nr=1 rd_size=65536 && mke2fs -qF -t ext4 /dev/ram0 && mount -t ext4 /dev/ram0 /data
mkdir -p /data/payment
make_slice
/job/loadgen --port 8080 --rate 50 --connections 8 --seed 1 --until-ms 100000000 --out /dev/null --acked /dev/null &

# The self is learned once; every start after that is warm.
start_service background 1
start_agent /out/learning.log
until_true 200 0.5 grep -q 'this node is known' /out/learning.log
end_agent
stop_service
say learned

while read -r what a b c d e <&3; do
  case $what in
  crash) crash_case $a $b $c $d $e ;;
  writer) writer_case $a $b $c ;;
  esac
done 3< /job/plan
exit 0
