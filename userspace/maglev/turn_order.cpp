// SPDX-License-Identifier: Apache-2.0
#include "maglev/turn_order.hpp"

#include <algorithm>
#include <numeric>

namespace guideway::maglev {

namespace {

using Weights = std::span<const std::uint16_t>;

/// Turns that all members have taken by the end of a round.
std::uint64_t turns_by(std::uint64_t round, Weights weights, std::uint64_t heaviest) {
    std::uint64_t turns = 0;
    for (const std::uint64_t weight : weights)
        turns += round * weight / heaviest;
    return turns;
}

/// The round in which the last of `turns` turns is taken.
std::uint32_t last_round(Weights weights, std::uint64_t heaviest, std::uint64_t turns) {
    // Each member is less than one turn behind its exact share, which bounds the round from both sides.
    const auto sum = std::accumulate(weights.begin(), weights.end(), std::uint64_t{0});
    std::uint64_t low = turns * heaviest / sum;
    std::uint64_t high = (turns + weights.size()) * heaviest / sum + 1;
    while (low < high) {
        const auto middle = (low + high) / 2;
        if (turns_by(middle, weights, heaviest) < turns)
            low = middle + 1;
        else
            high = middle;
    }
    return static_cast<std::uint32_t>(low);
}

/// Calls `visit(round)` for each turn of a member up to the last round. Turn k falls in round
/// ceil(k * heaviest / weight), stepped here without division.
template <typename Visit>
void for_each_turn(std::uint32_t weight, std::uint32_t heaviest, std::uint32_t last, Visit visit) {
    if (weight == 0)
        return;
    const std::uint32_t step = heaviest / weight;
    const std::uint32_t step_rest = heaviest % weight;
    std::uint32_t floor = step;
    std::uint32_t rest = step_rest;
    for (std::uint32_t round = floor + (rest > 0); round <= last; round = floor + (rest > 0)) {
        visit(round);
        floor += step;
        rest += step_rest;
        if (rest >= weight) {
            rest -= weight;
            ++floor;
        }
    }
}

std::vector<std::uint16_t> equal_turns(std::size_t members, std::uint32_t turns) {
    std::vector<std::uint16_t> order(turns);
    const auto first_round = std::min<std::size_t>(members, turns);
    std::iota(order.begin(), order.begin() + first_round, std::uint16_t{0});
    for (std::size_t done = first_round; done < turns; done += first_round)
        std::copy_n(order.begin(), std::min<std::size_t>(first_round, turns - done), order.begin() + done);
    return order;
}

/// Counting sort of all turns by round: going through the members in order keeps each round in order, and
/// rounds in which nobody takes a turn cost one counter.
std::vector<std::uint16_t> weighted_turns(Weights weights, std::uint16_t heaviest, std::uint32_t turns) {
    const auto last = last_round(weights, heaviest, turns);
    std::vector<std::uint32_t> position(last + 1);
    for (const auto weight : weights)
        for_each_turn(weight, heaviest, last, [&](std::uint32_t round) { ++position[round]; });
    const auto total = std::accumulate(position.begin(), position.end(), std::uint32_t{0});
    std::exclusive_scan(position.begin(), position.end(), position.begin(), std::uint32_t{0});

    std::vector<std::uint16_t> order(total);
    for (std::size_t member = 0; member < weights.size(); ++member)
        for_each_turn(weights[member], heaviest, last, [&](std::uint32_t round) {
            order[position[round]++] = static_cast<std::uint16_t>(member);
        });
    order.resize(turns);
    return order;
}

}  // namespace

std::vector<std::uint16_t> turn_order(Weights weights, std::uint32_t turns) {
    const auto [lightest, heaviest] = std::minmax_element(weights.begin(), weights.end());
    if (weights.empty() || *heaviest == 0)
        return {};
    if (*lightest == *heaviest)
        return equal_turns(weights.size(), turns);
    return weighted_turns(weights, *heaviest, turns);
}

}  // namespace guideway::maglev
