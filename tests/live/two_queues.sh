#!/bin/bash
# Two queues, a worker each: together they count what the replay counts.
. "$(dirname "$0")/init.sh"
make_network 1
generate --seed 4 --packets 60000 --mail-share 30
start_sensor --lcores 0@0,1@0,2@1 "$(packet_port 0),qpairs=2"
send --intf1=eth0 --pps=5000
compare
stop_sensor
