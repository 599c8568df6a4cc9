#!/bin/bash
# The sensor is killed (SIGKILL) at random moments while traffic comes in, and started again each time. No
# alert is raised twice, those of hosts far above their threshold are all there, and sessions that went
# on over a restart are counted once. RESTART_KILLS: how often (3); each takes some ten seconds.
. "$(dirname "$0")/init.sh"
kills=${RESTART_KILLS:-3}
seconds=$((70 + 15 * kills))
make_network 1
# Three hosts append to mailboxes outside all the time, at 20 kB/s; other hosts mail a little, one after
# the other.
cat >"$work/recipe.toml" <<CONF
[traffic]
seed = 5
packets = 0
[[session]]
name = "always"
at = "1s"
every = "1s"
for = "3s"
client = "10.1.0.1"
clients = 3
server = "198.51.100.1"
service = "imap"
upload = "$((20 * seconds))kB"
messages = 10
speed = "20kB"
[[session]]
name = "little"
at = "5s"
every = "1s"
for = "$((seconds - 10))s"
client = "10.1.1.1"
clients = 200
server = "198.51.100.2"
upload = "5kB"
CONF
generate --recipe "$work/recipe.toml"
cat >>"$work/mailtap.toml" <<CONF
[[rule]]
name = "much"
window = "10m"
raise = "100kB"
hold = "10m"
[[rule]]
name = "any"
services = ["smtp"]
window = "10m"
raise = "1kB"
hold = "10m"
CONF
alerts_to_file
replay_traffic --alerts "$work/replay.jsonl"

# The tick of the checkpoint in the state, 0 without one.
checkpoint() {
  python3 -c 'import sqlite3, sys
rows = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True).execute(
    "SELECT tick FROM blobs WHERE name = \"checkpoint\"").fetchall()
print(rows[0][0] if rows else 0)' "$work/state/state.db"
}
imap_sessions() { grep '^mailtap_mail_sessions_total{.*service="imap"' "$1" | awk '{ sum += $NF } END { print sum + 0 }'; }

start_sensor --lcores 0@0,1@1 "$(packet_port 0)"
within src tcpreplay --intf1=eth0 --multiplier=1 "$work/traffic.pcap" >"$work/tcpreplay.log" 2>&1 &
sending=$!
sleep 5
known=$(date +%s)
# Checkpoints are a minute apart; from this one on the three sessions are known.
has_checkpoint() { [ "$(checkpoint)" -ge "$known" ]; }
await 70 "there is a checkpoint" has_checkpoint
metrics >"$work/first.prom"
for _ in $(seq "$kills"); do
  sleep "$((RANDOM % 5)).$((RANDOM % 10))"
  kill -0 "$sending" 2>/dev/null || { echo "the traffic ended before the last kill"; exit 1; }
  kill -KILL "$sensor"
  wait "$sensor" || true
  start_sensor --lcores 0@0,1@1 "$(packet_port 0)"
  grep -q "goes on from the state of" "$work/sensor.log"
done
wait "$sending"
sleep 8  # with the last session's linger
metrics >"$work/live.prom"
# While the sensor runs, too.
"$MAILTAP" report --state "$work/state" --format json >"$work/report.json"
"$MAILTAP" explain 10.1.0.1 --json --config "$work/mailtap.toml" --state "$work/state" >"$work/explained.json"
stop_sensor >"$work/last"
grep -q '^Alerts ([1-9][0-9]* raised, ' "$work/last" || { echo "its summary knows of no alert"; exit 1; }

python3 -B "$here/restart_check.py" "$work/replay.jsonl" "$work/alerts.jsonl" "$work/state/state.db"
# Counters begin with the process, and sessions that go on were counted by the one before.
first=$(imap_sessions "$work/first.prom")
later=$(imap_sessions "$work/live.prom")
[ "$first $later" = "3 0" ] || { echo "three sessions were counted as $first and $later"; exit 1; }
"$MAILTAP" report --state "$work/state" --format json >"$work/report_at_end.json"
python3 -B "$here/report_check.py" "$work/report.json" "$work/report_at_end.json" "$work/explained.json" "$kills"
echo "killed $kills times: three sessions that went on are counted once"
