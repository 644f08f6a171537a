// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "api/snapshot.hpp"
#include "datapath/listener_index.hpp"
#include "datapath/maps.hpp"
#include "datapath/pins.hpp"

namespace guideway::api {

/// What is counted over all slots of a service's table.
struct TableFacts {
    std::string base_digest;
    std::string digest;
    std::map<std::uint16_t, std::uint32_t> slots;  ///< by backend number
};

/// Reads snapshots from the maps, with or without an agent. Both outlive it.
class SnapshotReader {
  public:
    SnapshotReader(const datapath::Maps& maps, const datapath::Pins& pins);

    [[nodiscard]] Result<Snapshot> read();

    /// Digests and slots of tables are kept until this is called: whoever stores slots says so.
    void tables_changed() { facts_.clear(); }

  private:
    [[nodiscard]] Result<ServiceSnapshot> read_service(std::uint16_t number);

    const datapath::Maps& maps_;
    const datapath::Pins& pins_;
    std::map<std::uint16_t, TableFacts> facts_;
};

}  // namespace guideway::api
