// SPDX-License-Identifier: Apache-2.0
#include "control/slot_life.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

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
    : slots_(slots),
      previous_(previous),
      alive_(std::move(alive)),
      settings_(settings),
      moving_(static_cast<std::uint32_t>(slots.size())) {
    for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
        if ((slots_[slot] & abi::SLOT_MOVING) != 0)
            moving_.put(slot, moving_.open({.learning = is_learning(slot),
                                            .since = now,
                                            .until = now + settings.idle_timeout,
                                            .tracking_since = now}));
    }
}

void SlotLife::configure(const TrackingSettings& settings, TimePoint now) {
    const TrackingSettings before = std::exchange(settings_, settings);
    if (history_ && settings.second_chance)
        history_->configure({settings.max_hops, settings.max_drain});
    else if (history_)
        forget_former_owners(now);
    if (!settings.tracks) {
        moving_.for_each_slot([&](std::uint32_t slot, auto) { settle(slot); });
        return;
    }
    if (!before.always || settings.always)
        return;
    // Records of settled slots, which are read no more, go on as those of tracking ones.
    for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
        if (moving_.contains(slot))
            continue;
        store_tracking(slot);
        moving_.put(slot, moving_.open({.learning = false, .since = now, .tracking_since = now}));
    }
}

void SlotLife::name_former_owners(SlotHistory history, HopDirectory hops, TimePoint now) {
    history_.emplace(std::move(history));
    hops_ = std::move(hops);
    has_old_records_ = is_moving() || settings_.always;
    static_cast<void>(history_->refresh(hops_.dead(), now));
    for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
        history_->move(slot, hops_.hop_of(owner(slot)), now);
        if (is_learning(slot))
            merge(slot, {0, now, {{hops_.hop_of(previous_[slot]), now, {}}}}, now);
    }
}

/// Those of which most is known: as if their slots had just left them.
void SlotLife::forget_former_owners(TimePoint now) {
    const auto numbers = hops_.numbers();
    for (std::uint32_t slot = 0; slot < slots_.size() && settings_.tracks; ++slot) {
        const auto former = numbers.find(history_->named_first(slot));
        if (former != numbers.end() && !is_learning(slot))
            start_learning(slot, former->second, now);
    }
    history_.reset();
    for (std::uint32_t slot = 0; slot < slots_.size(); ++slot)
        store_word(slot, owner(slot));
}

void SlotLife::merge(std::uint32_t slot, const SlotPast& past, TimePoint now) {
    history_->merge(slot, past, now);
    store_word(slot, owner(slot));
}

void SlotLife::refresh_hops(TimePoint now) {
    if (!history_)
        return;
    for (const std::uint32_t slot : history_->refresh(hops_.dead(), now))
        store_word(slot, owner(slot));
}

void SlotLife::move(std::uint32_t slot, std::uint16_t owner, TimePoint now) {
    const std::uint16_t former = this->owner(slot);
    if (owner == former)
        return;
    moved_ += former != 0 ? 1 : 0;
    if (!is_learning(slot) && settings_.tracks && former != 0 && alive_(former))
        start_learning(slot, former, now);
    if (history_)
        history_->move(slot, hops_.hop_of(owner), now);
    store_word(slot, owner);
}

void SlotLife::learn(std::uint32_t slot, std::uint16_t former, TimePoint now) {
    if (history_)
        merge(slot, {0, now, {{hops_.hop_of(former), now, {}}}}, now);
    if (!settings_.tracks || moving_.contains(slot) || owner(slot) == former)
        return;
    start_learning(slot, former, now);
    store_word(slot, owner(slot));
}

void SlotLife::records_refused(TimePoint now) {
    learning_extended_until_ = now + settings_.idle_timeout;
}

void SlotLife::make_room(TimePoint now) {
    room_is_short_ = true;
    moving_.for_each_slot([&](std::uint32_t slot, auto) {
        if (!is_learning(slot) || alive_(previous_[slot]))
            return;
        store_tracking(slot);
        moving_.put(slot, moving_.open({.learning = false, .since = now, .tracking_since = now}));
    });
}

