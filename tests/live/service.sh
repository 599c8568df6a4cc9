#!/bin/bash
# The sensor lives with the system calls and capabilities that the systemd unit leaves it.
. "$(dirname "$0")/init.sh"
command -v setpriv >/dev/null || skip "setpriv is not installed"
capabilities=$(sed -n 's/^CapabilityBoundingSet=//p' "$MAILTAP_UNIT" | tr A-Z a-z)
launcher=(setpriv "--bounding-set=-all$(printf ',+%s' ${capabilities//cap_/})"
  python3 -B "$here/seccomp_jail.py" "$MAILTAP_UNIT")
status=0
"${launcher[@]}" true || status=$?
[ $status != 77 ] || skip "no system call filter like systemd's"
make_network 1
generate --seed 9 --packets 6000 --mail-share 30
"${launcher[@]}" "$MAILTAP" check "$work/mailtap.toml"
start_sensor --lcores 0@0,1@1 "$(packet_port 0)"
send --intf1=eth0 --pps=3000
compare
"${launcher[@]}" "$MAILTAP" reload --config "$work/mailtap.toml"
stop_sensor
