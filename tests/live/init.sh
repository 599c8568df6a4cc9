# Shared by the live tests: a sender and a sensor in namespaces of their own, joined by a bridge
# that floods every frame, and `mailtap run` on net_af_packet. Everything is removed at the end.
#
# Sourced by a test, which then calls the functions below. Status 77 means: not run, and why.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

skip() { echo "SKIPPED: $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "network namespaces need root"
for tool in ip nsenter tcpreplay tcpprep curl python3; do
  command -v $tool >/dev/null || skip "$tool is not installed"
done
[ "$MAILTAP_DATAPLANE" = yes ] || skip "built without DPDK (meson option dataplane)"

id="ml$$"
work=$(mktemp -d)
sensor=""
clean_up() {
  local status=$?
  [ -z "$sensor" ] || kill -KILL "$sensor" 2>/dev/null || true
  for name in src lan sen; do ip netns del "$id-$name" 2>/dev/null || true; done
  [ "$status" = 0 ] || cat "$work"/*.log 2>/dev/null || true
  umount --lazy "$work/disk" 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

# await SECONDS WHAT COMMAND...: until the command succeeds; else the test fails, for want of WHAT.
await() {
  local seconds=$1 what=$2
  local end=$((SECONDS + seconds))
  shift 2
  until "$@"; do
    [ $SECONDS -lt $end ] || { echo "not within $seconds s: $what"; exit 1; }
    sleep 0.2
  done
}

ip netns add "$id-probe" 2>/dev/null || skip "network namespaces are not available"
ip netns del "$id-probe"

# within NAME COMMAND...: in that namespace. `ip netns exec` would also mount /sys anew, which it
# can't where the root directory is no mount point (a chroot).
within() {
  local name=$1
  shift
  nsenter --net="/run/netns/$id-$name" -- "$@"
}

# make_network PORTS: eth0, eth1... of the sender each reach the sensor's interface of that name
# over a bridge that forgets every address (ageing_time 0).
make_network() {
  local port name
  for name in src lan sen; do
    ip netns add "$id-$name"
    # Silent interfaces: no packet but those that are sent.
    within "$name" sh -c \
      'for f in all default; do echo 1 >/proc/sys/net/ipv6/conf/$f/disable_ipv6; done'
    ip -n "$id-$name" link set lo up
  done
  for port in $(seq 0 $(($1 - 1))); do
    ip -n "$id-lan" link add "br$port" type bridge ageing_time 0 mcast_snooping 0
    ip -n "$id-lan" link set "br$port" up
    for name in src sen; do
      ip -n "$id-$name" link add "eth$port" type veth peer name "$name$port" netns "$id-lan"
      ip -n "$id-lan" link set "$name$port" master "br$port" up
      ip -n "$id-$name" link set "eth$port" up promisc on
    done
  done
}

# generate OPTIONS...: makes $work/traffic.pcap, and the metrics of its replay.
generate() {
  "$MAILTAP_GEN" --out "$work/traffic.pcap" "$@" >"$work/gen.log"
  cat >"$work/mailtap.toml" <<CONF
[sensor]
name = "test"
[networks]
internal = ["10.0.0.0/8", "fd00::/8"]
[alerts]
file = ""
[state]
directory = "$work/state"
CONF
  replay_traffic
}

# replay_traffic OPTIONS...: of `mailtap replay`; its metrics are in $work/replay.prom.
replay_traffic() {
  "$MAILTAP" replay "$work/traffic.pcap" --config "$work/mailtap.toml" --no-progress \
    --metrics "$work/replay.prom" "$@" >"$work/replay.log" 2>&1
}

# alerts_to_file: the sensor's alerts go to $work/alerts.jsonl.
alerts_to_file() { sed -i 's|^file = ""|file = "'"$work"'/alerts.jsonl"|' "$work/mailtap.toml"; }

# alert_on_any_mail: a rule that any mail out raises, and alerts_to_file.
alert_on_any_mail() {
  cat >>"$work/mailtap.toml" <<CONF
[[rule]]
name = "any mail out"
window = "24h"
raise = "1kB"
CONF
  alerts_to_file
}

metrics() { within sen curl -sf http://127.0.0.1:9382/metrics; }

# packet_port N: a DPDK port on interface ethN, with a ring that outlasts a few seconds without
# processor time at the rates used here.
packet_port() { echo "--vdev=net_af_packet$1,iface=eth$1,framecnt=16384"; }

# What the sensor is started through, if anything.
launcher=()

# run_sensor LOG EAL-ARGUMENTS...: starts the sensor, of which $sensor is the process.
run_sensor() {
  local log=$1
  shift
  # Not within(), so that $! is the sensor and no shell around it.
  nsenter --net="/run/netns/$id-sen" -- "${launcher[@]}" \
    "$MAILTAP" run --config "$work/mailtap.toml" -- \
    --no-huge --no-shconf --no-pci -m 512 "$@" >"$log" 2>&1 &
  sensor=$!
}

# start_sensor EAL-ARGUMENTS...: the same, until it is ready.
start_sensor() {
  run_sensor "$work/sensor.log" "$@"
  await 30 "the sensor is ready" is_ready
}
is_ready() {
  kill -0 "$sensor" 2>/dev/null || { echo "the sensor ended"; sensor=""; exit 1; }
  # No request before the ports are open: for a moment, net_af_packet's socket is bound to no
  # interface and takes packets of the loopback interface too.
  grep -q "metrics on http" "$work/sensor.log" &&
    within sen curl -sf http://127.0.0.1:9382/readyz >/dev/null
}

# send TCPREPLAY-OPTIONS...: sends the traffic, from namespace src or $sender; waits until the
# sensor's counters stand still.
send() {
  within "${sender:-src}" tcpreplay "$@" "$work/traffic.pcap" >"$work/tcpreplay.log" 2>&1
  local before="" now="" still=0
  while [ $still -lt 6 ]; do
    sleep 1
    now=$(metrics | grep -E '^mailtap_(port|mail)_[a-z_]*_total')
    if [ "$now" = "$before" ]; then still=$((still + 1)); else still=0; fi
    before=$now
  done
  metrics >"$work/live.prom"
}

# arrived: packets that the sensor's interfaces have shown it. A packet socket is also shown what
# the interface itself sends.
arrived() { within sen awk '/(eth|kernel)[0-9]+:/ { sum += $3 + $11 } END { print sum }' /proc/net/dev; }

# compare [--lossy]: the live counts against the replay's.
compare() {
  python3 -B "$here/compare.py" "$work/replay.prom" "$work/live.prom" "$(arrived)" "$@"
}

# stop_sensor: ends it as an operator would; it has to end well and print its summary.
stop_sensor() {
  kill -TERM "$sensor"
  local status=0
  wait "$sensor" || status=$?
  sensor=""
  [ $status = 0 ] || { echo "the sensor ended with status $status"; exit 1; }
  cat "$work/sensor.log"
}
