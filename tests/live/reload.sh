#!/bin/bash
# The configuration is reloaded a hundred times while traffic comes in: no packet, byte, session or
# alert differs. A bad file leaves the old one in force, and says so in the log, in a metric, in
# /readyz and to who asked. Counts: no packet that was sent is lost.
. "$(dirname "$0")/init.sh"
make_network 1
generate --seed 3 --packets 50000 --mail-share 30
cat >>"$work/mailtap.toml" <<CONF
[[relay]]
name = "gateway"
sources = ["10.255.0.1"]
CONF
alert_on_any_mail
# Packets are sent at another pace than the capture's, so alerts are compared by whom they concern.
whom() {
  python3 -c 'import json, sys
print("\n".join(sorted(" ".join([a["state"], a["rule"], a["host"], a["role"]])
  for a in map(json.loads, open(sys.argv[1])) if a["state"] == "raised")))' "$1"
}
replay_traffic --alerts "$work/replay.jsonl"
[ -n "$(whom "$work/replay.jsonl")" ] || { echo "the traffic raises no alert"; exit 1; }
ask() { "$MAILTAP" reload --config "$work/mailtap.toml"; }

if ask 2>"$work/ask.log"; then echo "reloaded what does not run"; exit 1; fi
grep -q "no sensor runs" "$work/ask.log"

# A sensor that starts survives SIGHUP, and reloads by it once it runs. What one that was killed has
# left in the lock answers nobody. SIGTERM ends a start well.
launch() {  # and hold it where it has just taken its lock
  run_sensor "$work/start.log" --lcores 0@0,1@1 "$(packet_port 0)"
  while [ -s "$work/state/sensor.lock" ]; do kill -0 "$sensor" || exit 1; done
  kill -STOP "$sensor"
}
mkdir -p "$work/state"
printf '7 7 ok 0123456789ab\n/x\n\n' >"$work/state/sensor.lock"
launch
kill -HUP "$sensor"
if ask 2>"$work/ask.log"; then echo "a reload was confirmed before the sensor ran"; exit 1; fi
grep -q "still starting" "$work/ask.log"
kill -CONT "$sensor"
await 20 "the first reload has ended well" grep -q "^1 1 ok " "$work/state/sensor.lock"
kill -KILL "$sensor"
wait "$sensor" || true
launch
kill -TERM "$sensor"
kill -CONT "$sensor"
wait "$sensor"
grep -q "ended while starting" "$work/start.log"

start_sensor --lcores 0@0,1@1 "$(packet_port 0)"
cp "$work/mailtap.toml" "$work/good.toml"
(
  for i in $(seq 100); do
    # Every other file says the same in another order, with one more rule that can't fire.
    cp "$work/good.toml" "$work/next.toml"
    [ $((i % 2)) = 0 ] || printf '[[rule]]\nname = "other"\nwindow = "1h"\nraise = "1000GB"\n' \
      >>"$work/next.toml"
    mv "$work/next.toml" "$work/mailtap.toml"
    ask >>"$work/asked"
  done
) &
asking=$!
send --intf1=eth0 --pps=2000
wait "$asking"
[ "$(wc -l <"$work/asked")" = 100 ] || { echo "not every reload was confirmed"; exit 1; }
metrics >"$work/live.prom"
grep -qx 'mailtap_config_reloads_total{result="success"} 100' "$work/live.prom"
compare

echo '[limit]' >>"$work/mailtap.toml"
if ask 2>"$work/ask.log"; then echo "a bad file was not refused"; exit 1; fi
kill -HUP "$sensor"
shows() {  # LINE: of the metrics
  metrics >"$work/live.prom"
  grep -qx "$1" "$work/live.prom"
}
await 10 "the metrics show a failed reload" shows 'mailtap_config_last_reload_successful 0'
grep -qx 'mailtap_config_reloads_total{result="failure"} 1' "$work/live.prom"
within sen curl -sf http://127.0.0.1:9382/readyz | tee "$work/ready"
grep -q '^ready' "$work/ready"
grep -q 'the last reload failed, .* unknown key limit' "$work/ready"
grep -q 'unknown key limit' "$work/sensor.log"

# The end of a reload that was under way is no answer: it has read what was there before.
cp "$work/good.toml" "$work/mailtap.toml"
{
  echo address,name
  seq -f '10.1.0.0,host-%.0f' 300000
} >"$work/assets.csv"  # long to read, and faulty
printf '[assets]\nfile = "%s"\n' "$work/assets.csv" >>"$work/mailtap.toml"
kill -HUP "$sensor"
await 10 "a reload is under way" grep -q "^102 10[01] " "$work/state/sensor.lock"
kill -STOP "$sensor"
cp "$work/good.toml" "$work/mailtap.toml"
ask >"$work/asked" &
asking=$!
await 10 "the sensor is asked" grep -q '^ShdPnd:.*1$' "/proc/$sensor/status"
kill -CONT "$sensor"
wait "$asking"
grep -qx 'configuration [0-9a-f]* is in force' "$work/asked"
grep -q "^103 103 ok " "$work/state/sensor.lock"

# Keys that only a restart can change are named and stay.
cp "$work/good.toml" "$work/mailtap.toml"
echo '[limits]
sessions = 4096' >>"$work/mailtap.toml"
ask >"$work/asked"
grep -q 'only a restart changes \[limits\]' "$work/sensor.log"
grep -q 'stays in force; only a restart changes \[limits\]: kept' "$work/asked"
# With a change that needs none beside it.
printf '[[rule]]\nname = "other"\nwindow = "1h"\nraise = "1000GB"\n' >>"$work/mailtap.toml"
ask >"$work/asked"
grep -q 'is in force; only a restart changes \[limits\]: kept' "$work/asked"
# The sensor reads its own file, whatever else is good.
if "$MAILTAP" reload --config "$work/good.toml" 2>"$work/ask.log"; then
  echo "another file was said to be in force"; exit 1
fi
grep -q "the sensor reads $work/mailtap.toml, not $work/good.toml" "$work/ask.log"
# By whatever name.
ln -s mailtap.toml "$work/link.toml"
(cd "$work" && "$MAILTAP" reload --config link.toml) >"$work/asked"
cp "$work/good.toml" "$work/mailtap.toml"
ask >"$work/asked"
grep -qx 'configuration [0-9a-f]* is in force' "$work/asked"
within sen curl -sf http://127.0.0.1:9382/readyz | grep -qx ready

# A relay file that has changed puts another version in force, and that is what an answer goes by.
echo 192.0.2.1 >"$work/relays.txt"
printf '[[relay_file]]\nname = "list"\npath = "%s"\nformat = "list"\n' "$work/relays.txt" >>"$work/mailtap.toml"
ask >"$work/asked"
echo 192.0.2.2 >>"$work/relays.txt"
await 10 "the relay file is read" grep -q 'relay files read' "$work/sensor.log"
version=$(sed -n 's/.*relay files read: configuration \([0-9a-f]*\) is in force.*/\1/p' "$work/sensor.log")
await 10 "the lock tells version $version" grep -q "$version" "$work/state/sensor.lock"
printf '[limits]\nsessions = 4096\n' >>"$work/mailtap.toml"
ask >"$work/asked"
grep -q "^configuration $version stays in force; only a restart changes" "$work/asked"
stop_sensor >"$work/last"
diff <(whom "$work/replay.jsonl") <(whom "$work/alerts.jsonl")
echo "alerts raised: $(whom "$work/alerts.jsonl" | wc -l), as in the replay"
