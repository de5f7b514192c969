#!/bin/sh
# A flood against a service beside a healthcheck and a session, first with nothing, then with the shield of each level; then what is
# left when its owner is released or killed. Outside is a network namespace of its own. /job/env: FLOODS, MET, KILLS, SECONDS_EACH.
. /job/env
CG=/sys/fs/cgroup
SELF=10.77.0.1
CONFIG=/job/hosa.yaml
HELD=

now_ms() { awk '{ printf "%d", $1 * 1000 }' /proc/uptime; }
say() { echo "$(now_ms) $*" > /dev/console; }
launch() { slice=$1; shift; exec sh -c 'echo $$ > '$CG/$slice'/cgroup.procs && exec "$@"' sh "$@"; }
outside() { launch outside.slice ip netns exec outside "$@"; }
until_true() { n=$1; shift; while ! "$@" > /dev/null 2>&1; do n=$((n - 1)); [ $n -le 0 ] && return 1; sleep 0.1; done; }
one_line() { tr '\n\t"\\' ';  /' | sed 's/;$//'; }
# Everything ip says of the shielded interface; no counters.
interfaces() { ip -details link show; }
pinned() { ls /sys/fs/bpf/hosa 2>/dev/null | wc -l; }
shielded() { ip -details link show lan0 | grep -q 'prog/xdp'; }
reaches() { # PORT: a new connection from outside gets its answer
  rm -f /tmp/reach
  (outside /job/flood probe $SELF $1 4 $(($(now_ms) + 1000)) /tmp/reach)
  grep -q ' 1$' /tmp/reach
}

for s in service.slice outside.slice hosa.slice lab.slice; do mkdir -p $CG/$s; done
echo $$ > $CG/lab.slice/cgroup.procs
modprobe veth
mkdir -p /run/netns
ip netns add outside
ip link add lan0 type veth peer name wan0
ip link set wan0 netns outside
ip addr add $SELF/24 dev lan0
ip link set lan0 up
# As the queues of a real card would: what arrives is not paid for by who sent it alone.
echo 3 > /sys/class/net/lan0/queues/rx-0/rps_cpus
ip route add default via 10.77.0.2
ip -n outside addr add 10.77.0.2/24 dev wan0
ip -n outside addr add 10.77.0.3/24 dev wan0
ip -n outside link set lo up
ip -n outside link set wan0 up
# Whoever sends whole requests has to get the answers.
ip -n outside route add local 10.77.64.0/18 dev lo

launch service.slice /job/flood serve 8080 400 &
launch service.slice /job/flood serve 8081 20 &
launch service.slice /job/flood echo 2222 &
until_true 50 reaches 8080
until_true 50 reaches 8081

hold() { # MODE
  rm -f /tmp/held.log
  launch hosa.slice /job/flood-hold $1 $CONFIG > /tmp/held.log 2>&1 &
  HELD=$!
  until_true 300 grep -q status /tmp/held.log || say "no shield: $(one_line < /tmp/held.log)"
}
let_go() {
  kill -TERM $HELD; wait $HELD
  tail -1 /tmp/held.log >> /out/counts.txt
}

# phase NAME FLOOD(kind, port, rate, and sources or address; or none): probes and, when there is one, the flood; the session goes on through all of them
phase() {
  end=$(($(now_ms) + SECONDS_EACH * 1000))
  echo "$1 $(now_ms) $end" >> /out/phases.txt
  if [ "$2" != none ]; then
    (outside /job/flood $2 $SELF $3 $4 $5 $end) > /out/flood-$1.log 2>&1 &
    FLOOD=$!
  fi
  (outside /job/flood probe $SELF 8080 20 $end /out/service-$1.txt) &
  A=$!
  (outside /job/flood probe $SELF 8081 5 $end /out/health-$1.txt) &
  wait $A; wait $!
  [ "$2" != none ] && wait $FLOOD
  say "phase $1 over"
}

(outside /job/flood session $SELF 2222 100000000 /out/session.txt) &
SESSION=$!
interfaces > /tmp/before

phase quiet none
for flood in $FLOODS; do
  set -- $(echo $flood | tr : ' ')
  phase $1-none $2 $3 $4 $5
  hold shed
  echo "$1-shed" >> /out/counts.txt; head -1 /tmp/held.log >> /out/counts.txt
  phase $1-shed $2 $3 $4 $5
  let_go
  hold essential
  echo "$1-essential" >> /out/counts.txt; head -1 /tmp/held.log >> /out/counts.txt
  phase $1-essential $2 $3 $4 $5
  let_go
done
interfaces > /tmp/after
diff /tmp/before /tmp/after > /out/released.diff && echo same > /out/released.diff

# The decision by itself: a learned agent, then one flood after the other, each with what came before and after it.
calm_again() { shielded && return 1; grep '"kind":"transition"' /out/audit.jsonl | tail -n 1 | grep -q '"level":[01],"previous_level"'; }
launch hosa.slice /job/hosa run --config $CONFIG > /out/agent.log 2>&1 &
AGENT=$!
until_true 600 grep -q 'this node is known' /out/agent.log
PHASE=$SECONDS_EACH
for flood in $MET; do
  set -- $(echo $flood | tr : ' ')
  SECONDS_EACH=$PHASE
  phase $1-before none
  SECONDS_EACH=$((PHASE * 4))
  phase $1-agent $2 $3 $4 $5
  n=120; until calm_again || [ $n -le 0 ]; do n=$((n - 1)); sleep 1; done
  [ $n -gt 0 ] || say "not calm again after $1"
  SECONDS_EACH=$PHASE
  phase $1-after none
done
kill -TERM $AGENT; wait $AGENT
interfaces > /tmp/after
diff /tmp/before /tmp/after > /out/agent.diff && echo same > /out/agent.diff

kill -TERM $SESSION; wait $SESSION

# Killed at each level, then released.
/job/hosa release --help | grep -q -- --all && RELEASE="--all --yes"
for mode in $KILLS; do
  hold $mode
  shielded && on=yes || on=no
  kill -9 $HELD; wait $HELD
  sleep 1
  shielded && left=closed || left=open
  reaches 8080 && answers=yes || answers=no
  pins=$(pinned)
  /job/hosa release $RELEASE --config $CONFIG > /tmp/release.log 2>&1
  status=$?
  interfaces > /tmp/after
  difference=$(diff /tmp/before /tmp/after | one_line)
  reaches 8080 && again=yes || again=no
  echo "{\"mode\":\"$mode\",\"on\":\"$on\",\"after_kill\":\"$left\",\"answers\":\"$answers\",\"pins\":$pins,\"release_status\":$status,\"pins_after\":$(pinned),\"answers_after\":\"$again\",\"difference\":\"$difference\",\"said\":\"$(one_line < /tmp/release.log | cut -c1-300)\"}" >> /out/kills.jsonl
done
exit 0
