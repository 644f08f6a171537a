// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "control/slot_life.hpp"
#include "datapath/flow_records.hpp"
#include "datapath/maps.hpp"

namespace guideway::control {

/// Flow records by service number and backend number.
using FlowCounts = std::map<std::pair<std::uint16_t, std::uint16_t>, std::uint64_t>;

/// The slots of all services, by service number, and the passes over the flow records that settle them.
class SlotLives {
  public:
    explicit SlotLives(const datapath::Maps& maps) : maps_(maps) {}

    /// The service's slots under these settings; what is moving in them goes on. Call before packets see the
    /// settings.
    SlotLife& configure(std::uint16_t service, const TrackingSettings& settings, TimePoint now);
    [[nodiscard]] SlotLife& of(std::uint16_t service) { return lives_.at(service); }
    [[nodiscard]] const SlotLife& of(std::uint16_t service) const { return lives_.at(service); }
    [[nodiscard]] const SlotLife* find(std::uint16_t service) const;
    void forget(std::uint16_t service);

    /// The revision to put into an answer. Every later change gets a higher one.
    [[nodiscard]] std::uint32_t next_revision() { return (*revision_)++; }

    /// Whether any slot moves or any service tracks always: if not, there is nothing to be done.
    [[nodiscard]] bool needs_sweeps() const;
    [[nodiscard]] bool is_moving() const;

    /// Takes notice of records that were refused since it was asked last. Before slots move again, and before
    /// learning ends: a flow that could not be recorded would be lost with it. Errors: counters cannot be
    /// read.
    [[nodiscard]] Result<void> note_refusals(TimePoint now);
    /// Whether records of the service were refused of late.
    [[nodiscard]] bool refuses_records(std::uint16_t service, TimePoint now) const;

    /// Begins a pass over all records; ends the learning that is due. Errors: counters cannot be read.
    [[nodiscard]] Result<void> begin_sweep(TimePoint now);
    /// Of the next records of the pass, those that nothing needs any more.
    [[nodiscard]] std::vector<abi::flow_id> superfluous(std::span<const datapath::FlowEntry> entries);
    /// Settles what needs no record.
    void end_sweep();

    /// Flow records that found no room, from the pass before the last one to the last.
    [[nodiscard]] std::uint64_t refused_lately() const { return refused_lately_; }

    /// How many records the last pass found, whether it left them or not.
    [[nodiscard]] std::uint64_t found() const { return found_; }

    /// Whether there was a whole pass.
    [[nodiscard]] bool has_counted() const { return has_counted_; }
    /// As the last whole pass left them.
    [[nodiscard]] const FlowCounts& flow_counts() const { return *counts_; }
    /// The same, for another thread: the next pass makes new ones.
    [[nodiscard]] const std::shared_ptr<const FlowCounts>& shared_flow_counts() const { return counts_; }

  private:
    [[nodiscard]] HopDirectory hop_directory(std::uint16_t service) const;
    void name_former_owners(std::uint16_t service, SlotLife& life, const TrackingSettings& settings,
                            TimePoint now) const;

    const datapath::Maps& maps_;
    Revision revision_ = std::make_shared<std::uint32_t>(1);
    std::map<std::uint16_t, SlotLife> lives_;
    std::map<std::uint16_t, std::uint64_t> refusals_;  ///< as counted at the last pass
    std::map<std::uint16_t, TimePoint> refused_at_;    ///< when that was noticed last
    std::shared_ptr<const FlowCounts> counts_ = std::make_shared<FlowCounts>();
    bool has_counted_ = false;
    FlowCounts counting_;                                   ///< in the present pass
    std::map<std::uint16_t, std::uint64_t> told_refusals_;  ///< that are old news
    std::uint64_t refused_lately_ = 0;
    std::uint64_t found_ = 0;
};

}  // namespace guideway::control
