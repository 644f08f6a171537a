// SPDX-License-Identifier: Apache-2.0
#include "net/next_hops.hpp"

#include <catch2/catch.hpp>

#include "follower.hpp"

using namespace guideway::net;

namespace {
const auto kB0 = mac("02:00:00:00:00:b0");
const auto kB1 = mac("02:00:00:00:00:b1");
}  // namespace

TEST_CASE("a backend on the link is resolved without traffic") {
    Lab lab;
    Follower follower{"10.0.1.11", "2001:db8:2::11"};
    CHECK(follower.reason("10.0.1.11") == "resolving 10.0.1.11 on a0");
    CHECK(follower.reason("2001:db8:2::11") == "resolving 2001:db8:2::11 on a1");

    REQUIRE(follower.await([&] { return follower.at("10.0.1.11") && follower.at("2001:db8:2::11"); }));

    CHECK(*follower.at("10.0.1.11") == NextHop{.ifindex = lab.a0,
                                               .port = {lab.a0, {}},
                                               .mac = kB0,
                                               .source_mac = mac("02:00:00:00:00:a0"),
                                               .source = ip("10.0.1.1"),
                                               .mtu = 1500});
    CHECK(*follower.at("2001:db8:2::11") == NextHop{.ifindex = lab.a1,
                                                    .port = {lab.a1, {}},
                                                    .mac = kB1,
                                                    .source_mac = mac("02:00:00:00:00:a1"),
                                                    .source = ip("2001:db8:2::1"),
                                                    .mtu = 1500});
}

TEST_CASE("a known neighbour is a next hop at once, and that is no change") {
    Lab lab;
    lab.here({"ip neigh replace 10.0.1.50 dev a0 lladdr 02:00:00:00:00:50 nud permanent"});
    Follower follower{"10.0.1.50"};
    CHECK(follower.mac_of("10.0.1.50") == mac("02:00:00:00:00:50"));
    follower.loop.poll();
    CHECK(follower.changes == 0);
}

TEST_CASE("backends behind a gateway have its MAC, and change together") {
    Lab lab;
    lab.here({"ip route add 10.9.0.0/16 via 10.0.1.11 mtu 1400",
              "ip route add 10.8.0.0/16 via inet6 2001:db8:1::11 dev a0",
              "ip neigh replace 10.0.1.11 dev a0 lladdr 02:00:00:00:00:50 nud permanent"});
    Follower follower{"10.9.0.1", "10.9.0.2", "10.8.0.1"};
    CHECK(follower.mac_of("10.9.0.1") == mac("02:00:00:00:00:50"));
    CHECK(follower.at("10.9.0.2")->mtu == 1400);
    REQUIRE(follower.await([&] { return follower.mac_of("10.8.0.1") == kB0; }));
    CHECK(follower.at("10.8.0.1")->source == ip("10.0.1.1"));
    follower.changes = 0;

    lab.here({"ip neigh replace 10.0.1.11 dev a0 lladdr 02:00:00:00:00:51 nud permanent"});

    REQUIRE(follower.await([&] { return follower.changes > 0; }));
    CHECK(follower.mac_of("10.9.0.1") == mac("02:00:00:00:00:51"));
    CHECK(follower.mac_of("10.9.0.2") == mac("02:00:00:00:00:51"));
    CHECK(follower.mac_of("10.8.0.1") == kB0);
    CHECK(follower.changes == 1);
}

TEST_CASE("a neighbour that does not answer is named, asked again, and found when it appears") {
    Lab lab;
    Follower follower{"10.0.1.99", "2001:db8:1::99"};
    REQUIRE(follower.await(
        [&] { return follower.reason("10.0.1.99") == "10.0.1.99 on a0 does not answer ARP"; }));
    REQUIRE(follower.await([&] {
        return follower.reason("2001:db8:1::99") ==
               "2001:db8:1::99 on a0 does not answer neighbour discovery";
    }));

    lab.there({"ip address add 10.0.1.99/24 dev b0", "ip address add 2001:db8:1::99/64 dev b0 nodad"});

    CHECK(follower.await(
        [&] { return follower.mac_of("10.0.1.99") == kB0 && follower.mac_of("2001:db8:1::99") == kB0; }));
}

