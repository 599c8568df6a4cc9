#!/bin/bash
# A sensor that was started again goes on learning: what it learnt before is enough, so that it
# proposes at once, into a file that it never reads; where that can't be written, it says so and
# goes on. What was learnt before comes out of a replay whose traffic is as recent.
. "$(dirname "$0")/init.sh"
make_network 1
cat >"$work/recipe.toml" <<RECIPE
[traffic]
seed = 3
start = "$(date -u -d '-4 hours' +%Y-%m-%dT%H:%M:%SZ)"
packets = 0
[[session]]
at = "1s"
every = "1m"
for = "230m"
client = "10.1.0.1"
clients = 5
server = "198.51.100.7"
upload = "10kB"
RECIPE
generate --recipe "$work/recipe.toml"
cat >>"$work/mailtap.toml" <<CONF
[[rule]]
name = "bulk"
raise = "50MB"
[learning]
after = "3h"
file = "$work/out/proposals.toml"
CONF
learn() { sed -i 's|^after = .*|after = "'"$1"'"|' "$work/mailtap.toml"; }
learn 60d
replay_traffic --state "$work/state"
# The state of a replay is none of a sensor's, but for the name of whose it is.
python3 -c 'import sqlite3, sys
state = sqlite3.connect(sys.argv[1])
changed = state.execute("UPDATE texts SET text = ? WHERE name = ?", ("a live sensor", "source"))
assert changed.rowcount == 1
state.commit()' "$work/state/state.db"

# await_log PATTERN
await_log() { await 20 "the log has: $1" grep -q "$1" "$work/sensor.log"; }
learn 3h
start_sensor --lcores 0@0,1@1 "$(packet_port 0)"
await_log 'no proposals: .*No such file or directory; tried again in an hour'
metrics >"$work/live.prom"
grep -qx 'mailtap_learning_errors_total 1' "$work/live.prom"
within sen curl -sf http://127.0.0.1:9382/readyz >/dev/null
# Another place or time is looked at anew.
mkdir "$work/out"
learn 4d
"$MAILTAP" reload --config "$work/mailtap.toml"
await_log 'learning: 3h[0-9ms]* of 4d of traffic are known'
[ ! -e "$work/out/proposals.toml" ]
learn 3h
"$MAILTAP" reload --config "$work/mailtap.toml"
await_log '1 relay entry proposed from 3h[0-9ms]* of traffic, to review'
metrics >"$work/live.prom"
grep -qx 'mailtap_learning_proposals_written_total 1' "$work/live.prom"
awk '$1 == "mailtap_learning_seconds" { exit !($2 > 3.5 * 3600 && $2 < 4 * 3600) }' "$work/live.prom"
python3 -c 'import sys, tomllib
relay, = tomllib.load(open(sys.argv[1], "rb"))["relay"]
assert relay["destinations"] == ["198.51.100.7"], relay
assert relay["sources"] == [f"10.1.0.{i}" for i in range(1, 6)], relay' "$work/out/proposals.toml"
# Nothing of it is in force.
if grep -q '^mailtap_relay_sessions_total' "$work/live.prom"; then
  echo "a proposed relay entry is in force"; exit 1
fi
stop_sensor
