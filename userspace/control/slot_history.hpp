// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "control/moving_slots.hpp"
#include "datapath/chances.hpp"

namespace guideway::control {

/// A backend that owned a slot before its present owner.
struct FormerOwner {
    datapath::HopNumber hop = 0;
    TimePoint ended;                      ///< when it ceased to own it, on this balancer or another
    std::chrono::milliseconds tenure{0};  ///< how long it owned it, all times together

    auto operator<=>(const FormerOwner&) const = default;
};

/// What a history says of one slot.
struct SlotPast {
    datapath::HopNumber owner = 0;  ///< 0 = nobody
    TimePoint since;                ///< of its tenure, all times together
    std::vector<FormerOwner> former;

    auto operator<=>(const SlotPast&) const = default;
};

/// Counts what histories tell each other: a change has the number of the telling that it comes before.
using Revision = std::shared_ptr<std::uint32_t>;

/// Who owned the slots of one service, and which of them packets name: those that are alive, of the owner's
/// address family, and owned the slot longest, as most flows that are left are theirs. An owner that returns
/// is no former one any more, and its tenure goes on; a dead one is passed over while it is dead, and not
/// forgotten. Why each rule is as it is: docs/second-chance.md.
class SlotHistory {
  public:
    struct Settings {
        unsigned max_hops = 0;
        SteadyClock::duration max_drain{};

        bool operator==(const Settings&) const = default;
    };
    /// Whether a hop is an IPv4 address.
    using IsIpv4 = std::function<bool(datapath::HopNumber)>;

    /// More former owners of a slot than this are not remembered; the latest are.
    static constexpr std::size_t kRemembered = 16;

    SlotHistory(std::span<abi::chance_list> lists, const Settings& settings, IsIpv4 is_ipv4,
                Revision revision, TimePoint now);

    void configure(const Settings& settings);

    /// Gives the slot to another owner. Call before packets see it.
    void move(std::uint32_t slot, datapath::HopNumber to, TimePoint now);
    /// Adds what another balancer knows, or an earlier agent: the latest end and the longest tenure count.
    void merge(std::uint32_t slot, const SlotPast& past, TimePoint now);

    /// Forgets those whose max_drain is over, and passes over these while they are dead. The slots whose
    /// lists that changes.
    [[nodiscard]] std::vector<std::uint32_t> refresh(std::set<datapath::HopNumber> dead, TimePoint now);

    /// Whether packets in the slot name somebody.
    [[nodiscard]] bool names(std::uint32_t slot) const { return lists_[slot].hops[0] != 0; }
    /// Whom they name first; 0 = nobody.
    [[nodiscard]] datapath::HopNumber named_first(std::uint32_t slot) const { return lists_[slot].hops[0]; }
    [[nodiscard]] bool is_empty() const { return remembered_ == 0; }

    [[nodiscard]] SlotPast past(std::uint32_t slot) const;
    /// Slots that moved, or got another former owner, after that revision; all of them if it is 0.
    [[nodiscard]] std::vector<std::uint32_t> changed_since(std::uint32_t revision) const;
    [[nodiscard]] datapath::HopNumber owner(std::uint32_t slot) const { return owners_[slot]; }
    [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(owners_.size()); }

    /// How many slots name how many hops, and how many former owners found no room in their lists.
    struct Counts {
        std::array<std::uint32_t, abi::CHANCE_HOPS_MAX + 1> slots{};
        std::uint32_t left_out = 0;
    };
    [[nodiscard]] const Counts& counts() const { return counts_; }

  private:
    [[nodiscard]] std::vector<FormerOwner> eligible(std::uint32_t slot) const;
    [[nodiscard]] std::size_t room_for(datapath::HopNumber owner) const;
    /// What a slot's past tells that was not known: nothing, a longer tenure, another former owner.
    enum class News : std::uint8_t { kNone, kTenure, kOwner };
    News remember(std::uint32_t slot, const FormerOwner& former);
    void store(std::uint32_t slot);

    std::span<abi::chance_list> lists_;
    Settings settings_;
    IsIpv4 is_ipv4_;
    std::vector<std::vector<FormerOwner>> former_;  ///< by slot
    std::vector<datapath::HopNumber> owners_;       ///< by slot
    std::vector<TimePoint> since_;                  ///< by slot
    std::vector<std::uint32_t> changed_;            ///< by slot: the revision that changed it
    std::set<datapath::HopNumber> dead_;
    std::vector<std::uint8_t> left_out_;  ///< by slot
    Counts counts_;
    std::uint32_t remembered_ = 0;  ///< of all slots
    Revision revision_;
};

}  // namespace guideway::control
