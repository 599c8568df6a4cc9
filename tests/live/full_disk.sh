#!/bin/bash
# The state's disk is full: the sensor starts and sees all the same, and what it found meanwhile is in the
# history once there is room. It then goes on from a state on a full disk.
. "$(dirname "$0")/init.sh"
make_network 1
generate --seed 3 --packets 5000 --mail-share 30
alert_on_any_mail
mkdir "$work/disk"
mount -t tmpfs -o size=16m "mailtap-$id" "$work/disk" 2>/dev/null || skip "no file system can be mounted"
sed -i "s|^directory = .*|directory = \"$work/disk/state\"|" "$work/mailtap.toml"
fill() { dd if=/dev/zero of="$work/disk/filler" bs=4k >/dev/null 2>&1 || true; }
# Not read-only: who closes the state last then removes its -shm, which the next sensor needs room for.
in_history() {
  python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("SELECT count(*) FROM alerts").fetchone()[0])' \
    "$work/disk/state/state.db"
}

fill
start_sensor --lcores 0@0,1@1 "$(packet_port 0)"
grep "state.db: .*the disk is full; there is no earlier state" "$work/sensor.log"
metrics | grep '^mailtap_state_errors_total [1-9]'
within src tcpreplay --intf1=eth0 --pps=5000 "$work/traffic.pcap" >"$work/tcpreplay.log" 2>&1
await 10 "an alert goes out" test -s "$work/alerts.jsonl"
rm "$work/disk/filler"
stop_sensor
grep -q "state is stored again" "$work/sensor.log"
alerts=$(wc -l <"$work/alerts.jsonl")
[ "$(in_history)" = "$alerts" ] || { echo "of $alerts alerts $(in_history) are in the history"; exit 1; }

fill
start_sensor --lcores 0@0,1@1 "$(packet_port 0)"
grep "the disk is full; the state was read all the same" "$work/sensor.log"
grep "goes on from the state of" "$work/sensor.log"
rm "$work/disk/filler"
stop_sensor
[ "$(wc -l <"$work/alerts.jsonl")" = "$alerts" ] || { echo "alerts were raised twice"; exit 1; }
[ "$(in_history)" = "$alerts" ] || { echo "the history changed"; exit 1; }
