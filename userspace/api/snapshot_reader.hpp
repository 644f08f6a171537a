// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "api/snapshot.hpp"
#include "control/slot_lives.hpp"
#include "control/table_facts.hpp"
#include "datapath/listener_index.hpp"
#include "datapath/maps.hpp"
#include "datapath/pins.hpp"

namespace guideway::api {

/// How much a snapshot holds: services alone cost a hundredth of what their backends do.
enum class Detail : bool { kServices, kBackends };

/// Reads snapshots from the maps, with or without an agent. Both outlive it. An agent may read on another
/// thread than the one that changes tables.
class SnapshotReader {
  public:
    SnapshotReader(const datapath::Maps& maps, const datapath::Pins& pins) : maps_(maps), pins_(pins) {}

    /// `flows`: the agent's, which knows how many flow records there are; without it they are counted.
    [[nodiscard]] Result<Snapshot> read(Detail detail, const control::FlowCounts* flows = nullptr);

    /// One service with its backends; nothing if there is none of that name. Costs what that service's do.
    [[nodiscard]] Result<std::optional<ServiceSnapshot>> read_service(const std::string& name,
                                                                      const control::FlowCounts& flows);
    /// Its slots as they are now, `at_most` so many.
    [[nodiscard]] std::optional<TableSnapshot> read_table(const std::string& name,
                                                          std::uint32_t at_most) const;

    /// Whoever has stored slots says so, with what he knows of a new table; without that, only the slots of
    /// the one that was known have changed. From any thread.
    void table_changed(std::uint16_t service_number, std::optional<control::TableFacts> facts);

  private:
    [[nodiscard]] Result<ServiceSnapshot> read_service(std::uint16_t number, Detail detail,
                                                       const control::FlowCounts& flows);
    /// 0: there is none of that name.
    [[nodiscard]] std::uint16_t number_of(const std::string& name) const;
    [[nodiscard]] bool is_published(std::uint16_t number) const;
    [[nodiscard]] Result<control::FlowCounts> count_flows() const;
    void take_changes();

    /// Without a digest, the slots have changed.
    using Facts = std::map<std::uint16_t, control::TableFacts>;

    const datapath::Maps& maps_;
    const datapath::Pins& pins_;
    Facts facts_;
    std::mutex mutex_;
    std::map<std::uint16_t, std::optional<control::TableFacts>> changes_;  ///< since the last read
};

}  // namespace guideway::api
