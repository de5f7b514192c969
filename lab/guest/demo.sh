# `hosa demo` in a guest: to its report, interrupted and killed at random moments, beside an agent. /out/checks.tsv takes what was found.
. /job/env
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
CG=/sys/fs/cgroup
CHECKS=/out/checks.tsv
now_ms() { awk '{ printf "%d", $1 * 1000 }' /proc/uptime; }
say() { echo "$(now_ms) $*" > /dev/console; }
one_line() { tr '\n\t' '; ' | sed 's/; *$//'; }
seconds() { awk -v ms="$1" 'BEGIN { printf "%.1f s", ms / 1000 }'; }
check() { # NAME VALUE CMD...
  name=$1 value=$2; shift 2
  if "$@" > /dev/null 2>&1; then verdict=ok; else verdict=FAILED; fi
  printf '%s\t%s\t%s\n' "$name" "$verdict" "$(echo "$value" | one_line)" >> $CHECKS
}
is() { [ "$1" = "$2" ]; }
# Whatever a demonstration makes, by its place; and processes of it, by what they were started as.
remains() {
  ls -d $CG/hosa-demo* /run/hosa-demo* /tmp/hosa-demo* 2> /dev/null
  for p in /proc/[0-9]*; do
    tr '\0' ' ' < $p/cmdline 2> /dev/null | grep -E 'hosa-demo|^(/job/hosa|/usr/bin/hosa|hosa) demo' | grep -v grep | sed "s|^|${p#/proc/} |"
  done
}
ends_within() { i=0; while kill -0 $1 2> /dev/null && [ $i -lt $(($2 * 10)) ]; do sleep 0.1; i=$((i + 1)); done; ! kill -0 $1 2> /dev/null; }
nothing_within() { i=0; while [ -n "$(remains)" ] && [ $i -lt $(($1 * 10)) ]; do sleep 0.1; i=$((i + 1)); done; [ -z "$(remains)" ]; }
start_demo() { (cd /out && exec setsid $HOSA demo --html /out/$1.html > /out/$1.txt 2>&1) & DEMO=$!; }
# Moments in seconds, the same for the same seed.
moments() { awk -v seed=$(($SEED * 10 + $1)) -v n=$2 'BEGIN { srand(seed); for (i = 0; i < n; i++) printf "%.1f ", 2 + rand() * 75 }'; }

whole() {
  begin=$(now_ms)
  (cd /out && $HOSA demo --html /out/demo.html --record /out/record.gz > /out/demo.txt 2>&1); status=$?
  check "to its report" "status $status after $(seconds $(($(now_ms) - begin))) of guest time" is $status 0
  check "the report" "$(wc -c < /out/demo.html) bytes" grep -q thread_hold /out/demo.html
  check "without HOSA" "$(grep '^without' /out/demo.txt)" grep -q '^without HOSA *killed after' /out/demo.txt
  check "with HOSA" "$(grep '^with ' /out/demo.txt)" grep -q '^with HOSA .*held after.*(100 %)' /out/demo.txt
  check "everything removed" "$(remains)" is "$(remains)" ""
}

interrupted() {
  n=0
  for at in $(moments 1 5); do
    n=$((n + 1))
    start_demo int$n
    sleep $at
    pid=$(pgrep -f 'hosa demo' | head -n 1)
    begin=$(now_ms)
    kill -INT -- -$DEMO
    ends_within $DEMO 30
    check "Ctrl-C after $at s" "ended after $(seconds $(($(now_ms) - begin))): $(tail -n 1 /out/int$n.txt); left: $(remains)" is "$(remains)" ""
  done
}

killed() {
  n=0
  for at in $(moments 2 5); do
    n=$((n + 1))
    start_demo kill$n
    sleep $at
    begin=$(now_ms)
    kill -KILL $DEMO
    nothing_within 10
    check "kill -9 after $at s" "all gone after $(seconds $(($(now_ms) - begin))): left: $(remains)" is "$(remains | grep -v lock)" ""
  done
  # With what cleans up killed as well: the next demonstration, or --clean, removes the rest.
  for at in $(moments 3 2); do
    start_demo all$n
    sleep $at
    for p in /proc/[0-9]*; do
      tr '\0' ' ' < $p/cmdline 2> /dev/null | grep -qE '^/proc/[0-9]+/fd/[0-9]+ watch' && kill -KILL ${p#/proc/}
    done
    kill -KILL $DEMO
    sleep 1
    left=$(remains | one_line)
    $HOSA demo --clean > /out/clean.txt 2>&1; status=$?
    check "kill -9 of all after $at s, then --clean" "left: $left; status $status: $(cat /out/clean.txt)" is "$(remains)" ""
  done
}

beside() { # the installed agent leaves the demonstration alone, whatever it may do
  mkdir -p /etc/hosa /var/log/hosa
  printf 'learning: {warmup_s: 40, state_dir: /run/hosa-state}\naudit: {path: /out/beside.jsonl}\n' > /etc/hosa/hosa.yaml
  $HOSA run > /out/beside.txt 2>&1 &
  agent=$!
  sleep 60
  (cd /out && $HOSA demo --html /out/beside.html > /out/beside-demo.txt 2>&1); status=$?
  check "beside an agent" "status $status; $(grep '^with ' /out/beside-demo.txt)" is $status 0
  acts=$(grep -c '"verb":"apply".*"path":"/hosa-demo' /out/beside.jsonl)
  check "which leaves it alone" "$acts actions on it" is "$acts" 0
  kill -TERM $agent; ends_within $agent 20
}

HOSA=/job/hosa
for part in $PARTS; do
  say "part $part"
  $part
done
echo end >> $CHECKS
exit 0
