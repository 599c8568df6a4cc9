#!/bin/bash
# More than a small ring can take: every packet sent is either received or counted as dropped.
. "$(dirname "$0")/init.sh"
make_network 1
generate --seed 6 --packets 300000 --mail-share 30
start_sensor --lcores 0@0,1@1 --vdev=net_af_packet0,iface=eth0,framecnt=64
# A fast machine keeps up with any sender, so the sensor is stopped until far more has come than
# the ring holds.
before=$(arrived)
kill -STOP "$sensor"
(
  while [ $(($(arrived) - before)) -lt 10000 ] && kill -0 "$sensor"; do sleep 0.05; done
  kill -CONT "$sensor"
) &
resumer=$!
send --intf1=eth0 --topspeed
wait "$resumer"
compare --lossy
stop_sensor
