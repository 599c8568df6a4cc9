#!/bin/bash
# A TAP delivers one direction on each port: the sessions are the same.
. "$(dirname "$0")/init.sh"
make_network 2
generate --seed 5 --packets 60000 --mail-share 30
tcpprep --cidr=10.0.0.0/8 --pcap="$work/traffic.pcap" --cachefile="$work/cache" >"$work/prep.log"
start_sensor --lcores 0@0,1@1 --vdev=net_af_packet0,iface=eth0 --vdev=net_af_packet1,iface=eth1
send --intf1=eth0 --intf2=eth1 --cachefile="$work/cache" --pps=5000
compare
stop_sensor
