// SPDX-License-Identifier: Apache-2.0
#include "config/share.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "maglev/base_table.hpp"

namespace guideway::config {

namespace {
std::vector<Backend> backends_of(const std::vector<std::uint16_t>& weights) {
    std::vector<Backend> backends;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        auto& backend = backends.emplace_back();
        backend.address =
            *IpAddress::parse("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1));
        backend.weight = weights[i];
    }
    return backends;
}

/// As the table itself has it.
std::vector<std::size_t> without_slots_in_table(const std::vector<Backend>& backends, std::uint32_t size) {
    std::vector<maglev::Member> members;
    for (const auto& backend : backends)
        members.push_back({backend.address, backend.weight});
    const auto table = maglev::BaseTable::build(members, size);
    std::vector<std::size_t> without;
    for (std::size_t i = 0; i < backends.size(); ++i) {
        const auto same = [&](const maglev::Member& member) { return member.address == backends[i].address; };
        const auto member = std::ranges::find_if(table.members(), same) - table.members().begin();
        if (backends[i].weight > 0 && table.slots_of(static_cast<std::size_t>(member)).empty())
            without.push_back(i);
    }
    return without;
}
}  // namespace

TEST_CASE("a weight of 1 beside a hundred of 1000 is worth no slot") {
    std::vector<std::uint16_t> weights(101, 1000);
    weights[7] = 1;
    CHECK(without_slots(backends_of(weights), 65537) == std::vector<std::size_t>{7});
    weights[7] = 100;
    CHECK(without_slots(backends_of(weights), 65537).empty());
}

TEST_CASE("a backend without a weight wants no slot") {
    CHECK(without_slots(backends_of({0, 100}), 251).empty());
    CHECK(without_slots(backends_of({0, 0}), 251).empty());
    CHECK(without_slots({}, 251).empty());
}

TEST_CASE("the advised size gives the lightest backend a hundred slots, also among twice as many") {
    CHECK(advised_table_size({}) == 251);
    CHECK(advised_table_size(backends_of({100})) == 251);
    CHECK(advised_table_size(backends_of(std::vector<std::uint16_t>(16, 100))) == 4093);
    CHECK(advised_table_size(backends_of(std::vector<std::uint16_t>(16, 7))) == 4093);
    CHECK(advised_table_size(backends_of({1, 9})) == 2039);
    CHECK(advised_table_size(backends_of({0, 9})) == 251);
    CHECK(advised_table_size(backends_of(std::vector<std::uint16_t>(300, 1))) == 65537);
    CHECK(advised_table_size(backends_of({1, 65535})) == 1048573);
}

TEST_CASE("advice is given where a size is too small or four times too large") {
    const auto backends = backends_of(std::vector<std::uint16_t>(16, 100));
    CHECK(table_size_advice(backends, 2039) == "; table_size: 4093 would do for 16 backends");
    CHECK(table_size_advice(backends, 4093).empty());
    CHECK(table_size_advice(backends, 16363).empty());
    CHECK(table_size_advice(backends, 65537) == "; table_size: 4093 would do for 16 backends");
}

TEST_CASE("who gets no slot is what the table itself says") {
    std::mt19937 random(21120);
    for (int story = 0; story < 300; ++story) {
        std::vector<std::uint16_t> weights;
        const auto count = 1 + random() % 300;
        for (std::size_t i = 0; i < count; ++i)
            weights.push_back(static_cast<std::uint16_t>(random() % (random() % 2 == 0 ? 3 : 65536)));
        const auto backends = backends_of(weights);
        const std::uint32_t size = random() % 2 == 0 ? 251 : 1009;
        INFO("story " << story);
        CHECK(without_slots(backends, size) == without_slots_in_table(backends, size));
    }
}

}  // namespace guideway::config
