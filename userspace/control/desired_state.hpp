// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/model.hpp"
#include "control/client_filter.hpp"
#include "control/conditions.hpp"
#include "control/slot_life.hpp"
#include "maglev/serving_table.hpp"

namespace guideway::control {

/// What the kernel shall hold for one backend of a service.
struct DesiredBackend {
    maglev::Member member;
    Condition condition;
    std::optional<MacAddress> mac;     ///< the next hop's, instead of the one the kernel resolves
    std::optional<std::uint16_t> mtu;  ///< bytes of an outer IP packet, instead of what the way says

    bool operator==(const DesiredBackend&) const = default;
};

struct DesiredService {
    std::string name;
    bool affinity_client = false;
    std::uint32_t table_size = 0;  ///< M
    config::Encapsulation encapsulation = config::Encapsulation::kIpip;
    ClientFilter clients;
    std::array<abi::tracking, abi::FLOW_KINDS> tracking{};  ///< by enum flow_kind
    TrackingSettings tracking_settings;
    std::vector<config::Listener> listeners;
    std::vector<DesiredBackend> backends;

    bool operator==(const DesiredService&) const = default;
};

/// What the kernel shall hold. Pure data, made from the configuration and the backends' conditions; the
/// reconciler makes it so.
struct DesiredState {
    std::vector<DesiredService> services;
    /// UDP to a port of a VIP on which nobody listens is answered.
    bool answer_closed = false;
};

using ConditionOf = std::function<Condition(const config::Service&, const config::Backend&)>;

[[nodiscard]] DesiredState desired_state(const config::Config& config, const ConditionOf& condition_of);

/// In the conditions that these backends have then.
[[nodiscard]] DesiredState desired_state(const config::Config& config, const Conditions& conditions,
                                         TimePoint now);

/// As the configuration alone has it: the backends' conditions are their `state`.
[[nodiscard]] DesiredState desired_state(const config::Config& config);

/// The backend of that address, or the end.
template <typename Backends>
[[nodiscard]] auto find_backend(Backends& backends, const IpAddress& address) {
    return std::ranges::find_if(backends,
                                [&](const DesiredBackend& each) { return each.member.address == address; });
}

}  // namespace guideway::control
