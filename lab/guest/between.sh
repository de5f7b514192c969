#!/bin/sh
# Run by the unit before each start of the agent: what the slice is like with no agent there.
. /job/watch.sh
SERVICE=$(cat /tmp/service)
snapshot > /out/between
lines_of $LEDGER > /out/between.ledger
echo $(($(cat $P/memory.current) / 1048576)) > /out/between.usage
: > /out/between.done
