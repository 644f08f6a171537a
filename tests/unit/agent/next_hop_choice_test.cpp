// SPDX-License-Identifier: Apache-2.0
#include "agent/next_hop_choice.hpp"

#include <catch2/catch.hpp>

namespace guideway::agent {

namespace {

constexpr int kEth0 = 2;
constexpr int kVlan = 7;  ///< eth0.100

IpAddress address(const char* text) {
    return *IpAddress::parse(text);
}

/// A backend, the way to it, and what the configuration says; all but the way as a test wants it.
struct Choice {
    explicit Choice(const char* backend_address, const char* source = "10.0.0.11") {
        backend.member.address = address(backend_address);
        config.interfaces = {"eth0", "eth1"};
        path = net::Path{.neighbour = {kEth0, backend.member.address},
                         .interface = "eth0",
                         .port = {.ifindex = kEth0, .vlan = {}},
                         .source_mac = *MacAddress::parse("02:00:00:00:00:11"),
                         .source = address(source),
                         .mtu = 1600};
        resolve();
    }

    void resolve() { resolution = net::next_hop_on(*path, *MacAddress::parse("02:00:00:00:01:01")); }
    void on_vlan() {
        path->neighbour.ifindex = kVlan;
        path->port.vlan = {100};
        resolve();
    }
    void unresolved() { resolution = std::unexpected(net::NoNextHop{"resolving 10.0.0.101 on eth0"}); }
    void unreachable(const char* reason, bool local) {
        path = std::unexpected(
            net::NoNextHop{reason, local ? net::NoNextHop::Cause::kLocal : net::NoNextHop::Cause::kHost});
        resolution = std::unexpected(path.error());
    }
    [[nodiscard]] std::optional<net::NextHop> on(const std::vector<int>& interfaces) const {
        return choose_next_hop(config, interfaces, resolution, path, backend);
    }

    config::Config config;
    control::DesiredBackend backend;
    std::expected<net::Path, net::NoNextHop> path;
    net::Resolution resolution;
};

}  // namespace

TEST_CASE("what the kernel resolved is the next hop, as it is") {
    const Choice choice("10.0.0.101");
    const auto next_hop = choice.on({kEth0});
    REQUIRE(next_hop);
    CHECK(*next_hop == *choice.resolution);
}

TEST_CASE("a next hop must be on one of the interfaces") {
    Choice choice("10.0.0.101");
    CHECK(choice.on({9, kEth0}));
    CHECK_FALSE(choice.on({9}));
    CHECK_FALSE(choice.on({0}));
    CHECK(why_no_next_hop(choice.config, choice.resolution).reason == "its next hop is not on eth0 or eth1");
    choice.backend.mac = MacAddress::parse("02:00:00:00:00:99");
    CHECK_FALSE(choice.on({9}));
}

TEST_CASE("a VLAN of one of the interfaces is left by that, with its tag") {
    Choice choice("10.0.0.101");
    choice.on_vlan();
    const auto next_hop = choice.on({kEth0});
    REQUIRE(next_hop);
    CHECK(next_hop->port == net::Port{.ifindex = kEth0, .vlan = {100}});
    CHECK_FALSE(choice.on({9}));
}

TEST_CASE("a VLAN that is one of the interfaces itself tags the frames itself") {
    Choice choice("10.0.0.101");
    choice.on_vlan();
    for (const auto& interfaces : {std::vector{kVlan}, std::vector{kEth0, kVlan}}) {
        const auto next_hop = choice.on(interfaces);
        REQUIRE(next_hop);
        CHECK(next_hop->port == net::Port{.ifindex = kVlan, .vlan = {}});
    }
}

TEST_CASE("a configured MAC takes the resolved one's place") {
    Choice choice("10.0.0.101");
    choice.backend.mac = MacAddress::parse("02:00:00:00:00:99");
    auto wanted = *choice.resolution;
    wanted.mac = *choice.backend.mac;
    CHECK(choice.on({kEth0}) == wanted);
}

TEST_CASE("a neighbour without a MAC is no next hop, unless the MAC is configured") {
    Choice choice("10.0.0.101");
    auto wanted = *choice.resolution;
    choice.unresolved();
    CHECK_FALSE(choice.on({kEth0}));
    CHECK(why_no_next_hop(choice.config, choice.resolution).reason == "resolving 10.0.0.101 on eth0");

    choice.backend.mac = MacAddress::parse("02:00:00:00:00:99");
    wanted.mac = *choice.backend.mac;
    CHECK(choice.on({kEth0}) == wanted);
}

TEST_CASE("without a way there is no next hop, whatever is configured") {
    Choice choice("10.0.0.101");
    choice.unreachable("interface eth0 is down", false);
    choice.backend.mac = MacAddress::parse("02:00:00:00:00:99");
    choice.backend.mtu = 1400;
    CHECK_FALSE(choice.on({kEth0}));
    CHECK(why_no_next_hop(choice.config, choice.resolution).reason == "interface eth0 is down");
}

TEST_CASE("a backend that is this host is local, on no interface, and nothing else is set") {
    Choice choice("10.0.0.11");
    choice.unreachable("10.0.0.11 is this host's own address", true);
    choice.config.datapath.source = address("10.0.0.99");
    for (const auto& mac : {std::optional<MacAddress>{}, MacAddress::parse("02:00:00:00:00:99")}) {
        choice.backend.mac = mac;
        choice.backend.mtu = 1400;
        net::NextHop wanted;
        wanted.local = true;
        CHECK(choice.on({kEth0}) == wanted);
    }
}

TEST_CASE("the outer source is what is configured for the backend's family") {
    Choice v4("10.0.0.101");
    Choice v6("2001:db8:f::101", "2001:db8:f::11");
    for (auto* choice : {&v4, &v6}) {
        choice->config.datapath.source = address("10.0.0.99");
        CHECK(choice->on({kEth0})->source == address(choice == &v4 ? "10.0.0.99" : "2001:db8:f::11"));
        choice->config.datapath.source6 = address("2001:db8:f::99");
        CHECK(choice->on({kEth0})->source == address(choice == &v4 ? "10.0.0.99" : "2001:db8:f::99"));
    }
}

TEST_CASE("sources vary inside a prefix of their family") {
    Choice v4("10.0.0.101");
    Choice v6("2001:db8:f::101", "2001:db8:f::11");
    for (auto* choice : {&v4, &v6}) {
        choice->config.datapath.source = address("10.0.0.99");
        choice->config.datapath.source_prefix = {address("10.9.0.0"), 16};
    }
    CHECK(v4.on({kEth0})->source == address("10.9.0.0"));
    CHECK(v4.on({kEth0})->source_bits == 16);
    CHECK(v6.on({kEth0})->source == address("2001:db8:f::11"));
    CHECK(v6.on({kEth0})->source_bits == 0);
}

TEST_CASE("a configured MTU takes the way's place") {
    Choice choice("10.0.0.101");
    CHECK(choice.on({kEth0})->mtu == 1600);
    choice.backend.mtu = 1400;
    CHECK(choice.on({kEth0})->mtu == 1400);
}

}  // namespace guideway::agent
