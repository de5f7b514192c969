# Sourced in a guest by what watches an agent at its work: waiting for something, and comparing what is left with what was there before.
# P is the slice that is contained, SERVICE the process in it. Times are milliseconds of /proc/uptime.
CG=/sys/fs/cgroup
P=$CG/payment.slice
LEDGER=/run/hosa/ledger.jsonl
VALUES="memory.high memory.max memory.low memory.min cpu.weight cpu.max cpu.max.burst io.max io.weight cgroup.freeze cgroup.type"

now_ms() { awk '{ printf "%d", $1 * 1000 }' /proc/uptime; }
sleep_ms() { [ "$1" -gt 0 ] && sleep $(($1 / 1000)).$(printf %03d $(($1 % 1000))); }
# until_true STEPS STEP CMD...: asks again every STEP seconds; status 1 when it never was
until_true() { n=$1; step=$2; shift 2; while ! "$@" > /dev/null 2>&1; do n=$((n - 1)); [ $n -le 0 ] && return 1; sleep $step; done; }
one_line() { tr '\n\t"\\' ';  /' | sed 's/;$//'; }
say() { echo "$(now_ms) $*" > /dev/console; }
lines_of() { [ -e "$1" ] && wc -l < "$1" || echo 0; }
acted() { [ -s $LEDGER ]; }

# Everything the agent may change: values of the slice and what is in it, its children, and of each thread its cgroup, niceness and a stop.
snapshot() {
  find $CG -type d \( -path "$P" -o -path "$P/*" -o -name 'hosa-*' \) | sort | while read -r d; do
    echo "child $d"
    for f in $VALUES; do [ -e $d/$f ] && sed "s|^|${d#$CG} $f |" $d/$f; done
  done
  for t in /proc/$SERVICE/task/*; do
    set -- $(cat $t/stat)
    [ "$3" = T ] && echo "thread $1 is stopped"
    echo "thread $1 $(cat $t/cgroup) nice ${19}"
  done
}
difference() { diff "$1" "$2" | grep '^[-+<>][^-+]' | one_line; } # BEFORE AFTER
