// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cstdio>

#include "follower.hpp"
#include "net/next_hops.hpp"

using namespace guideway::net;

namespace {
std::string address(int number) {
    return fmt::format("10.0.{}.{}", 16 + number / 250, number % 250 + 1);
}

std::string mac_at(int number, int version) {
    return fmt::format("02:00:00:{:02x}:{:02x}:{:02x}", version, number / 256, number % 256);
}

/// A lab whose link a0 has room for many neighbours.
struct WideLab : Lab {
    WideLab() { here({"ip address add 10.0.1.1/16 dev a0"}); }
};

/// Sets permanent neighbours on a0; each version has other MACs.
void set_neighbours(int first, int count, int version) {
    std::FILE* batch = ::popen("ip -batch -", "w");
    REQUIRE(batch);
    for (int number = first; number < first + count; ++number)
        fmt::print(batch, "neigh replace {} dev a0 lladdr {} nud permanent\n", address(number),
                   mac_at(number, version));
    REQUIRE(::pclose(batch) == 0);
}

std::vector<guideway::IpAddress> addresses(int count) {
    std::vector<guideway::IpAddress> result;
    for (int number = 0; number < count; ++number)
        result.push_back(ip(address(number)));
    return result;
}
}  // namespace

TEST_CASE("a thousand known neighbours are next hops at once, and their changes come as one") {
    WideLab lab;
    set_neighbours(0, 1000, 1);
    Follower follower{};

    follower.next_hops->follow(addresses(1000));

    for (int number = 0; number < 1000; ++number)
        REQUIRE(follower.mac_of(address(number)) == mac(mac_at(number, 1)));

    set_neighbours(0, 1000, 2);
    REQUIRE(follower.await([&] { return follower.changes > 0; }));
    for (int number = 0; number < 1000; ++number)
        REQUIRE(follower.mac_of(address(number)) == mac(mac_at(number, 2)));
    CHECK(follower.changes == 1);
}

TEST_CASE("neighbours and routes of others change nothing") {
    WideLab lab;
    set_neighbours(0, 2, 1);
    Follower follower{};
    follower.next_hops->follow(addresses(1));

    set_neighbours(1, 3000, 2);
    lab.here({"ip route add 10.9.0.0/16 via 10.0.1.11"});
    set_neighbours(0, 1, 3);

    REQUIRE(follower.await([&] { return follower.changes > 0; }));
    CHECK(follower.mac_of(address(0)) == mac(mac_at(0, 3)));
    CHECK(follower.changes == 1);
}

TEST_CASE("a change whose announcement was lost is found") {
    WideLab lab;
    set_neighbours(0, 1, 1);
    Follower follower{};
    follower.next_hops->follow(addresses(1));

    set_neighbours(1, 4000, 1);
    set_neighbours(0, 1, 2);       // waits behind more than one turn reads,
    set_neighbours(1, 20'000, 1);  // which are more than the socket holds,
    set_neighbours(0, 1, 3);       // so that this is lost

    CHECK(follower.await([&] { return follower.mac_of(address(0)) == mac(mac_at(0, 3)); }));
    follower.loop.run_for(std::chrono::milliseconds(50));
    CHECK(follower.mac_of(address(0)) == mac(mac_at(0, 3)));
}
