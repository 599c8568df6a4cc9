#!/bin/bash
# A port that insists on as many queues to send by as to receive: what the kernel hands to a
# net_tap device is counted like any other's.
. "$(dirname "$0")/init.sh"
make_network 0
generate --seed 4 --packets 20000 --mail-share 30
start_sensor --lcores 0@0,1@1 "--vdev=net_tap0,iface=kernel0"
sender=sen send --intf1=kernel0 --pps=4000
compare
stop_sensor
