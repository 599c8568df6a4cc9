#!/bin/bash
# Traffic that comes while the sensor starts, and that its port has no room for, is counted apart: it says
# nothing of whether the sensor keeps up, and raises no alert.
. "$(dirname "$0")/init.sh"
make_network 1
generate --seed 6 --packets 20000 --mail-share 30
alerts_to_file
run_sensor "$work/sensor.log" --lcores 0@0,1@1 --vdev=net_af_packet0,iface=eth0,framecnt=1024
# The driver has made its ring, and nobody reads it yet.
until grep -q "info port 0 " "$work/sensor.log"; do sleep 0.02; done
kill -STOP "$sensor"
within src tcpreplay --intf1=eth0 --topspeed "$work/traffic.pcap" >"$work/tcpreplay.log" 2>&1
kill -CONT "$sensor"
await 30 "the sensor is ready" is_ready
sleep 3  # ticks in which an alert would be raised
metrics >"$work/live.prom"
compare --lossy
grep '^mailtap_port_missed_at_start_packets_total{.* [1-9]' "$work/live.prom"
grep '^mailtap_port_missed_packets_total{.* 0$' "$work/live.prom"
stop_sensor
grep "packets were missed while the sensor started" "$work/sensor.log"
if grep blind_spot:drops "$work/alerts.jsonl"; then echo "the start counts as drops"; exit 1; fi
