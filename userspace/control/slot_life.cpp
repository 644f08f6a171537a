// SPDX-License-Identifier: Apache-2.0
#include "control/slot_life.hpp"

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

namespace guideway::control {

namespace {
/// By then every packet that saw the slot learning has stored its record.
constexpr std::chrono::seconds kGracePeriod{1};

void store(std::uint16_t& word, std::uint16_t value) {
    const std::atomic_ref stored(word);
    if (stored.load(std::memory_order_relaxed) != value)
        stored.store(value, std::memory_order_release);
}
}  // namespace

SlotLife::SlotLife(std::span<std::uint16_t> slots, std::span<std::uint16_t> previous, IsAlive alive,
                   const TrackingSettings& settings, TimePoint now)
    : slots_(slots), previous_(previous), alive_(std::move(alive)), settings_(settings) {
    for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
        if ((slots_[slot] & abi::SLOT_MOVING) != 0)
            moving_[slot] = {
                .since = now, .learns_until = now + settings.idle_timeout, .tracking_since = now};
    }
}

void SlotLife::configure(const TrackingSettings& settings, TimePoint now) {
    const TrackingSettings before = std::exchange(settings_, settings);
    if (!settings.tracks) {
        while (!moving_.empty())
            settle(moving_.begin()->first);
        return;
    }
    if (!before.always || settings.always)
        return;
    // Records of settled slots, which are read no more, go on as those of tracking ones.
    for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
        const auto [moving, fresh] =
            moving_.try_emplace(slot, Moving{.since = now, .learns_until = now, .tracking_since = now});
        if (fresh)
            start_tracking(slot, moving->second, now);
    }
}

void SlotLife::move(std::uint32_t slot, std::uint16_t owner, TimePoint now) {
    const std::uint16_t former = this->owner(slot);
    if (owner == former)
        return;
    unsigned moving = slots_[slot] & abi::SLOT_MOVING;
    if (!is_learning(slot) && settings_.tracks && former != 0 && alive_(former)) {
        start_learning(slot, former, now);
        moving = abi::SLOT_MOVING;
    }
    store(slots_[slot], static_cast<std::uint16_t>(owner | moving));
}

void SlotLife::learn(std::uint32_t slot, std::uint16_t former, TimePoint now) {
    if (!settings_.tracks || moving_.contains(slot) || owner(slot) == former)
        return;
    start_learning(slot, former, now);
    store(slots_[slot], slots_[slot] | abi::SLOT_MOVING);
}

void SlotLife::records_refused(TimePoint now) {
    learning_extended_until_ = now + settings_.idle_timeout;
}

void SlotLife::make_room(TimePoint now) {
    room_is_short_ = true;
    for (auto& [slot, moving] : moving_) {
        if (is_learning(slot) && !alive_(previous_[slot]))
            start_tracking(slot, moving, now);
    }
}

void SlotLife::advance(TimePoint now) {
    std::vector<std::uint32_t> settled;
    for (auto& [slot, moving] : moving_) {
        moving.expired = moving.expired || now >= moving.since + settings_.max_drain;
        const bool learnt = now >= std::max(moving.learns_until, learning_extended_until_);
        if (is_learning(slot) && (learnt || moving.expired))
            start_tracking(slot, moving, now);
        // Where all flows have records, those of settled slots are read, too.
        if (!is_learning(slot) && settings_.always)
            settled.push_back(slot);
    }
    for (const auto slot : settled)
        settle(slot);
}

bool SlotLife::is_learning_of(std::uint16_t number) const {
    return std::ranges::any_of(moving_, [&](const auto& entry) { return previous_[entry.first] == number; });
}

SlotLife::Counts SlotLife::counts() const {
    Counts counts;
    for (const auto& [slot, moving] : moving_)
        ++(is_learning(slot) ? counts.learning : counts.tracking);
    return counts;
}

void SlotLife::begin_sweep(TimePoint now) {
    sweep_began_ = now;
    for (auto& [slot, moving] : moving_)
        moving.needed = false;
}

bool SlotLife::keeps(const abi::flow_record& record) {
    const TimePoint last_seen{std::chrono::nanoseconds(record.last_seen)};
    if (record.slot >= slots_.size() || (room_is_short_ && !alive_(record.backend)) ||
        last_seen + settings_.idle_timeout < sweep_began_)
        return false;
    const auto found = moving_.find(record.slot);
    if (found == moving_.end())
        return settings_.always;
    Moving& moving = found->second;
    if (moving.expired)
        return false;
    if (!is_learning(record.slot) && record.backend == owner(record.slot))
        return false;
    moving.needed = true;
    return true;
}

void SlotLife::end_sweep() {
    std::vector<std::uint32_t> settled;
    for (const auto& [slot, moving] : moving_) {
        const bool seen_all = moving.tracking_since + kGracePeriod <= sweep_began_;
        if (!is_learning(slot) && seen_all && !moving.needed)
            settled.push_back(slot);
    }
    for (const auto slot : settled)
        settle(slot);
    room_is_short_ = false;
}

std::uint16_t SlotLife::owner(std::uint32_t slot) const {
    return slots_[slot] & abi::SLOT_BACKEND;
}

bool SlotLife::is_learning(std::uint32_t slot) const {
    return (slots_[slot] & abi::SLOT_MOVING) != 0 && previous_[slot] != 0;
}

void SlotLife::start_learning(std::uint32_t slot, std::uint16_t former, TimePoint now) {
    moving_[slot] = {.since = now, .learns_until = now + settings_.idle_timeout, .tracking_since = {}};
    store(previous_[slot], former);
}

void SlotLife::start_tracking(std::uint32_t slot, Moving& moving, TimePoint now) {
    store(previous_[slot], 0);
    store(slots_[slot], slots_[slot] | abi::SLOT_MOVING);
    moving.tracking_since = now;
}

void SlotLife::settle(std::uint32_t slot) {
    store(slots_[slot], owner(slot));
    store(previous_[slot], 0);
    moving_.erase(slot);
}

}  // namespace guideway::control
