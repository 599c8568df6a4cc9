# Namespaces for the recording: one for the servers, two for clients, one for the bridge between
# them and one for the tap. Sourced by scripts/record-captures.
#
# The bridge forgets every address at once (ageing_time 0), so it floods each frame to all of its
# ports, as a mirror port does; the tap records what reaches its end of a veth pair.

NET_ID="mt$$"
NET_NAMES="srv c1 c2 lan tap"
SERVER_ADDRESSES="192.0.2.10 192.0.2.11 192.0.2.12 192.0.2.13 192.0.2.14 192.0.2.15 2001:db8::10 2001:db8::14
  2001:db8::15"
C1_ADDRESSES="10.1.0.23 fd00:1::23"
C2_ADDRESSES="10.1.0.24 fd00:1::24"

in_net() { local name=$1; shift; nsenter --net="/run/netns/$NET_ID-$name" -- "$@"; }

network_remove() {
  local name
  for name in $NET_NAMES; do ip netns del "$NET_ID-$name" 2>/dev/null || true; done
}

# Joins namespace $1 to the bridge. Offloads stay off unless a group asks for them, so that the
# tap sees frames as they would be on a cable.
network_join() {
  ip -n "$NET_ID-$1" link add eth0 type veth peer name "to-$1" netns "$NET_ID-lan"
  ip -n "$NET_ID-lan" link set "to-$1" master br0 up
  ip -n "$NET_ID-$1" link set lo up
  ip -n "$NET_ID-$1" link set eth0 up
}

network_offloads() {
  local name
  for name in srv c1 c2; do
    in_net $name ethtool -K eth0 tx "$1" tso "$1" gso "$1" gro "$1" >/dev/null 2>&1
  done
}

network_address() {
  local name=$1 address; shift
  for address in "$@"; do
    case $address in
      *:*) ip -n "$NET_ID-$name" address add "$address/128" dev eth0 nodad ;;
      *) ip -n "$NET_ID-$name" address add "$address/32" dev eth0 ;;
    esac
  done
}

network_make() {
  local name
  for name in $NET_NAMES; do ip netns add "$NET_ID-$name"; done
  for name in lan tap; do in_net $name sysctl -qw net.ipv6.conf.all.disable_ipv6=1; done
  in_net srv sysctl -qw net.ipv4.ip_unprivileged_port_start=0  # for servers that drop root first
  ip -n "$NET_ID-lan" link add br0 type bridge ageing_time 0 mcast_snooping 0
  ip -n "$NET_ID-lan" link set br0 up
  for name in srv c1 c2 tap; do network_join $name; done
  network_address srv $SERVER_ADDRESSES
  network_address c1 $C1_ADDRESSES
  network_address c2 $C2_ADDRESSES
  ip -n "$NET_ID-srv" route add 10.1.0.0/24 dev eth0
  ip -n "$NET_ID-srv" route add fd00:1::/64 dev eth0
  for name in c1 c2; do
    ip -n "$NET_ID-$name" route add 192.0.2.0/24 dev eth0
    ip -n "$NET_ID-$name" route add 2001:db8::/64 dev eth0
  done
  network_offloads off
}
