#!/bin/bash
# Traffic at a rate that one worker can take: live counts equal the replay's.
. "$(dirname "$0")/init.sh"
make_network 1
generate --seed 3 --packets 50000 --mail-share 30
start_sensor --lcores 0@0,1@1 "$(packet_port 0)"
send --intf1=eth0 --pps=5000
compare
stop_sensor
