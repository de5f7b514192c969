#!/bin/sh
# One run inside the guest. /job/env says what (written by lab/scenario.ts), /out takes what was seen.
# All times are CLOCK_MONOTONIC, which /proc/uptime shows here because the guest never suspends.
. /job/env
CG=/sys/fs/cgroup
EVENTS=/out/events.jsonl

now_ms() { awk '{ printf "%d", $1 * 1000 }' /proc/uptime; }
event() { echo "{\"t_ns\":$(now_ms)000000,\"event\":\"$1\",\"detail\":\"$2\"}" >> $EVENTS; }
sleep_until() {
  left=$(($1 - $(now_ms)))
  [ $left -gt 0 ] && sleep $((left / 1000)).$(printf %03d $((left % 1000)))
}
SLICES="payment.slice neighbour.slice batch.slice hosa.slice lab.slice"
make_slices() {
  for s in $SLICES; do mkdir -p $CG/$s; done
  echo $PAYMENT_MAX > $CG/payment.slice/memory.max
  [ -e $CG/payment.slice/memory.swap.max ] && echo 0 > $CG/payment.slice/memory.swap.max
  echo $$ > $CG/lab.slice/cgroup.procs
}
set_high() { echo $HIGH_BYTES > $CG/payment.slice/memory.high; }
# launch SLICE CMD...: only ever with & or in a subshell: the command, a member of the slice before it is executed, replaces
# the shell it runs in, so that $! is the command itself
launch() { slice=$1; shift; exec sh -c 'echo $$ > '$CG/$slice'/cgroup.procs && exec "$@"' sh "$@"; }
within() { (launch "$@"); }
[ -d /run/systemd/system ] && . /job/systemd.sh
# A page of /metrics a second, as a scraper would have got it; its name is the time it was asked for.
scrape() {
  mkdir -p /out/pages
  while [ "$(now_ms)" -lt $END_MS ]; do
    t=$(now_ms)
    wget -q -O /tmp/page http://127.0.0.1:9847/metrics && mv /tmp/page /out/pages/$t
    sleep 1
  done
}
wait_for() { i=0; while ! grep -qs "$1" $EVENTS && [ $i -lt 600 ]; do sleep 0.1; i=$((i + 1)); done; }

make_slices

# A real ext4 with its journal, on a RAM disk: its latency does not depend on the machine that emulates the guest.
modprobe brd rd_nr=1 rd_size=131072 && mke2fs -qF -t ext4 /dev/ram0 && mount -t ext4 /dev/ram0 /data || event warning "no ext4, the database is on tmpfs"
mkdir -p /data/payment /data/neighbour

# Swap that an operator sets aside, on a file system of its own: for HOSA only the room, for a fixed limit a swap file that is on.
# In persistent memory: its latency does not depend on the machine that emulates the guest.
if [ "$RESERVE_BYTES" -gt 0 ]; then
  mkdir -p /reserve
  modprobe nfit && modprobe nd_pmem && mke2fs -qF -t ext4 -m 0 /dev/pmem0 && mount -t ext4 /dev/pmem0 /reserve || event warning "no disk for the reserve"
  if [ "$AGENT" = memory-high ]; then
    (umask 077; fallocate -l $RESERVE_BYTES /reserve/swap) && mkswap /reserve/swap > /dev/null && swapon /reserve/swap && echo max > $CG/payment.slice/memory.swap.max ||
      event warning "no swap"
  fi
fi

FAULT_MS=$(($(now_ms) + 4000 + AGE_S * 1000))
END_MS=$((FAULT_MS + AFTER_S * 1000))
echo "{\"fault_ms\":$FAULT_MS,\"end_ms\":$END_MS}" > /out/plan.json

case $AGENT in
hosa)
  launch hosa.slice /job/hosa run --config /job/hosa.yaml > /out/agent.log 2>&1 &
  AGENT_PID=$!
  grep -q '^metrics:' /job/hosa.yaml && scrape & ;;
earlyoom)
  launch hosa.slice /job/earlyoom -r 0 > /out/agent.log 2>&1 &
  AGENT_PID=$! ;;
