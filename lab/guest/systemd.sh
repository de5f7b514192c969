# Sourced by job.sh in a guest with systemd: the same slices as its units, and what runs in them as scopes.

# Workloads are managed as an operator would who read oomd.conf(5): kill on pressure, with the limits that are shipped. The
# weights and accounting switch on the controllers that the other guests have.
make_slices() {
  for s in $SLICES; do
    {
      printf '[Slice]\nCPUWeight=100\nIOAccounting=yes\nMemoryAccounting=yes\nTasksAccounting=yes\n'
      case $s in payment.slice | neighbour.slice | batch.slice) echo ManagedOOMMemoryPressure=kill ;; esac
      [ $s = payment.slice ] && printf 'MemoryMax=%s\nMemorySwapMax=0\n' "$(echo $PAYMENT_MAX | sed s/max/infinity/)"
    } > /run/systemd/system/$s
  done
  systemctl daemon-reload
  systemctl start $SLICES systemd-oomd.service
}
set_high() { systemctl set-property --runtime payment.slice MemoryHigh=$HIGH_BYTES; }
launch() { slice=$1; shift; exec systemd-run --quiet --scope --slice=$slice -- "$@"; }
agent_says() {
  systemd-analyze cat-config systemd/oomd.conf | grep -v '^#'
  oomctl
  journalctl --no-pager -o short-monotonic -u systemd-oomd.service
}