TEST_CASE("a stale MAC stays in use and is confirmed without traffic") {
    Lab lab;
    lab.here({"ip neigh replace 10.0.1.11 dev a0 lladdr 02:00:00:00:00:b0 nud stale"});
    Follower follower{"10.0.1.11"};
    CHECK(follower.mac_of("10.0.1.11") == kB0);

    const NeighbourId id{lab.a0, ip("10.0.1.11")};
    CHECK(follower.await([&] { return look_up(lab.netlink, id)->state == NeighbourState::kFresh; }));
    CHECK(follower.await(
        [&] { return std::system("ip neigh show nud reachable | grep -q '10.0.1.11 '") == 0; }));
    CHECK(follower.changes == 0);
}

TEST_CASE("a backend that changed its MAC in silence is found again") {
    Lab lab;
    lab.here({"ip neigh replace 10.0.1.11 dev a0 lladdr 02:00:00:00:00:dd nud stale"});
    Follower follower{"10.0.1.11"};
    CHECK(follower.mac_of("10.0.1.11") == mac("02:00:00:00:00:dd"));
    CHECK(follower.await([&] { return follower.mac_of("10.0.1.11") == kB0; }));
}

TEST_CASE("a MAC is kept while the kernel forgets and resolves its entry anew") {
    Lab lab;
    lab.here({"ip neigh replace 10.0.1.11 dev a0 lladdr 02:00:00:00:00:b0 nud stale"});
    Follower follower{"10.0.1.11"};

    lab.here({"ip neigh del 10.0.1.11 dev a0"});

    const NeighbourId id{lab.a0, ip("10.0.1.11")};
    REQUIRE(look_up(lab.netlink, id)->state != NeighbourState::kFresh);
    CHECK(follower.await([&] { return look_up(lab.netlink, id)->state == NeighbourState::kFresh; }));
    CHECK(follower.mac_of("10.0.1.11") == kB0);
    CHECK(follower.changes == 0);
}

TEST_CASE("a forgotten neighbour that does not answer any more is unresolved") {
    Lab lab;
    lab.here({"ip neigh replace 10.0.1.99 dev a0 lladdr 02:00:00:00:00:99 nud stale"});
    Follower follower{"10.0.1.99"};
    lab.here({"ip neigh del 10.0.1.99 dev a0"});
    CHECK(follower.await(
        [&] { return follower.reason("10.0.1.99") == "10.0.1.99 on a0 does not answer ARP"; }));
}

TEST_CASE("a permanent neighbour stays permanent") {
    Lab lab;
    lab.here({"ip neigh replace 10.0.1.50 dev a0 lladdr 02:00:00:00:00:50 nud permanent"});
    Follower follower{"10.0.1.50", "10.0.1.11"};
    follower.loop.run_for(std::chrono::milliseconds(250));
    lab.here({"ip neigh show nud permanent | grep -q 10.0.1.50"});
}

TEST_CASE("a route that moves is followed to the other interface") {
    Lab lab;
    lab.here({"ip route add 10.9.0.0/16 via 10.0.1.11"});
    Follower follower{"10.9.0.1"};
    REQUIRE(follower.await([&] { return follower.mac_of("10.9.0.1") == kB0; }));

    lab.here({"ip route replace 10.9.0.0/16 via 10.0.2.11"});

    REQUIRE(follower.await([&] { return follower.mac_of("10.9.0.1") == kB1; }));
    CHECK(follower.at("10.9.0.1")->ifindex == lab.a1);
    CHECK(follower.at("10.9.0.1")->source == ip("10.0.2.1"));
    CHECK(follower.at("10.9.0.1")->source_mac == mac("02:00:00:00:00:a1"));
}

