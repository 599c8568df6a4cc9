// The tables of all kinds.
#include "tests/unit/net/tunnel_builder.h"

namespace mailtap::net {
namespace {

constexpr uint16_t kIpv4 = 0x0800, kBridged = 0x6558;

Bytes PppOf(const Bytes& ip) { return Join(Number(ip[0] >> 4 == 4 ? 0x0021 : 0x0057, 2), ip); }

// The id of 10 bits stands at the same place in types II and III.
Bytes Erspan(const std::string& header, const Bytes& frame) { return Join(Hex(header), frame); }

Bytes Authentication(const Bytes& ip) {  // RFC 4302: a digest of 12 bytes
  Bytes header = {ProtocolOf(ip), 4, 0, 0};
  header = Join(header, Number(0x1001, 4));
  return Join(Join(header, Bytes(4 + 12, 9)), ip);
}

}  // namespace

const std::vector<LinkLayer>& LinkLayers() {
  static const std::vector<LinkLayer> layers = {
      {"802.1Q",
       {"vlan:100"},
       true,
       [](const Carried& in) {
         return Carried{0x8100, Vlan(0x6064, in.type, in.bytes)};
       }},
      {"802.1ad",
       {"vlan:7"},
       true,
       [](const Carried& in) {
         return Carried{0x88a8, Vlan(7, in.type, in.bytes)};
       }},
      {"stacked VLANs",
       {"vlan:5", "vlan:6"},
       true,
       [](const Carried& in) {
         return Carried{0x9100, Vlan(5, 0x8100, Vlan(6, in.type, in.bytes))};
       }},
      {"VN-tag",
       {"vntag:9"},
       true,
       [](const Carried& in) {
         return Carried{0x8926, Join(Join(Hex("c0 09 00 11"), Number(in.type, 2)), in.bytes)};
       }},
      {"802.1BR",
       {"vntag:4660"},
       true,
       [](const Carried& in) {
         return Carried{0x893f,
                        Join(Join(Hex("20 00 52 34 00 00"), Number(in.type, 2)), in.bytes)};
       }},
      {"TrustSec",
       {"sgt:2"},
       true,
       [](const Carried& in) {
         return Carried{0x8909,
                        Join(Join(Hex("01 01 00 01 00 02"), Number(in.type, 2)), in.bytes)};
       }},
      {"802.1ah",
       {"pbb:66051"},
       true,
       [](const Carried& in) {
         return Carried{0x88e7, Join(Hex("40 01 02 03"), Ethernet(in.type, in.bytes))};
       }},
      {"SNAP",
       {},
       true,
       [](const Carried& in) {
         const Bytes body = Join(Join(Hex("aa aa 03 00 00 00"), Number(in.type, 2)), in.bytes);
         return Carried{static_cast<uint16_t>(body.size()), body};
       }},
      {"MPLS",
       {"mpls:16"},
       false,
       [](const Carried& in) {
         return Carried{0x8847, Mpls({16}, in.bytes)};
       }},
      {"an MPLS stack",
       {"mpls:16", "mpls:1048575", "mpls:300"},
       false,
       [](const Carried& in) {
         return Carried{0x8848, Mpls({16, 0xfffff, 300}, in.bytes)};
       }},
      {"a pseudowire",
       {"mpls:17"},
       true,
       [](const Carried& in) {
         return Carried{0x8847, Mpls({17}, Ethernet(in.type, in.bytes))};
       }},
      {"a pseudowire with control word",
       {"mpls:18"},
       true,
       [](const Carried& in) {
         return Carried{0x8847, Mpls({18}, Join({0, 0, 0, 5}, Ethernet(in.type, in.bytes)))};
       }},
      {"PPPoE",
       {"pppoe:258"},
       false,
       [](const Carried& in) {
         return Carried{0x8864, Pppoe(0x0102, PppOf(in.bytes))};
       }},
  };
  return layers;
}

const std::vector<IpTunnel>& IpTunnels() {
  static const std::vector<IpTunnel> tunnels = {
      {"IP in IP", {"ipip"}, false, 0, [](const Bytes& in) { return in; }},
      {"GRE", {"gre:0"}, false, 47, [](const Bytes& in) { return Gre({}, TypeOf(in), in); }},
      {"GRE with all fields",
       {"gre:77"},
       false,
       47,
       [](const Bytes& in) {
         return Gre({.checksum = true, .routing = true, .key = 77, .sequence = true},
                    TypeOf(in), in);
       }},
      {"PPTP",
       {"gre:0"},
       false,
       47,
       [](const Bytes& in) {
         return Gre({.key = 0x00100020, .sequence = true, .ack = true, .version = 1}, 0x880b,
                    Join({0xff, 0x03}, PppOf(in)));
       }},
      {"Ethernet in GRE",
       {"gre:0"},
       true,
       47,
       [](const Bytes& in) { return Gre({}, kBridged, in); }},
      {"NVGRE",
       {"nvgre:74565"},
       true,
       47,
       [](const Bytes& in) { return Gre({.key = 0x01234501}, kBridged, in); }},
      {"ERSPAN type I",
       {"erspan:0"},
       true,
       47,
       [](const Bytes& in) { return Gre({}, 0x88be, in); }},
      {"ERSPAN type II",
       {"erspan:1023"},
       true,
       47,
       [](const Bytes& in) {
         return Gre({.sequence = true}, 0x88be, Erspan("10 64 fb ff 00 00 00 05", in));
       }},
      {"ERSPAN type III",
       {"erspan:5"},
       true,
       47,
       [](const Bytes& in) {
         return Gre({.sequence = true}, 0x22eb,
                    Erspan("20 64 00 05 00 00 00 09 00 00 00 00", in));
       }},
      {"ERSPAN type III with its platform header",
       {"erspan:6"},
       true,
       47,
       [](const Bytes& in) {
         return Gre({.sequence = true}, 0x22eb,
                    Erspan("20 64 00 06 00 00 00 09 00 00 00 01 0c 00 00 00 00 00 00 01", in));
       }},
      {"VXLAN",
       {"vxlan:77"},
       true,
       17,
       [](const Bytes& in) { return Udp(54'321, 4789, Vxlan(8, 0, 77, in)); }},
      {"VXLAN-GPE",
       {"vxlan-gpe:16777215"},
       false,
       17,
       [](const Bytes& in) {
         return Udp(54'321, 4790, Vxlan(0x0c, TypeOf(in) == kIpv4 ? 1 : 2, 0xffffff, in));
       }},
      {"Ethernet in VXLAN-GPE",
       {"vxlan-gpe:3"},
       true,
       17,
       [](const Bytes& in) { return Udp(54'321, 4790, Vxlan(0x0c, 3, 3, in)); }},
      {"Geneve",
       {"geneve:99"},
       true,
       17,
       [](const Bytes& in) { return Udp(54'321, 6081, Geneve(0, kBridged, 99, in)); }},
      {"Geneve with options",
       {"geneve:100"},
       false,
       17,
       [](const Bytes& in) { return Udp(54'321, 6081, Geneve(5, TypeOf(in), 100, in)); }},
      {"GTP-U",
       {"gtpu:305419896"},
       false,
       17,
       [](const Bytes& in) { return Udp(2152, 2152, GtpU(0, 0x12345678, in)); }},
      {"GTP-U with extensions",
       {"gtpu:1"},
       false,
       17,
       [](const Bytes& in) { return Udp(2152, 2152, GtpU(7, 1, in)); }},
      {"GRE in UDP",
       {"gre:4"},
       false,
       17,
       [](const Bytes& in) { return Udp(54'321, 4754, Gre({.key = 4}, TypeOf(in), in)); }},
      {"AYIYA",
       {"ipip"},
       false,
       17,
       [](const Bytes& in) {
         const Bytes header = {0x42, 0x52, 0x11, ProtocolOf(in), 0, 0, 0, 1};
         return Udp(54'321, 5072, Join(Join(header, Bytes(16 + 20, 3)), in));
       }},
      {"AH", {"ah:4097", "ipip"}, false, 51, Authentication},
      {"EtherIP",
       {"etherip"},
       true,
       97,
       [](const Bytes& in) {
         return Join({0x30, 0}, in);
       }},
      {"MPLS in IP", {"mpls:19"}, false, 137, [](const Bytes& in) { return Mpls({19}, in); }},
  };
  return tunnels;
}

Bytes Outer(const IpTunnel& tunnel, bool v4, const Bytes& inner) {
  const uint8_t protocol = tunnel.protocol != 0 ? tunnel.protocol : ProtocolOf(inner);
  return v4 ? Ipv4({.source = "172.16.0.1", .destination = "172.16.0.2", .protocol = protocol},
                   tunnel.wrap(inner))
            : Ipv6({.source = "fd00::1", .destination = "fd00::2", .next_header = protocol},
                   tunnel.wrap(inner));
}

TunnelPorts UsualPorts() {
  TunnelPorts ports;
  ports.Add(4789, TunnelKind::kVxlan);
  ports.Add(4790, TunnelKind::kVxlanGpe);
  ports.Add(6081, TunnelKind::kGeneve);
  ports.Add(2152, TunnelKind::kGtpU);
  ports.Add(4754, TunnelKind::kGre);
  ports.Add(5072, TunnelKind::kAyiya);
  return ports;
}

}  // namespace mailtap::net
