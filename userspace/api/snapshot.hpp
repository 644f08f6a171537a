// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "datapath/counters.hpp"
#include "datapath/listener_index.hpp"
#include "datapath/maps.hpp"
#include "datapath/pins.hpp"
#include "util/mac_address.hpp"

namespace guideway::api {

struct NextHopSnapshot {
    std::string interface;
    MacAddress mac;
    IpAddress source;
};

struct BackendSnapshot {
    IpAddress address;
    std::uint16_t number = 0;
    std::uint16_t weight = 0;
    std::uint16_t availability = 0;  ///< 0..256
    std::uint32_t slots = 0;
    std::optional<NextHopSnapshot> next_hop;
    abi::traffic traffic{};
};

struct ServiceSnapshot {
    std::string name;
    std::uint16_t number = 0;
    std::vector<std::string> listeners;
    std::string base_digest;
    std::string digest;  ///< of the serving table
    std::vector<BackendSnapshot> backends;
    abi::traffic traffic{};
};

/// Everything that the outside reads about a balancer, at one moment.
struct Snapshot {
    std::uint32_t abi_version = abi::GUIDEWAY_ABI_VERSION;
    std::uint32_t table_size = 0;
    std::vector<std::string> attached;  ///< interfaces
    std::vector<ServiceSnapshot> services;
    datapath::VerdictCounts verdicts{};
};

/// Reads it from the maps, with or without an agent.
[[nodiscard]] Result<Snapshot> read_snapshot(const datapath::Maps& maps, const datapath::Pins& pins);

}  // namespace guideway::api
