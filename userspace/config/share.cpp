// SPDX-License-Identifier: Apache-2.0
#include "config/share.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

namespace guideway::config {

namespace {
/// How many turns backends of this weight have had after so many rounds.
std::uint64_t turns(std::uint64_t rounds, std::uint16_t weight, std::uint16_t largest) {
    return rounds * weight / largest;
}

std::uint64_t all_turns(const std::vector<Backend>& backends, std::uint64_t rounds, std::uint16_t largest) {
    std::uint64_t sum = 0;
    for (const auto& backend : backends)
        sum += turns(rounds, backend.weight, largest);
    return sum;
}
}  // namespace

std::uint32_t advised_table_size(const std::vector<Backend>& backends) {
    constexpr std::uint64_t kSlotsEach = 200;
    // The largest primes below 256 * 2^n, but for the default.
    constexpr std::array<std::uint32_t, 13> kSizes{251,   509,   1021,   2039,   4093,   8191,   16381,
                                                   32749, 65537, 131071, 262139, 524287, 1048573};
    std::uint64_t weights = 0, least = UINT16_MAX;
    for (const auto& backend : backends) {
        weights += backend.weight;
        least = backend.weight > 0 ? std::min<std::uint64_t>(least, backend.weight) : least;
    }
    const auto enough = std::ranges::find_if(
        kSizes, [&](std::uint32_t size) { return size * least >= kSlotsEach * weights; });
    return enough == kSizes.end() ? kSizes.back() : *enough;
}

std::string table_size_advice(const std::vector<Backend>& backends, std::uint32_t table_size) {
    constexpr std::uint32_t kWorthwhile = 4;
    const auto advised = advised_table_size(backends);
    if (advised <= table_size && table_size <= kWorthwhile * advised)
        return "";
    return fmt::format("; table_size: {} would do for {} backends", advised, backends.size());
}

std::vector<std::size_t> without_slots(const std::vector<Backend>& backends, std::uint32_t table_size) {
    std::vector<std::size_t> without;
    std::uint16_t largest = 0, least = UINT16_MAX;
    for (const auto& backend : backends) {
        largest = std::max(largest, backend.weight);
        least = backend.weight > 0 ? std::min(least, backend.weight) : least;
    }
    if (largest == 0)
        return without;
    // The heaviest backend takes a slot each round, so there are at most as many rounds as slots.
    std::uint64_t low = 1, high = table_size;
    while (low < high) {
        const auto middle = (low + high) / 2;
        if (all_turns(backends, middle, largest) >= table_size)
            high = middle;
        else
            low = middle + 1;
    }
    const auto last_round = low;
    if (turns(last_round - 1, least, largest) > 0)
        return without;
    auto left = table_size - all_turns(backends, last_round - 1, largest);
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < backends.size(); ++i)
        order.push_back(i);
    std::ranges::sort(order, {}, [&](std::size_t i) { return backends[i].address.text(); });
    for (const auto i : order) {
        const auto weight = backends[i].weight;
        const auto before = turns(last_round - 1, weight, largest);
        const bool has_turn = turns(last_round, weight, largest) > before && left > 0;
        left -= has_turn ? 1 : 0;
        if (weight > 0 && before == 0 && !has_turn)
            without.push_back(i);
    }
    std::ranges::sort(without);
    return without;
}

}  // namespace guideway::config
