// SPDX-License-Identifier: Apache-2.0
#include "bgp/exabgp_config.hpp"

#include <catch2/catch.hpp>

namespace guideway::bgp {

namespace {

IpAddress ip(const char* text) {
    return IpAddress::parse(text).value();
}

}  // namespace

TEST_CASE("ExaBGP's configuration has what the peers' keys say") {
    config::Bgp bgp;
    bgp.local_as = 4200000001;
    const auto id = ip("10.0.0.5");
    config::Peer plain, full;
    plain.address = ip("2001:db8::1");
    plain.as = 64512;
    full.address = ip("10.0.0.1");
    full.as = 4200000000;
    full.port = 1179;
    full.hold_time = std::chrono::seconds(9);
    full.password = "s3cr;t#{x}";
    full.ttl = 255;
    full.graceful_restart = std::chrono::seconds(120);
    full.families = {config::Family::kIpv4, config::Family::kIpv6};
    const Neighbors neighbors{{plain.address, neighbor_section(bgp, plain, id, ip("2001:db8::5"))},
                              {full.address, neighbor_section(bgp, full, id, ip("10.0.0.5"))}};
    CHECK(exabgp_config(neighbors, "/bin/guideway relay /run/relay.sock") ==
          "process agent {\n"
          "  run /bin/guideway relay /run/relay.sock;\n"
          "  encoder json;\n"
          "  respawn true;\n"
          "}\n"
          "neighbor 10.0.0.1 {\n"
          "  router-id 10.0.0.5;\n"
          "  local-address 10.0.0.5;\n"
          "  local-as 4200000001;\n"
          "  peer-as 4200000000;\n"
          "  hold-time 9;\n"
          "  connect 1179;\n"
          "  outgoing-ttl 255;\n"
          "  md5-password \"s3cr;t#{x}\";\n"
          "  manual-eor true;\n"
          "  capability { graceful-restart 120; }\n"
          "  family { ipv4 unicast; ipv6 unicast; }\n"
          "  api { processes [ agent ]; neighbor-changes; fsm; }\n"
          "}\n"
          "neighbor 2001:db8::1 {\n"
          "  router-id 10.0.0.5;\n"
          "  local-address 2001:db8::5;\n"
          "  local-as 4200000001;\n"
          "  peer-as 64512;\n"
          "  hold-time 90;\n"
          "  capability { graceful-restart disable; }\n"
          "  family { ipv6 unicast; }\n"
          "  api { processes [ agent ]; neighbor-changes; fsm; }\n"
          "}\n");
}

TEST_CASE("the way to a peer starts at the address that the kernel takes") {
    CHECK(source_towards(ip("127.0.0.2")).value() == ip("127.0.0.1"));
}

}  // namespace guideway::bgp