void SlotLife::advance(TimePoint now) {
    refresh_hops(now);
    bool some_learnt = false;
    moving_.for_each_batch([&](SlotBatch& batch) {
        batch.expired = batch.expired || now >= batch.since + settings_.max_drain;
        const bool learnt = now >= std::max(batch.until, learning_extended_until_);
        if (!batch.learning || !(learnt || batch.expired))
            return;
        batch.learning = false;
        batch.tracking_since = now;
        some_learnt = true;
    });
    if (some_learnt)
        moving_.for_each_slot([&](std::uint32_t slot, auto id) {
            if (is_learning(slot) && !moving_.batch(id).learning)
                store_tracking(slot);
        });
    // Where all flows have records, those of settled slots are read, too.
    if (settings_.always)
        settle_if([](std::uint32_t, const SlotBatch&) { return true; });
}

bool SlotLife::is_learning_of(std::uint16_t number) const {
    bool found = false;
    moving_.for_each_slot([&](std::uint32_t slot, auto) { found = found || previous_[slot] == number; });
    return found;
}

SlotLife::Counts SlotLife::counts() const {
    Counts counts;
    moving_.for_each_batch(
        [&](const SlotBatch& batch) { (batch.learning ? counts.learning : counts.tracking) += batch.size; });
    return counts;
}

void SlotLife::begin_sweep(TimePoint now) {
    sweep_began_ = now;
    moving_.clear_marks();
}

bool SlotLife::keeps(const abi::flow_record& record) {
    const TimePoint last_seen{std::chrono::nanoseconds(record.last_seen)};
    if (record.slot >= slots_.size() || (room_is_short_ && !alive_(record.backend)) ||
        last_seen + settings_.idle_timeout < sweep_began_)
        return false;
    if (has_old_records_ && history_)
        merge(record.slot, {0, sweep_began_, {{hops_.hop_of(record.backend), last_seen, {}}}}, sweep_began_);
    const auto id = moving_.batch_of(record.slot);
    if (id == MovingSlots::kNone)
        return settings_.always;
    if (moving_.batch(id).expired)
        return false;
    if (!is_learning(record.slot) && record.backend == owner(record.slot))
        return false;
    moving_.mark(record.slot);
    return true;
}

void SlotLife::end_sweep() {
    settle_if([this](std::uint32_t slot, const SlotBatch& batch) {
        return batch.tracking_since + kGracePeriod <= sweep_began_ && !moving_.is_marked(slot);
    });
    room_is_short_ = false;
    has_old_records_ = false;
}

std::uint16_t SlotLife::owner(std::uint32_t slot) const {
    return slots_[slot] & abi::SLOT_BACKEND;
}

bool SlotLife::is_learning(std::uint32_t slot) const {
    return (slots_[slot] & abi::SLOT_MOVING) != 0 && previous_[slot] != 0;
}

void SlotLife::start_learning(std::uint32_t slot, std::uint16_t former, TimePoint now) {
    moving_.put(slot, moving_.open({.learning = true, .since = now, .until = now + settings_.idle_timeout}));
    store(previous_[slot], former);
}

void SlotLife::store_tracking(std::uint32_t slot) {
    store(previous_[slot], 0);
    store(slots_[slot], slots_[slot] | abi::SLOT_MOVING);
}

/// Settles the tracking slots for which `condition(slot, batch)` holds.
template <typename Condition>
void SlotLife::settle_if(Condition condition) {
    if (counts().tracking == 0)
        return;
    moving_.for_each_slot([&](std::uint32_t slot, auto id) {
        if (const SlotBatch& batch = moving_.batch(id); !batch.learning && condition(slot, batch))
            settle(slot);
    });
}

void SlotLife::settle(std::uint32_t slot) {
    moving_.remove(slot);
    store_word(slot, owner(slot));
    store(previous_[slot], 0);
}

/// It moves while flows have records, or packets name former owners.
void SlotLife::store_word(std::uint32_t slot, std::uint16_t owner) {
    const bool moves = moving_.contains(slot) || (history_ && history_->names(slot));
    store(slots_[slot], static_cast<std::uint16_t>(owner | (moves ? +abi::SLOT_MOVING : 0)));
}

}  // namespace guideway::control
