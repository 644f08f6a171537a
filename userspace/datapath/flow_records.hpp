// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "datapath/maps.hpp"

namespace guideway::datapath {

/// An element of the map 'flows'.
struct FlowEntry {
    abi::flow_id id{};
    abi::flow_record record{};
};

/// One pass over 'flows', a batch at a time, while programs insert, refresh and delete: a record that is
/// there all the while is read once. The maps outlive it.
class FlowScan {
  public:
    explicit FlowScan(const Maps& maps);

    /// The next records; there are more as long as !done(). System calls only: may run on any thread.
    [[nodiscard]] Result<std::span<const FlowEntry>> next();
    [[nodiscard]] bool done() const { return done_; }

  private:
    int map_fd_;
    std::uint32_t position_ = 0;
    bool begun_ = false;
    bool done_ = false;
    std::vector<abi::flow_id> ids_;
    std::vector<abi::flow_record> records_;
    std::vector<FlowEntry> entries_;
};

/// Those that are gone already are passed over.
[[nodiscard]] Result<void> delete_flow_records(const Maps& maps, std::vector<abi::flow_id> ids);

}  // namespace guideway::datapath