TEST_CASE("an IPv6 route that moves is followed likewise") {
    Lab lab;
    lab.here({"ip route add 2001:db8:9::/48 via 2001:db8:1::11"});
    Follower follower{"2001:db8:9::1"};
    REQUIRE(follower.await([&] { return follower.mac_of("2001:db8:9::1") == kB0; }));

    lab.here({"ip route replace 2001:db8:9::/48 via 2001:db8:2::11"});

    REQUIRE(follower.await([&] { return follower.mac_of("2001:db8:9::1") == kB1; }));
    CHECK(follower.at("2001:db8:9::1")->ifindex == lab.a1);
    CHECK(follower.at("2001:db8:9::1")->source == ip("2001:db8:2::1"));
}

TEST_CASE("a backend that gets a route, and loses it, is followed") {
    Lab lab;
    Follower follower{"10.9.0.1"};
    CHECK(follower.reason("10.9.0.1") == "no route to 10.9.0.1: network is unreachable");

    lab.here({"ip route add 10.9.0.1 via 10.0.1.11"});
    REQUIRE(follower.await([&] { return follower.mac_of("10.9.0.1") == kB0; }));

    lab.here({"ip route replace blackhole 10.9.0.1"});
    CHECK(follower.await([&] {
        return follower.reason("10.9.0.1") == "no route to 10.9.0.1: a 'blackhole' route covers it";
    }));
}

TEST_CASE("a routing rule is followed") {
    Lab lab;
    lab.here({"ip route add 10.9.0.0/16 via 10.0.1.11", "ip route add 10.9.0.0/16 via 10.0.2.11 table 100"});
    Follower follower{"10.9.0.1"};
    REQUIRE(follower.await([&] { return follower.mac_of("10.9.0.1") == kB0; }));
    lab.here({"ip rule add to 10.9.0.0/16 table 100"});
    CHECK(follower.await([&] { return follower.mac_of("10.9.0.1") == kB1; }));
}

TEST_CASE("an interface that loses its link, or is taken down, takes its next hops along until it is back") {
    Lab lab;
    Follower follower{"10.0.1.11"};
    REQUIRE(follower.await([&] { return follower.mac_of("10.0.1.11") == kB0; }));

    lab.there({"ip link set b0 down"});
    CHECK(follower.await([&] { return follower.reason("10.0.1.11") == "interface a0 is down"; }));
    lab.there({"ip link set b0 up"});
    CHECK(follower.await([&] { return follower.mac_of("10.0.1.11") == kB0; }));

    lab.here({"ip link set a0 down"});
    CHECK(follower.await(
        [&] { return follower.reason("10.0.1.11") == "no route to 10.0.1.11: network is unreachable"; }));
    lab.here({"ip link set a0 up"});
    CHECK(follower.await([&] { return follower.mac_of("10.0.1.11") == kB0; }));
}

TEST_CASE("an interface's MAC, MTU and address are followed") {
    Lab lab;
    lab.here({"ip neigh replace 10.0.1.50 dev a0 lladdr 02:00:00:00:00:50 nud permanent",
              "ip address add 10.0.1.2/32 dev a0"});
    Follower follower{"10.0.1.50"};
    REQUIRE(follower.at("10.0.1.50"));

    lab.here({"ip link set a0 mtu 1600"});
    CHECK(follower.await([&] { return follower.at("10.0.1.50") && follower.at("10.0.1.50")->mtu == 1600; }));
    lab.here({"ip link set a0 address 02:00:00:00:00:aa"});
    CHECK(follower.await([&] {
        return follower.at("10.0.1.50") && follower.at("10.0.1.50")->source_mac == mac("02:00:00:00:00:aa");
    }));
    lab.here({"ip route replace 10.0.1.0/24 dev a0 src 10.0.1.2"});
    CHECK(follower.await(
        [&] { return follower.at("10.0.1.50") && follower.at("10.0.1.50")->source == ip("10.0.1.2"); }));
}

