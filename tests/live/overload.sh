#!/bin/bash
# More than a small ring can take: every packet sent is either received or counted as dropped.
. "$(dirname "$0")/init.sh"
make_network 1
generate --seed 6 --packets 300000 --mail-share 30
start_sensor --lcores 0@0,1@1 --vdev=net_af_packet0,iface=eth0,framecnt=64
send --intf1=eth0 --topspeed
compare --lossy
stop_sensor
