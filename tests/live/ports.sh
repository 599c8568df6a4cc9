#!/bin/bash
# A mirror cable that is pulled shows in mailtap_port_up. A port that is asked for and does not come up
# is an error of the start, also beside one that does.
. "$(dirname "$0")/init.sh"
make_network 2
generate --seed 4 --packets 100 --mail-share 30

# Of the command, not of a shell around it: it may have to be ended.
nsenter --net="/run/netns/$id-sen" -- "$MAILTAP" run --config "$work/mailtap.toml" -- \
  --no-huge --no-shconf --no-pci -m 512 --lcores 0@0,1@1 "$(packet_port 0)" "$(packet_port 7)" \
  >"$work/start.log" 2>&1 &
sensor=$!
for _ in $(seq 100); do kill -0 "$sensor" 2>/dev/null || break; sleep 0.1; done
if kill -0 "$sensor" 2>/dev/null; then echo "it runs without a port that it was given"; exit 1; fi
if wait "$sensor"; then echo "it ended well without a port that it was given"; exit 1; fi
sensor=""
grep -q "no port came up for net_af_packet7 of" "$work/start.log"

start_sensor --lcores 0@0,1@1 "$(packet_port 0)" "$(packet_port 1)"
# await_ports UP0 UP1: until the two ports are shown so.
await_ports() {
  local _
  for _ in $(seq 50); do
    up=$(metrics | sed -n 's/^mailtap_port_up{.* //p' | tr '\n' ' ')
    [ "$up" != "$1 $2 " ] || return 0
    sleep 0.2
  done
  echo "ports are shown as $up, not as $1 $2"; exit 1
}
await_ports 1 1
ip -n "$id-lan" link set sen1 down  # the other end of the sensor's eth1
await_ports 1 0
ip -n "$id-lan" link set sen1 up
await_ports 1 1
ip -n "$id-sen" link set eth1 name mirror1
ip -n "$id-lan" link set sen1 down
await_ports 1 0
ip -n "$id-sen" link del eth0
await_ports 0 0
stop_sensor
