// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "api/snapshot.hpp"
#include "control/slot_lives.hpp"
#include "control/table_facts.hpp"
#include "datapath/listener_index.hpp"
#include "datapath/maps.hpp"
#include "datapath/pins.hpp"

namespace guideway::api {

/// Reads snapshots from the maps, with or without an agent. Both outlive it.
class SnapshotReader {
  public:
    /// `lives`: the agent's, which knows how many flow records there are; without it they are counted.
    SnapshotReader(const datapath::Maps& maps, const datapath::Pins& pins,
                   const control::SlotLives* lives = nullptr);

    [[nodiscard]] Result<Snapshot> read();

    /// Whoever stores slots says so, with what he knows of the new table; otherwise it is computed when it is
    /// asked for.
    void table_changed(std::uint16_t service_number, std::optional<control::TableFacts> facts);

  private:
    [[nodiscard]] Result<ServiceSnapshot> read_service(std::uint16_t number,
                                                       const control::FlowCounts& flows);
    [[nodiscard]] Result<control::FlowCounts> count_flows() const;

    const datapath::Maps& maps_;
    const datapath::Pins& pins_;
    const control::SlotLives* lives_;
    std::map<std::uint16_t, control::TableFacts> facts_;
};

}  // namespace guideway::api
