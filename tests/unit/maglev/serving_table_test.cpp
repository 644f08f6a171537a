// SPDX-License-Identifier: Apache-2.0
#include "maglev/serving_table.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <random>
#include <vector>

#include "fleet.hpp"
#include "maglev/digest.hpp"
#include "reference.hpp"

using namespace guideway;
using namespace guideway::maglev;

namespace {

ServingTable serving(std::vector<Member> members, std::uint32_t size) {
    return ServingTable(std::make_shared<BaseTable>(BaseTable::build(std::move(members), size)));
}

/// Goes through random availabilities; after each, the owners are the reference's and the changes are exactly
/// what differs from before.
void check_walk(const std::vector<Member>& members, std::uint32_t size, int steps, std::mt19937_64& random) {
    auto table = serving(members, size);
    const auto base = reference::base_table(members, size);
    for (int step = 0; step < steps; ++step) {
        const auto availabilities = random_availabilities(members.size(), random);
        std::vector<std::uint16_t> before(table.owners().begin(), table.owners().end());
        const auto changes = table.update(availabilities);
        REQUIRE(std::ranges::equal(table.availabilities(), availabilities));
        REQUIRE(std::ranges::equal(table.owners(), reference::serving_table(base, availabilities)));
        for (const auto [slot, owner] : changes) {
            REQUIRE(before[slot] != owner);
            before[slot] = owner;
        }
        REQUIRE(std::ranges::equal(table.owners(), before));
    }
}

std::vector<std::uint32_t> loads_of(const ServingTable& table) {
    std::vector<std::uint32_t> loads(table.base().members().size());
    for (const auto owner : table.owners())
        ++loads[owner];
    return loads;
}

std::vector<Availability> all_but(std::size_t count, std::size_t down, std::mt19937_64& random) {
    std::vector<Availability> availabilities(count, kFull);
    std::fill_n(availabilities.begin(), down, Availability{0});
    std::ranges::shuffle(availabilities, random);
    return availabilities;
}

}  // namespace

TEST_CASE("small serving tables equal the reference over random availabilities") {
    std::mt19937_64 random(11);
    for (int round = 0; round < 1000; ++round)
        check_walk(random_fleet(random() % (round % 10 == 0 ? 2001 : 300), any_weights(random), random), 251,
                   8, random);
}

TEST_CASE("middle-sized serving tables equal the reference over random availabilities") {
    std::mt19937_64 random(12);
    for (int round = 0; round < 40; ++round)
        check_walk(random_fleet(random() % 2001, any_weights(random), random), 16381, 6, random);
}

TEST_CASE("large serving tables equal the reference over random availabilities") {
    std::mt19937_64 random(13);
    check_walk(random_fleet(1000, Weights::kEqual, random), 65537, 4, random);
    check_walk(random_fleet(1500, Weights::kAny, random), 65537, 4, random);
    check_walk(random_fleet(700, Weights::kSmall, random), 655373, 1, random);
}

TEST_CASE("a backend that is exactly at its cap is full") {
    // Those that stay up have a weight of 251 together; 50 of it is due 1.02 * 50 = 51 of 251 slots at most.
    for (int net = 0; net < 20; ++net) {
        auto members = equal_fleet(6, 50, net);
        members[0].weight = 51;
        auto table = serving(members, 251);
        std::vector<Availability> availabilities(6, kFull);
        availabilities[5] = 0;
        REQUIRE_FALSE(table.update(availabilities).empty());
        const auto loads = loads_of(table);
        CHECK(std::ranges::max(std::span(loads).subspan(1)) == 51);
    }
}

TEST_CASE("one backend left of a thousand serves everything") {
    auto table = serving(equal_fleet(1000), 16381);
    std::vector<Availability> availabilities(1000, 0);
    availabilities[617] = kFull;
    REQUIRE_FALSE(table.update(availabilities).empty());
    CHECK(std::ranges::all_of(table.owners(), [](std::uint16_t owner) { return owner == 617; }));
}

