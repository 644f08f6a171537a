// SPDX-License-Identifier: Apache-2.0
#include "maglev/simulation/fleet.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <numeric>
#include <random>
#include <string>

#include "maglev/mix64.hpp"
#include "maglev/permutation.hpp"

namespace guideway::maglev::simulation {

namespace {
constexpr std::uint16_t kWeight = 1;
constexpr std::uint64_t kGoldenRatio = 0x9E3779B97F4A7C15;

IpAddress random_address(std::mt19937_64& random) {
    const auto bits = random();
    const std::uint8_t bytes[4] = {10, static_cast<std::uint8_t>(bits), static_cast<std::uint8_t>(bits >> 8),
                                   static_cast<std::uint8_t>(bits >> 16)};
    return IpAddress::from_network(bytes, true);
}

}  // namespace

Fleet Fleet::random(std::uint32_t size, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::map<std::string, IpAddress> by_identity;
    while (by_identity.size() < size) {
        const auto address = random_address(random);
        by_identity.emplace(address.text(), address);
    }
    Fleet fleet;
    for (const auto& [identity, address] : by_identity) {
        fleet.members.push_back({address, kWeight});
        fleet.hashes.push_back(identity_hash(identity));
    }
    fleet.survivors.resize(size);
    std::iota(fleet.survivors.begin(), fleet.survivors.end(), std::uint16_t{0});
    fleet.key_seed = random();
    return fleet;
}

Fleet Fleet::with_failures(std::uint32_t failures) const {
    Fleet fleet = *this;
    std::mt19937_64 random(key_seed);
    fleet.survivors.clear();
    std::ranges::sample(survivors, std::back_inserter(fleet.survivors), survivors.size() - failures, random);
    return fleet;
}

std::uint64_t Fleet::key(std::uint32_t number) const {
    return mix64(key_seed + (number + 1) * kGoldenRatio);
}

}  // namespace guideway::maglev::simulation
