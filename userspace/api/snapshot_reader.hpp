// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "api/snapshot.hpp"
#include "control/table_facts.hpp"
#include "datapath/listener_index.hpp"
#include "datapath/maps.hpp"
#include "datapath/pins.hpp"

namespace guideway::api {

/// Reads snapshots from the maps, with or without an agent. Both outlive it.
class SnapshotReader {
  public:
    SnapshotReader(const datapath::Maps& maps, const datapath::Pins& pins);

    [[nodiscard]] Result<Snapshot> read();

    /// Whoever stores slots says so, with what he knows of the new table; otherwise it is computed when it is
    /// asked for.
    void table_changed(std::uint16_t service_number, std::optional<control::TableFacts> facts);

  private:
    [[nodiscard]] Result<ServiceSnapshot> read_service(std::uint16_t number);

    const datapath::Maps& maps_;
    const datapath::Pins& pins_;
    std::map<std::uint16_t, control::TableFacts> facts_;
};

}  // namespace guideway::api
