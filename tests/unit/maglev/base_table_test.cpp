// SPDX-License-Identifier: Apache-2.0
#include "maglev/base_table.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <vector>

#include "fleet.hpp"
#include "reference.hpp"

using namespace guideway;
using namespace guideway::maglev;

namespace {

void check_against_reference(const std::vector<Member>& members, std::uint32_t size) {
    const auto table = BaseTable::build(members, size);
    const auto expected = reference::base_table(members, size);
    REQUIRE(table.size() == size);
    REQUIRE(std::ranges::equal(table.owners(), expected.owners));
    REQUIRE(table.members().size() == members.size());
    for (std::size_t index = 0; index < members.size(); ++index) {
        REQUIRE(table.members()[index].address == expected.members[index].address);
        REQUIRE(table.members()[index].weight == expected.members[index].weight);
        REQUIRE(table.identity_hash(index) == expected.identity_hashes[index]);
        REQUIRE(std::ranges::equal(table.slots_of(index), expected.slots[index]));
    }
}

}  // namespace

TEST_CASE("small base tables of random fleets equal the reference") {
    std::mt19937_64 random(1);
    for (int round = 0; round < 1000; ++round)
        check_against_reference(
            random_fleet(random() % (round % 10 == 0 ? 2001 : 300), any_weights(random), random), 251);
}

TEST_CASE("middle-sized base tables of random fleets equal the reference") {
    std::mt19937_64 random(2);
    for (int round = 0; round < 150; ++round)
        check_against_reference(random_fleet(random() % 2001, any_weights(random), random), 16381);
}

TEST_CASE("default base tables of random fleets equal the reference") {
    std::mt19937_64 random(3);
    for (const auto weights : {Weights::kEqual, Weights::kSmall, Weights::kAny, Weights::kSkewed})
        for (int round = 0; round < 10; ++round)
            check_against_reference(random_fleet(random() % 2001, weights, random), 65537);
}

TEST_CASE("large base tables of random fleets equal the reference") {
    std::mt19937_64 random(4);
    check_against_reference(random_fleet(1 + random() % 2000, Weights::kEqual, random), 655373);
    check_against_reference(random_fleet(1 + random() % 2000, Weights::kAny, random), 655373);
    check_against_reference(random_fleet(1, Weights::kEqual, random), 655373);
}

TEST_CASE("one heavy backend among 4095 of weight 1 equals the reference") {
    auto members = equal_fleet(4096, 1);
    members[1234].weight = 65535;
    check_against_reference(members, 65537);
}

TEST_CASE("one light backend among 4095 of weight 65535 equals the reference") {
    auto members = equal_fleet(4096, 65535);
    members[1234].weight = 1;
    check_against_reference(members, 65537);
}

TEST_CASE("members are sorted by the bytes of their text, not by number") {
    const auto table =
        BaseTable::build({member("10.0.0.9"), member("2001:db8::1"), member("10.0.0.10")}, 251);
    CHECK(table.members()[0].address.text() == "10.0.0.10");
    CHECK(table.members()[1].address.text() == "10.0.0.9");
    CHECK(table.members()[2].address.text() == "2001:db8::1");
}

TEST_CASE("a table without members or without weight belongs to nobody") {
    const auto nobody = [](std::uint16_t owner) { return owner == kNobody; };
    CHECK(std::ranges::all_of(BaseTable::build({}, 251).owners(), nobody));
    CHECK(std::ranges::all_of(BaseTable::build(equal_fleet(10, 0), 251).owners(), nobody));
    CHECK(BaseTable::build(equal_fleet(10, 0), 251).slots_of(3).empty());
}

TEST_CASE("the base table of the largest fleet equals the reference") {
    check_against_reference(equal_fleet(kMaxMembers), 65537);
}