memory-high | oomd-high)
  if [ "$HIGH_AT_ONSET" = 1 ]; then
    (wait_for '"onset"'; set_high; event memory_high "$HIGH_BYTES written") &
  else
    set_high
  fi ;;
esac

# The payment service, started again at once for as long as the agent is "restart".
serve() {
  while :; do
    within payment.slice "$@" --fault-at-ms $FAULT_MS > /out/payment.log 2>&1
    event exit "payment ended with status $?"
    [ "$AGENT" = restart ] || return
    [ "$(now_ms)" -ge $END_MS ] && return
    event restart payment
  done
}
serve $PAYMENT_COMMAND &
launch neighbour.slice /job/payment --name neighbour --port 8082 --db /data/neighbour/db --resident-mb 32 --start-ms 500 \
  --events $EVENTS > /out/neighbour.log 2>&1 &
wait_for '"ready".*payment'
wait_for '"ready".*neighbour'
/job/loadgen --port 8080 --rate $RPS --connections 16 --seed $SEED --until-ms $END_MS --out /out/payment.jsonl --acked /out/payment.acked &
LOAD_PID=$!
/job/loadgen --port 8082 --rate $NEIGHBOUR_RPS --connections 8 --seed $((SEED + 1000)) --until-ms $END_MS --out /out/neighbour.jsonl --acked /out/neighbour.acked &
NEIGHBOUR_LOAD_PID=$!
/job/sampler --until-ms $END_MS --out /out/samples.tsv payment.slice neighbour.slice batch.slice hosa.slice &

# /job/plan: seconds after the fault's moment, name, slice, command
begin_events() {
  while read -r at name slice command; do
    sleep_until $((FAULT_MS + at * 1000))
    event begin "$name"
    (within $slice $command > /out/$name.log 2>&1; event end "$name status $?") &
  done < /job/plan
}
begin_events &

wait $LOAD_PID
wait $NEIGHBOUR_LOAD_PID
sleep_until $END_MS
if [ -n "$AGENT_PID" ]; then
  kill -TERM $AGENT_PID 2>/dev/null || event warning "the agent was gone before the end"
  i=0
  while kill -0 $AGENT_PID 2>/dev/null && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done
fi
[ -d /run/systemd/system ] && agent_says > /out/agent.log 2>&1
for s in $SLICES; do
  echo "$s $(tr '\n' ' ' < $CG/$s/cpu.stat)" >> /out/cpu.txt
done
# What is left of the reserve, and what a release without an agent makes of it: while the service lives, and once it has ended.
look_at_reserve() {
  [ "$AGENT" = hosa ] && [ "$RESERVE_BYTES" -gt 0 ] || return
  {
    echo "$1: memory.swap.max $(cat $CG/payment.slice/memory.swap.max), memory.high $(cat $CG/payment.slice/memory.high)"
    /job/hosa release --all --yes --config /job/hosa.yaml 2>&1
    echo "exit status $?"
    cat /proc/swaps
  } >> /out/reserve.txt
}
look_at_reserve "agent ended"
# A held service must still end, so that its database can be audited.
for s in payment.slice neighbour.slice batch.slice; do
  echo 1 > $CG/$s/cgroup.kill 2>/dev/null
done
i=0
while grep -qs 'populated 1' $CG/payment.slice/cgroup.events && [ $i -lt 50 ]; do sleep 0.1; i=$((i + 1)); done
look_at_reserve "service ended"
if [ "$AUDIT" = journal ]; then
  awk 'FILENAME == ARGV[1] { seen[$1] = 1; next } { n++; if (!($1 in seen)) lost++ }
    END { printf "{\"acknowledged\":%d,\"lost\":%d}\n", n, lost }' /data/payment/journal /out/payment.acked > /out/payment.audit
else
  /job/payment --audit /out/payment.acked --db /data/payment/db > /out/payment.audit
fi
/job/payment --audit /out/neighbour.acked --db /data/neighbour/db > /out/neighbour.audit
rm -f /out/*.acked
exit 0