TEST_CASE("this host's own address is local, also when it becomes so") {
    Lab lab;
    Follower follower{"10.0.1.1", "10.0.1.11"};
    CHECK(follower.at("10.0.1.1").error() ==
          NoNextHop{"10.0.1.1 is this host's own address", NoNextHop::Cause::kLocal});
    CHECK(follower.at("10.0.1.11").error().cause != NoNextHop::Cause::kLocal);

    lab.here({"ip address add 10.0.1.11/32 dev lo"});
    CHECK(follower.await([&] {
        return !follower.at("10.0.1.11") &&
               follower.at("10.0.1.11").error().cause == NoNextHop::Cause::kLocal;
    }));
}

TEST_CASE("a device without Ethernet addresses is refused") {
    Lab lab;
    lab.here({"ip tuntap add t0 mode tun", "ip link set t0 up", "ip route add 10.9.0.0/16 dev t0",
              "ip route add 10.8.0.0/16 dev lo"});
    Follower follower{"10.9.0.1", "10.8.0.1"};
    CHECK(follower.reason("10.9.0.1") == "interface t0 towards 10.9.0.1 is not Ethernet");
    CHECK(follower.reason("10.8.0.1") == "interface lo towards 10.8.0.1 is not Ethernet");
}

TEST_CASE("a route without a source address is refused") {
    Lab lab;
    lab.here({"ip address flush dev a0", "ip address flush dev a1", "ip route add 10.9.0.0/16 dev a0"});
    Follower follower{"10.9.0.1"};
    CHECK(follower.reason("10.9.0.1") == "interface a0 has no source address for 10.9.0.1");
}

TEST_CASE("a backend that is no longer followed changes nothing, the others stay") {
    Lab lab;
    lab.here({"ip neigh replace 10.0.1.50 dev a0 lladdr 02:00:00:00:00:50 nud permanent",
              "ip neigh replace 10.0.1.51 dev a0 lladdr 02:00:00:00:00:51 nud permanent"});
    Follower follower{"10.0.1.50", "10.0.1.51"};
    follower.follow({"10.0.1.51", "10.0.1.11", "10.0.1.51"});
    CHECK_THROWS(follower.at("10.0.1.50"));
    CHECK(follower.mac_of("10.0.1.51") == mac("02:00:00:00:00:51"));
    REQUIRE(follower.await([&] { return follower.mac_of("10.0.1.11") == kB0; }));
    follower.changes = 0;

    lab.here({"ip neigh replace 10.0.1.50 dev a0 lladdr 02:00:00:00:00:60 nud permanent",
              "ip neigh replace 10.0.1.51 dev a0 lladdr 02:00:00:00:00:61 nud permanent"});

    REQUIRE(follower.await([&] { return follower.changes > 0; }));
    CHECK(follower.mac_of("10.0.1.51") == mac("02:00:00:00:00:61"));
    CHECK(follower.changes == 1);
}

TEST_CASE("a gateway goes on serving the backends that stay behind it") {
    Lab lab;
    lab.here({"ip route add 10.9.0.0/16 via 10.0.1.50",
              "ip neigh replace 10.0.1.50 dev a0 lladdr 02:00:00:00:00:50 nud permanent"});
    Follower follower{"10.9.0.1", "10.9.0.2"};
    follower.follow({"10.9.0.2"});

    lab.here({"ip neigh replace 10.0.1.50 dev a0 lladdr 02:00:00:00:00:51 nud permanent"});

    CHECK(follower.await([&] { return follower.mac_of("10.9.0.2") == mac("02:00:00:00:00:51"); }));
}

TEST_CASE("next hops may be dropped while the loop waits for them") {
    Lab lab;
    Follower never_ran{"10.0.1.11"};
    never_ran.next_hops.reset();
    never_ran.loop.run();

    Follower follower{"10.0.1.11"};
    REQUIRE(follower.await([&] { return follower.at("10.0.1.11").has_value(); }));
    lab.here({"ip link set a0 mtu 1600"});
    follower.loop.run_one();
    follower.next_hops.reset();
    follower.loop.run();
}
