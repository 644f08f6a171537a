// SPDX-License-Identifier: Apache-2.0
#include "net/route.hpp"

#include <catch2/catch.hpp>

#include "lab.hpp"

using namespace guideway::net;

namespace {
std::string refusal(Lab& lab, const std::string& destination) {
    return route_to(lab.netlink, ip(destination)).error().message;
}

AddressRange range(unsigned char family, unsigned char length, const std::string& destination) {
    rtmsg header{};
    header.rtm_family = family;
    header.rtm_dst_len = length;
    Request announcement(RTM_NEWROUTE, 0, header);
    if (!destination.empty())
        announcement.put(RTA_DST, ip(destination));
    return destinations_of(announcement.message());
}
}  // namespace

TEST_CASE("a destination on the link has no gateway") {
    Lab lab;
    const auto v4 = route_to(lab.netlink, ip("10.0.1.11"));
    CHECK(v4->ifindex == lab.a0);
    CHECK_FALSE(v4->gateway);
    CHECK(v4->source == ip("10.0.1.1"));
    CHECK_FALSE(v4->mtu);
    CHECK_FALSE(v4->local);

    const auto v6 = route_to(lab.netlink, ip("2001:db8:2::11"));
    CHECK(v6->ifindex == lab.a1);
    CHECK_FALSE(v6->gateway);
    CHECK(v6->source == ip("2001:db8:2::1"));
    CHECK_FALSE(v6->local);
}

TEST_CASE("a route has its gateway, source and mtu") {
    Lab lab;
    lab.here({"ip address add 10.0.1.2/24 dev a0", "ip address add 2001:db8:1::2/64 dev a0 nodad",
              "ip route add 10.9.0.0/16 via 10.0.1.11 src 10.0.1.2 mtu 1400",
              "ip route add 2001:db8:9::/48 via 2001:db8:1::11 src 2001:db8:1::2 mtu 1300"});
    const auto v4 = route_to(lab.netlink, ip("10.9.1.1"));
    CHECK(v4->ifindex == lab.a0);
    CHECK(v4->gateway == ip("10.0.1.11"));
    CHECK(v4->source == ip("10.0.1.2"));
    CHECK(v4->mtu == 1400U);

    const auto v6 = route_to(lab.netlink, ip("2001:db8:9::1"));
    CHECK(v6->gateway == ip("2001:db8:1::11"));
    CHECK(v6->source == ip("2001:db8:1::2"));
    CHECK(v6->mtu == 1300U);
}

TEST_CASE("a gateway may be of the other family") {
    Lab lab;
    lab.here({"ip route add 10.9.0.0/16 via inet6 2001:db8:2::11 dev a1"});
    const auto route = route_to(lab.netlink, ip("10.9.1.1"));
    CHECK(route->ifindex == lab.a1);
    CHECK(route->gateway == ip("2001:db8:2::11"));
    CHECK(route->source == ip("10.0.2.1"));
}

TEST_CASE("this host's own address is local") {
    Lab lab;
    CHECK(route_to(lab.netlink, ip("10.0.1.1"))->local);
    CHECK(route_to(lab.netlink, ip("2001:db8:1::1"))->local);
}

TEST_CASE("a destination without a route says why") {
    Lab lab;
    lab.here({"ip route add unreachable 10.9.1.0/24", "ip route add blackhole 10.9.2.0/24",
              "ip route add prohibit 10.9.3.0/24", "ip route add unreachable 2001:db8:9:1::/64",
              "ip route add blackhole 2001:db8:9:2::/64", "ip route add prohibit 2001:db8:9:3::/64"});
    CHECK(refusal(lab, "10.8.0.1") == "no route to 10.8.0.1: network is unreachable");
    CHECK(refusal(lab, "10.9.1.1") == "no route to 10.9.1.1: an 'unreachable' route covers it");
    CHECK(refusal(lab, "10.9.2.1") == "no route to 10.9.2.1: a 'blackhole' route covers it");
    CHECK(refusal(lab, "10.9.3.1") == "no route to 10.9.3.1: a 'prohibit' route covers it");
    CHECK(refusal(lab, "2001:db8:8::1") == "no route to 2001:db8:8::1: network is unreachable");
    CHECK(refusal(lab, "2001:db8:9:1::1") == "no route to 2001:db8:9:1::1: an 'unreachable' route covers it");
    CHECK(refusal(lab, "2001:db8:9:2::1") == "no route to 2001:db8:9:2::1: a 'blackhole' route covers it");
    CHECK(refusal(lab, "2001:db8:9:3::1") == "no route to 2001:db8:9:3::1: a 'prohibit' route covers it");
}

TEST_CASE("a broadcast address is no destination") {
    Lab lab;
    CHECK(refusal(lab, "10.0.1.255") ==
          "no route to 10.0.1.255: it is no host's own address here (route type 3)");
}

TEST_CASE("an announced route is about the addresses of its prefix") {
    const auto v4 = range(AF_INET, 22, "10.0.4.0");
    CHECK(v4.first == ip("10.0.4.0"));
    CHECK(v4.last == ip("10.0.7.255"));

    const auto v6 = range(AF_INET6, 61, "2001:db8::");
    CHECK(v6.first == ip("2001:db8::"));
    CHECK(v6.last == ip("2001:db8:0:7:ffff:ffff:ffff:ffff"));

    const auto host = range(AF_INET, 32, "10.0.1.11");
    CHECK(host.first == ip("10.0.1.11"));
    CHECK(host.last == ip("10.0.1.11"));

    const auto v4_default = range(AF_INET, 0, "");
    CHECK(v4_default.first == ip("0.0.0.0"));
    CHECK(v4_default.last == ip("255.255.255.255"));

    const auto v6_default = range(AF_INET6, 0, "");
    CHECK(v6_default.first == ip("::"));
    CHECK(v6_default.last == ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
}