TEST_CASE("a backend of weight 0 gets nothing even where next to nothing is available") {
    auto members = equal_fleet(1000);
    for (std::size_t index = 500; index < 1000; ++index)
        members[index].weight = 0;
    auto table = serving(members, 16381);
    std::vector<Availability> availabilities(1000, kFull);
    const auto weightless = [&](std::size_t index) { return table.base().members()[index].weight == 0; };
    for (std::size_t index = 0; index < 1000; ++index)
        if (!weightless(index))
            availabilities[index] = index % 250 == 0;
    REQUIRE_FALSE(table.update(availabilities).empty());
    CHECK(std::ranges::none_of(table.owners(), weightless));
}

TEST_CASE("nothing available leaves every slot to nobody") {
    auto table = serving(equal_fleet(7), 251);
    CHECK(table.update(std::vector<Availability>(7, 0)).size() == 251);
    CHECK(std::ranges::all_of(table.owners(), [](std::uint16_t owner) { return owner == kNobody; }));
}

TEST_CASE("from full health a failure moves no slot of another backend") {
    std::mt19937_64 random(14);
    for (const std::size_t down : {1, 10, 100, 500, 999}) {
        auto table = serving(equal_fleet(1000), 65537);
        const auto availabilities = all_but(1000, down, random);
        for (const auto [slot, owner] : table.update(availabilities)) {
            REQUIRE(availabilities[table.base().owners()[slot]] == 0);
            REQUIRE(availabilities[owner] == kFull);
        }
    }
}

TEST_CASE("a slow start moves what one addition moves") {
    auto table = serving(equal_fleet(100), 65537);
    std::vector<Availability> availabilities(100, kFull);
    availabilities[42] = 0;
    REQUIRE_FALSE(table.update(availabilities).empty());
    const auto share = table.base().slots_of(42).size();
    std::size_t moved = 0;
    std::size_t moved_elsewhere = 0;
    for (const int step : {25, 51, 76, 102, 128, 153, 179, 204, 230, 256}) {
        availabilities[42] = static_cast<Availability>(step);
        for (const auto& change : table.update(availabilities))
            ++(change.owner == 42 ? moved : moved_elsewhere);
    }
    CHECK(moved == share);
    CHECK(moved_elsewhere <= share / 20);
}

TEST_CASE("back in service the table is the base table again") {
    auto table = serving(equal_fleet(300), 65537);
    const auto healthy = table_digest(table.base().members(), table.base().owners());
    std::mt19937_64 random(15);
    for (int round = 0; round < 5; ++round) {
        REQUIRE_FALSE(table.update(all_but(300, 30, random)).empty());
        CHECK(table_digest(table.base().members(), table.owners()) != healthy);
    }
    REQUIRE_FALSE(table.update(std::vector<Availability>(300, kFull)).empty());
    CHECK(table_digest(table.base().members(), table.owners()) == healthy);
    CHECK(table.update(std::vector<Availability>(300, kFull)).empty());
}

TEST_CASE("with 100 of 1000 backends down the peak load is within 1.08 of fair") {
    std::mt19937_64 random(16);
    auto table = serving(equal_fleet(1000), 65537);
    for (int round = 0; round < 10; ++round) {
        REQUIRE_FALSE(table.update(all_but(1000, 100, random)).empty());
        CHECK(std::ranges::max(loads_of(table)) <= 1.08 * 65537 / 900);
    }
}

TEST_CASE("the estimate tells a failover from a collapse") {
    using namespace std::chrono_literals;
    const auto table = serving(equal_fleet(1000), 65537);
    std::mt19937_64 random(17);
    CHECK(table.update_cost(all_but(1000, 1, random)) < 100us);
    CHECK(table.update_cost(all_but(1000, 999, random)) > 20ms);
    CHECK(table.update_cost(std::vector<Availability>(1000, 0)) < 5ms);
}
