// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "maglev/base_table.hpp"
#include "maglev/serving_table.hpp"

/// Fleets of backends for the tests.
namespace guideway::maglev {

inline Member member(const std::string& address, std::uint16_t weight = 1) {
    return {IpAddress::parse(address).value(), weight};
}

/// Up to 65536 members 10.N.x.y of one weight.
inline std::vector<Member> equal_fleet(std::size_t count, std::uint16_t weight = 100, int net = 0) {
    std::vector<Member> members;
    for (std::size_t index = 0; index < count; ++index)
        members.push_back(member(fmt::format("10.{}.{}.{}", net, index / 256, index % 256), weight));
    return members;
}

enum class Weights { kEqual, kSmall, kAny, kSkewed };

inline Weights any_weights(std::mt19937_64& random) {
    return static_cast<Weights>(random() % 4);
}

/// Distinct IPv4 and IPv6 members in random order.
inline std::vector<Member> random_fleet(std::size_t count, Weights weights, std::mt19937_64& random) {
    const std::uint16_t heavy = 65535;
    const auto draw_weight = [&]() -> std::uint16_t {
        switch (weights) {
            case Weights::kEqual:
                return 100;
            case Weights::kSmall:
                return random() % 6;
            case Weights::kAny:
                return random() % 65536;
            case Weights::kSkewed:
                return random() % 16 == 0 ? heavy : 1;
        }
        return 0;
    };
    std::vector<Member> members;
    for (std::size_t index = 0; index < count; ++index) {
        const auto low = random() % 256;
        const auto address = random() % 2 ? fmt::format("10.{}.{}.{}", index / 256, index % 256, low)
                                          : fmt::format("2001:db8:{:x}::{:x}", low, index + 1);
        members.push_back(member(address, draw_weight()));
    }
    std::ranges::shuffle(members, random);
    return members;
}

/// Availabilities as they come about: a few members down, many partly available, next to everything down, all
/// down or all up.
inline std::vector<Availability> random_availabilities(std::size_t count, std::mt19937_64& random) {
    std::vector<Availability> availabilities(count, kFull);
    const auto kind = random() % 16;
    for (auto& availability : availabilities) {
        if (kind < 4)
            availability = random() % 64 == 0 ? 0 : kFull;
        else if (kind < 8)
            availability = random() % 2 ? kFull : 0;
        else if (kind < 12)
            availability = random() % (kFull + 1);
        else if (kind < 14)
            availability = random() % 64 == 0 ? random() % (kFull + 1) : 0;
        else
            availability = kind == 14 ? 0 : kFull;
    }
    return availabilities;
}

}  // namespace guideway::maglev
