// SPDX-License-Identifier: Apache-2.0
#include "bgp/roster.hpp"

#include <catch2/catch.hpp>

namespace guideway::bgp {

namespace {

using namespace std::chrono_literals;

IpAddress ip(const char* text) {
    return IpAddress::parse(text).value();
}

const IpAddress kFirst = ip("10.0.0.1");
const IpAddress kSecond = ip("10.0.0.2");

config::Bgp peers(std::initializer_list<IpAddress> addresses) {
    config::Bgp bgp;
    bgp.local_as = 64600;
    bgp.router_id = ip("10.0.0.5");
    for (const auto& address : addresses) {
        bgp.peers.emplace_back().address = address;
        bgp.peers.back().as = 64512;
    }
    return bgp;
}

/// Ways as the test has them.
struct Ways {
    Roster roster{[this](const IpAddress& peer) -> Result<IpAddress> {
        const auto found = source.find(peer);
        if (found == source.end())
            return fail("no route to {}", peer.text());
        return found->second;
    }};
    std::map<IpAddress, IpAddress> source{{kFirst, ip("10.0.0.5")}, {kSecond, ip("10.0.0.5")}};

    /// The peers of the configuration to go over to, which ExaBGP then has.
    std::set<IpAddress> step() {
        std::set<IpAddress> addresses;
        auto next = roster.next();
        REQUIRE(next);
        for (const auto& [peer, section] : *next)
            addresses.insert(peer);
        roster.set_running(std::move(*next));
        return addresses;
    }
};

using Addresses = std::set<IpAddress>;

}  // namespace

TEST_CASE("a peer that is added or removed is one step, and touches no other") {
    Ways ways;
    CHECK(ways.roster.refresh(peers({kFirst}), {}).empty());
    CHECK(ways.step() == Addresses{kFirst});
    CHECK_FALSE(ways.roster.next());
    const auto section = ways.roster.running().at(kFirst);

    CHECK(ways.roster.refresh(peers({kFirst, kSecond}), {}).empty());
    CHECK(ways.roster.going().empty());
    CHECK(ways.step() == Addresses{kFirst, kSecond});
    CHECK_FALSE(ways.roster.next());
    CHECK(ways.roster.running().at(kFirst) == section);

    CHECK(ways.roster.refresh(peers({kFirst}), {}).empty());
    CHECK(ways.roster.going() == Addresses{kSecond});
    CHECK(ways.step() == Addresses{kFirst});
    CHECK_FALSE(ways.roster.next());
}

TEST_CASE("a peer that changes is taken out, then put in anew, with what is new") {
    Ways ways;
    auto bgp = peers({kFirst, kSecond});
    CHECK(ways.roster.refresh(bgp, {}).empty());
    ways.step();
    bgp.peers[1].hold_time = 9s;
    bgp.peers.emplace_back().address = ip("10.0.0.3");
    ways.source[ip("10.0.0.3")] = ip("10.0.0.5");
    CHECK(ways.roster.refresh(bgp, {}).empty());
    CHECK(ways.roster.going() == Addresses{kSecond});
    CHECK(ways.step() == Addresses{kFirst});
    CHECK(ways.roster.going().empty());
    CHECK(ways.step() == Addresses{kFirst, kSecond, ip("10.0.0.3")});
    CHECK_FALSE(ways.roster.next());
}

TEST_CASE("what all sections have changes all: nobody is left in between") {
    Ways ways;
    auto bgp = peers({kFirst, kSecond});
    CHECK(ways.roster.refresh(bgp, {}).empty());
    ways.step();
    bgp.local_as = 64601;
    CHECK(ways.roster.refresh(bgp, {}).empty());
    CHECK(ways.step().empty());
    CHECK(ways.step() == Addresses{kFirst, kSecond});
}

TEST_CASE("a peer without a way is left out until it has one; one that loses it stays") {
    Ways ways;
    ways.source.erase(kSecond);
    const auto left_out = ways.roster.refresh(peers({kFirst, kSecond}), {});
    REQUIRE(left_out.size() == 1);
    CHECK(left_out[0].peer == kSecond);
    CHECK(left_out[0].reason == "no route to 10.0.0.2");
    CHECK(ways.step() == Addresses{kFirst});
    ways.source[kSecond] = ip("10.0.0.5");
    CHECK(ways.roster.refresh(peers({kFirst, kSecond}), {}).empty());
    CHECK(ways.step() == Addresses{kFirst, kSecond});
    ways.source.clear();
    CHECK(ways.roster.refresh(peers({kFirst, kSecond}), {}).empty());
    CHECK_FALSE(ways.roster.next());
}

TEST_CASE("another way to a peer changes its neighbour only when there is no session") {
    Ways ways;
    const auto bgp = peers({kFirst, kSecond});
    CHECK(ways.roster.refresh(bgp, {}).empty());
    ways.step();
    ways.source = {{kFirst, ip("10.0.0.6")}, {kSecond, ip("10.0.0.6")}};
    CHECK(ways.roster.refresh(bgp, {kFirst}).empty());
    CHECK(ways.roster.going() == Addresses{kSecond});
    CHECK(ways.roster.refresh(bgp, {}).empty());
    CHECK(ways.roster.going() == Addresses{kFirst, kSecond});
}

TEST_CASE("a router ID that is found by itself is this end of the first session over IPv4") {
    const auto id = [](const Roster& roster, const IpAddress& peer) {
        const auto& section = roster.wanted().at(peer);
        const auto begin = section.find("router-id ") + 10;
        return section.substr(begin, section.find(';', begin) - begin);
    };
    const auto v6 = ip("2001:db8:f::1");
    Ways ways;
    ways.source = {{kSecond, ip("10.0.0.6")}, {v6, ip("2001:db8:f::5")}};
    auto bgp = peers({v6, kFirst, kSecond});
    bgp.router_id = {};

    CHECK(ways.roster.refresh(bgp, {}).size() == 1);
    CHECK(id(ways.roster, kSecond) == "10.0.0.6");
    CHECK(id(ways.roster, v6) == "10.0.0.6");

    // Another one would end the sessions that there are.
    ways.source[kFirst] = ip("10.0.0.5");
    CHECK(ways.roster.refresh(bgp, {kSecond, v6}).empty());
    CHECK(id(ways.roster, kFirst) == "10.0.0.6");
    CHECK(ways.roster.going().empty());

    // One that is written down holds.
    bgp.router_id = ip("10.0.0.9");
    CHECK(ways.roster.refresh(bgp, {}).empty());
    CHECK(id(ways.roster, v6) == "10.0.0.9");
}

TEST_CASE("without a way to an IPv4 peer there is no router ID by itself") {
    const auto v6 = ip("2001:db8:f::1");
    Ways ways;
    ways.source = {{v6, ip("2001:db8:f::5")}};
    auto bgp = peers({v6, kFirst});
    bgp.router_id = {};
    const auto left_out = ways.roster.refresh(bgp, {});
    REQUIRE(left_out.size() == 2);
    CHECK(left_out[1].peer == v6);
    CHECK(left_out[1].reason == "router_id is auto, and no IPv4 peer can be reached yet");
    CHECK(ways.roster.wanted().empty());
}

}  // namespace guideway::bgp
