// SPDX-License-Identifier: Apache-2.0
#include "maglev/turn_order.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace guideway::maglev {

namespace {

using Weights = std::span<const std::uint16_t>;

constexpr std::uint64_t kTurnsPerStretch = 4;  ///< of each member, on average

/// A member with weight. Its turn k falls in round ceil(k * heaviest / weight), stepped here without
/// dividing.
class WeightedMember {
  public:
    WeightedMember(std::uint16_t member, std::uint32_t weight, std::uint32_t heaviest)
        : weight_(weight), step_(heaviest / weight), step_rest_(heaviest % weight), member_(member) {
        advance();
    }

    [[nodiscard]] std::uint16_t member() const { return member_; }
    /// The round of the next turn, from 1.
    [[nodiscard]] std::uint32_t round() const { return round_ + (rest_ > 0); }
    void advance() {
        round_ += step_;
        rest_ += step_rest_;
        const bool carry = rest_ >= weight_;
        round_ += carry;
        rest_ -= carry ? weight_ : 0;
    }

  private:
    std::uint32_t round_ = 0;  ///< whole rounds
    std::uint32_t rest_ = 0;   ///< and so many weight_-ths of one
    std::uint32_t weight_;
    std::uint32_t step_;
    std::uint32_t step_rest_;
    std::uint16_t member_;
};

/// All turns of the rounds from `first` up to `end`, in order. A counting sort: going through the members in
/// order keeps each round in order, and a round in which nobody takes a turn costs one counter.
void append_rounds(std::uint32_t first, std::uint32_t end, std::vector<WeightedMember>& weighted,
                   TurnOrder& order) {
    std::vector<std::uint32_t> position(end - first);
    for (auto each : weighted)
        for (; each.round() < end; each.advance())
            ++position[each.round() - first];

    const auto start = static_cast<std::uint32_t>(order.members.size());
    order.members.resize(std::accumulate(position.begin(), position.end(), start));
    std::exclusive_scan(position.begin(), position.end(), position.begin(), start);
    for (auto& each : weighted)
        for (; each.round() < end; each.advance()) {
            order.members[position[each.round() - first]++] = each.member();
            ++order.counts[each.member()];
        }
}

TurnOrder equal_turns(std::size_t members, std::uint32_t turns) {
    TurnOrder order{.members = std::vector<std::uint16_t>(turns),
                    .counts = std::vector<std::uint32_t>(members, turns / members)};
    std::fill_n(order.counts.begin(), turns % members, turns / members + 1);
    const auto first_round = std::min<std::size_t>(members, turns);
    const auto begin = order.members.begin();
    std::iota(begin, begin + first_round, std::uint16_t{0});
    for (std::size_t done = first_round; done < turns; done += first_round)
        std::copy_n(begin, std::min<std::size_t>(first_round, turns - done), begin + done);
    return order;
}

TurnOrder weighted_turns(Weights weights, std::uint32_t heaviest, std::uint32_t turns) {
    std::vector<WeightedMember> weighted;
    std::uint64_t sum = 0;
    for (std::size_t member = 0; member < weights.size(); ++member)
        if (weights[member] > 0) {
            weighted.emplace_back(static_cast<std::uint16_t>(member), weights[member], heaviest);
            sum += weights[member];
        }
    TurnOrder order{.members = {}, .counts = std::vector<std::uint32_t>(weights.size())};
    order.members.reserve(turns + (kTurnsPerStretch + 1) * weighted.size());
    // Stretches long enough that going through all members pays, short enough to be sorted in the cache.
    const auto stretch = static_cast<std::uint32_t>(kTurnsPerStretch * weighted.size() * heaviest / sum);
    for (std::uint32_t round = 1; order.members.size() < turns; round += stretch)
        append_rounds(round, round + stretch, weighted, order);

    for (std::size_t turn = turns; turn < order.members.size(); ++turn)
        --order.counts[order.members[turn]];
    order.members.resize(turns);
    return order;
}

}  // namespace

TurnOrder turn_order(Weights weights, std::uint32_t turns) {
    const auto [lightest, heaviest] = std::minmax_element(weights.begin(), weights.end());
    if (weights.empty() || *heaviest == 0)
        return {.members = {}, .counts = std::vector<std::uint32_t>(weights.size())};
    if (*lightest == *heaviest)
        return equal_turns(weights.size(), turns);
    return weighted_turns(weights, *heaviest, turns);
}

}  // namespace guideway::maglev
