#!/bin/bash
# Another program has the state's file locked: alerts go out all the same, and are stored later. A sensor
# that is started meanwhile goes on from the state.
. "$(dirname "$0")/init.sh"
make_network 1
generate --seed 3 --packets 5000 --mail-share 30
alert_on_any_mail
stored() {
  python3 -c 'import sqlite3, sys
print(sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True).execute(
    "SELECT count(*) FROM alerts").fetchone()[0])' "$work/state/state.db"
}

# lock: until $work/locked is removed.
lock() {
  python3 -c 'import os, sqlite3, sys, time
state = sqlite3.connect(sys.argv[1], isolation_level=None)
state.execute("BEGIN IMMEDIATE")
open(sys.argv[2], "w").close()
while os.path.exists(sys.argv[2]):
    time.sleep(0.05)' "$work/state/state.db" "$work/locked" &
  locker=$!
  await 10 "the state is locked" test -e "$work/locked"
}

start_sensor --lcores 0@0,1@1 "$(packet_port 0)"
lock
within src tcpreplay --intf1=eth0 --pps=5000 "$work/traffic.pcap" >"$work/tcpreplay.log" 2>&1
await 10 "an alert goes out" test -s "$work/alerts.jsonl"
sleep 1
out=$(wc -l <"$work/alerts.jsonl")
[ "$(stored)" = 0 ] || { echo "the state is not locked"; exit 1; }
metrics | grep '^mailtap_state_late_total [1-9]'

rm "$work/locked"
wait "$locker"
are_stored() { [ "$(stored)" -ge "$(wc -l <"$work/alerts.jsonl")" ]; }
await 10 "alerts are stored later" are_stored
stop_sensor

lock
start_sensor --lcores 0@0,1@1 "$(packet_port 0)"
grep "goes on from the state of" "$work/sensor.log"
rm "$work/locked"
wait "$locker"
stop_sensor
echo "$out alerts went out before they were stored"
