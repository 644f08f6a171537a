// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/model.hpp"
#include "datapath/maps.hpp"
#include "maglev/flow_hash.hpp"

namespace guideway::control {

/// What becomes of a packet.
struct Fate {
    std::uint16_t backend = 0;                 ///< number; 0: nobody
    abi::verdict verdict = abi::VERDICT_NONE;  ///< VERDICT_NONE: it is sent there
};

/// What the program does with a flow's packets, and why. Backends are numbers of the service's.
struct Trace {
    std::uint16_t service = 0;  ///< number; 0: nobody listens
    std::string service_name;
    bool permitted = true;  ///< by the service's filter
    std::uint64_t hash = 0;
    std::uint32_t slot = 0;
    bool moving = false;
    std::uint16_t owner = 0;
    bool names_hops = false;       ///< packets of flows that go on name former owners of the moving slot
    std::uint16_t former = 0;      ///< of a moving slot whose flows are being learnt; else 0
    std::uint16_t base_owner = 0;  ///< if all were up
    std::optional<abi::flow_record> record;
    Fate first;  ///< of the packet that begins a flow
    Fate later;  ///< of any other one
};

/// Reads the maps as the program does (bpf/guideway.bpf.c), counting and recording nothing. `key`: the
/// program's hash key.
[[nodiscard]] Trace trace(const datapath::Maps& maps, const config::HashKey& key, const maglev::Flow& flow);

}  // namespace guideway::control
