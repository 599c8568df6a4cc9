#!/bin/bash
# A mirror cable that is pulled shows in mailtap_port_up and in the log. A port that is asked for and does not come up
# is an error of the start, also beside one that does. A queue that no worker is left for is warned of, and what ends
# the sensor stands in the log, which a signal of log rotation does not.
. "$(dirname "$0")/init.sh"
make_network 2
generate --seed 4 --packets 100 --mail-share 30

run_sensor "$work/start.log" --lcores 0@0,1@1 "$(packet_port 0)" "$(packet_port 7)"
has_ended() { ! kill -0 "$sensor" 2>/dev/null; }
await 10 "it ends without a port that it was given" has_ended
if wait "$sensor"; then echo "it ended well without a port that it was given"; exit 1; fi
sensor=""
grep -q "no port came up for net_af_packet7 of" "$work/start.log"

start_sensor --lcores 0@0,1@1 "$(packet_port 0)" "$(packet_port 1),qpairs=2"
grep -q "port net_af_packet1: 1 of its 2 queues are read by nobody" "$work/sensor.log"
kill -USR1 "$sensor"
ports_are() { [ "$(metrics | sed -n 's/^mailtap_port_up{.* //p' | tr '\n' ' ')" = "$* " ]; }
# await_ports UP0 UP1: until the two ports are shown so.
await_ports() { await 10 "ports are shown as $*" ports_are "$@"; }
await_ports 1 1
ip -n "$id-lan" link set sen1 down  # the other end of the sensor's eth1
await_ports 1 0
says() { grep -q "$1" "$work/sensor.log"; }
await 10 "the log tells of it" says "port net_af_packet1: its link is down"
ip -n "$id-lan" link set sen1 up
await_ports 1 1
await 10 "the log tells of it" says "port net_af_packet1: its link is up again"
ip -n "$id-sen" link set eth1 name mirror1
ip -n "$id-lan" link set sen1 down
await_ports 1 0
ip -n "$id-sen" link del eth0
await_ports 0 0
await 10 "the log tells of it" says "port net_af_packet0: its interface was deleted; restart"
unready() { within sen curl -s http://127.0.0.1:9382/readyz | grep -q "not ready: $1"; }
await 10 "/readyz tells of it" unready "port net_af_packet0: its interface was deleted"
stop_sensor
grep -q "ended, by a signal" "$work/sensor.log"
