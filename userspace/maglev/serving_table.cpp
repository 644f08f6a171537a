// SPDX-License-Identifier: Apache-2.0
#include "maglev/serving_table.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "maglev/mix64.hpp"

namespace guideway::maglev {

namespace {

constexpr std::uint64_t kProbeStep = 0x9E3779B97F4A7C15;
constexpr unsigned kMaxProbes = 1024;
constexpr unsigned kMaxFull = 400;  ///< full candidates after which the cap is ignored
constexpr unsigned kCapPercent = 102;

// What update() spends, in nanoseconds, as measured on a server of 2024.
constexpr double kMemberCost = 1;
constexpr double kVacantCost = 15;
constexpr double kProbeCost = 1.3;
constexpr double kStrengthCost = 1.3;
constexpr double kProbesPerKept = 2;  ///< kept slots that are probed until one has room

std::uint32_t candidate_slot(std::uint32_t slot, unsigned probe, std::uint32_t size) {
    const auto random = mix64(slot + probe * kProbeStep);
    return static_cast<std::uint32_t>(((random >> 32) * size) >> 32);
}

}  // namespace

ServingTable::ServingTable(std::shared_ptr<const BaseTable> base)
    : base_(std::move(base)), kept_(base_->size()), owners_(base_->owners().begin(), base_->owners().end()) {
    const auto members = base_->members();
    availabilities_.assign(members.size(), kFull);
    for (std::size_t member = 0; member < members.size(); ++member) {
        effective_weights_.push_back(std::uint32_t{members[member].weight} * kFull);
        effective_weight_ += effective_weights_.back();
        kept_counts_.push_back(kept_slots(member, kFull));
        for (const auto slot : base_->slots_of(member))
            kept_.set(slot);
    }
}

std::vector<SlotChange> ServingTable::update(std::span<const Availability> availabilities) {
    std::vector<SlotChange> changes;
    if (std::ranges::equal(availabilities, availabilities_))
        return changes;
    for (std::size_t member = 0; member < availabilities_.size(); ++member)
        if (availabilities[member] != availabilities_[member])
            set_availability(member, availabilities[member], changes);

    loads_ = kept_counts_;
    available_.clear();
    kept_.for_each_clear([&](std::uint32_t slot) {
        const auto adopter = effective_weight_ == 0 ? kNobody : adopter_of(slot);
        if (adopter != kNobody)
            ++loads_[adopter];
        assign(slot, adopter, changes);
    });
    return changes;
}

std::chrono::nanoseconds ServingTable::update_cost(std::span<const Availability> availabilities) const {
    double kept = 0;
    double available = 0;
    for (std::size_t member = 0; member < availabilities.size(); ++member) {
        kept += kept_slots(member, availabilities[member]);
        available += availabilities[member] > 0;
    }
    const double size = base_->size();
    const auto scan = size / 64 + static_cast<double>(availabilities.size()) * kMemberCost;
    const auto probes = kept > 0 ? std::min<double>(kMaxProbes, kProbesPerKept * size / kept) : 0;
    const auto fruitless = std::exp(-kept / size * kMaxProbes);
    const auto per_vacant = kVacantCost + probes * kProbeCost + fruitless * available * kStrengthCost;
    return std::chrono::nanoseconds(static_cast<std::int64_t>(scan + (size - kept) * per_vacant));
}

std::uint32_t ServingTable::kept_slots(std::size_t member, Availability availability) const {
    return (availability * static_cast<std::uint32_t>(base_->slots_of(member).size()) + kFull - 1) / kFull;
}

void ServingTable::set_availability(std::size_t member, Availability availability,
                                    std::vector<SlotChange>& changes) {
    const auto before = std::exchange(kept_counts_[member], kept_slots(member, availability));
    const auto after = kept_counts_[member];
    const auto slots = base_->slots_of(member);
    for (auto rank = before; rank < after; ++rank) {
        kept_.set(slots[rank]);
        assign(slots[rank], static_cast<std::uint16_t>(member), changes);
    }
    for (auto rank = after; rank < before; ++rank)
        kept_.clear(slots[rank]);

    const auto weight = std::uint32_t{base_->members()[member].weight} * availability;
    effective_weight_ += weight;
    effective_weight_ -= std::exchange(effective_weights_[member], weight);
    availabilities_[member] = availability;
}

void ServingTable::assign(std::uint32_t slot, std::uint16_t owner, std::vector<SlotChange>& changes) {
    if (std::exchange(owners_[slot], owner) != owner)
        changes.push_back({slot, owner});
}

/// Who takes a vacant slot, given the loads so far.
std::uint16_t ServingTable::adopter_of(std::uint32_t slot) {
    unsigned full = 0;
    for (unsigned probe = 1; probe <= kMaxProbes; ++probe) {
        const auto candidate = candidate_slot(slot, probe, base_->size());
        if (!kept_.test(candidate))
            continue;
        const auto keeper = base_->owners()[candidate];
        if (full >= kMaxFull || has_room(keeper))
            return keeper;
        ++full;
    }
    return strongest_for(slot);
}

/// The choice when next to nothing is kept: the available member that hashes highest together with the slot.
std::uint16_t ServingTable::strongest_for(std::uint32_t slot) {
    if (available_.empty())
        for (std::size_t member = 0; member < effective_weights_.size(); ++member)
            if (effective_weights_[member] > 0)
                available_.push_back(static_cast<std::uint16_t>(member));
    return *std::ranges::max_element(
        available_, {}, [&](std::uint16_t member) { return mix64(slot ^ base_->identity_hash(member)); });
}

bool ServingTable::has_room(std::uint16_t member) const {
    // load < ceil(102 * M * e / (100 * W)) without the division, which in integers is the same; 100 * W *
    // load can exceed 64 bits.
    using Wide = unsigned __int128;
    return Wide{100 * effective_weight_} * loads_[member] <
           Wide{std::uint64_t{kCapPercent} * base_->size()} * effective_weights_[member];
}

}  // namespace guideway::maglev
