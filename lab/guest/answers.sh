#!/bin/sh
# One service that logs its own answers (lab/answers.ts), beside the agent or alone. /job/env says what, /out takes what was seen.
. /job/watch.sh
. /job/env
export NO_COLOR=1
for s in service hosa lab; do mkdir -p $CG/$s.slice; done
echo $$ > $CG/lab.slice/cgroup.procs
echo $SERVICE_MAX > $CG/service.slice/memory.max
[ -e $CG/service.slice/memory.swap.max ] && echo 0 > $CG/service.slice/memory.swap.max
# launch SLICE CMD...: only with &; $! is then the command itself
launch() { slice=$1; shift; exec sh -c 'echo $$ > '$CG/$slice'/cgroup.procs && exec "$@"' sh "$@"; }
mkdir -p /run/hosa /dev/shm/service

ONSET_MS=$(($(now_ms) + AGE_S * 1000))
END_MS=$((ONSET_MS + AFTER_S * 1000))
launch service.slice $SERVICE_COMMAND > /out/service.log 2>&1 &
SERVICE=$!
launch lab.slice /job/sampler --until-ms $END_MS --out /out/samples.tsv service.slice &
if [ "$AGENT" = hosa ]; then
  [ -e $CG/hosa.slice/cpu.weight ] && echo 1000 > $CG/hosa.slice/cpu.weight
  launch hosa.slice /job/hosa run --config /job/hosa.yaml > /out/agent.log 2>&1 &
  HOSA=$!
fi
sleep_ms $((ONSET_MS - $(now_ms)))
kill -USR1 $SERVICE
# What the kernel itself takes: 12 huge pages every tenth of a second, until little is left.
if [ "$HUGE_AFTER_S" -gt 0 ]; then
  sleep_ms $((ONSET_MS + HUGE_AFTER_S * 1000 - $(now_ms)))
  echo "huge $(now_ms)" >> /out/answers.log
  n=0
  while [ $n -lt 1320 ] && [ $(awk '/MemAvailable/ { print $2 }' /proc/meminfo) -gt 250000 ]; do
    n=$((n + 12)); echo $n > /proc/sys/vm/nr_hugepages; sleep 0.1
  done
  echo "reserved $(now_ms)" >> /out/answers.log
fi
sleep_ms $((END_MS - $(now_ms)))
echo "{\"end_ms\":$(now_ms),\"alive\":$(kill -0 $SERVICE 2> /dev/null && echo true || echo false)}" > /out/end.json
if [ -n "$HOSA" ]; then
  /job/hosa status --config /job/hosa.yaml > /out/status.txt 2>&1
  /job/hosa explain --last --config /job/hosa.yaml > /out/explain.txt 2>&1
  kill -TERM $HOSA; wait $HOSA
fi
echo 1 > $CG/service.slice/cgroup.kill
exit 0
