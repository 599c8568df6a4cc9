#!/bin/bash
# A TAP delivers one direction on each port: sessions and volumes are the same.
. "$(dirname "$0")/init.sh"
make_network 2
generate --seed 5 --packets 60000 --mail-share 30
tcpprep --cidr=10.0.0.0/8 --pcap="$work/traffic.pcap" --cachefile="$work/cache" >"$work/prep.log"
start_sensor --lcores 0@0,1@1 "$(packet_port 0)" "$(packet_port 1)"
send --intf1=eth0 --intf2=eth1 --cachefile="$work/cache" --pps=5000
compare --unordered
stop_sensor
