// SPDX-License-Identifier: Apache-2.0
#include "control/desired_state.hpp"

#include <algorithm>

namespace guideway::control {

namespace {
abi::tracking to_abi(config::Tracking tracking) {
    switch (tracking) {
        case config::Tracking::kMoves:
            return abi::TRACKING_MOVES;
        case config::Tracking::kAlways:
            return abi::TRACKING_ALWAYS;
        case config::Tracking::kSecondChance:
            return abi::TRACKING_SECOND_CHANCE;
        case config::Tracking::kNever:
            break;
    }
    return abi::TRACKING_NEVER;
}

/// UDP flows have no beginning that could be recognised: they are tracked only if that is asked for. Backends
/// cannot tell whose UDP packets are.
std::array<abi::tracking, abi::FLOW_KINDS> tracking_of(const config::Service& service) {
    std::array<abi::tracking, abi::FLOW_KINDS> tracking{};
    const bool second_chance = service.tracking == config::Tracking::kSecondChance;
    const auto udp = second_chance ? std::nullopt : service.tracking;
    tracking[abi::FLOW_TCP] = to_abi(service.tracking.value_or(config::Tracking::kMoves));
    tracking[abi::FLOW_QUIC] = to_abi(udp.value_or(config::Tracking::kMoves));
    tracking[abi::FLOW_UDP] = to_abi(udp.value_or(config::Tracking::kNever));
    return tracking;
}

/// Slots move slowly only for flows that the service can have, and that have records.
bool tracks(const config::Service& service) {
    const auto tracking = tracking_of(service);
    return std::ranges::any_of(service.listeners, [&](const config::Listener& listener) {
        const auto kind = listener.protocol == config::Protocol::kTcp ? abi::FLOW_TCP
                          : listener.quic                             ? abi::FLOW_QUIC
                                                                      : abi::FLOW_UDP;
        return tracking[kind] == abi::TRACKING_MOVES || tracking[kind] == abi::TRACKING_ALWAYS;
    });
}
}  // namespace

DesiredState desired_state(const config::Config& config, const ConditionOf& condition_of) {
    DesiredState state{.services = {}, .answer_closed = config.datapath.answer_closed};
    for (const auto& service : config.services) {
        DesiredService desired{
            .name = service.name,
            .affinity_client = service.affinity == config::Affinity::kClient,
            .table_size = config::table_size_of(service, config.datapath),
            .encapsulation = service.encapsulation,
            .clients = {service.allow, service.deny},
            .tracking = tracking_of(service),
            .tracking_settings = {.tracks = tracks(service),
                                  .always = service.tracking == config::Tracking::kAlways,
                                  .second_chance = service.tracking == config::Tracking::kSecondChance,
                                  .max_hops = config::max_hops_of(service, config.datapath),
                                  .idle_timeout = service.idle_timeout,
                                  .max_drain = service.max_drain},
            .listeners = service.listeners,
            .backends = {},
        };
        for (const auto& backend : service.backends)
            desired.backends.push_back({{backend.address, backend.weight},
                                        condition_of(service, backend),
                                        backend.mac,
                                        backend.mtu});
        state.services.push_back(std::move(desired));
    }
    return state;
}

DesiredState desired_state(const config::Config& config, const Conditions& conditions, TimePoint now) {
    return desired_state(config, [&](const config::Service& service, const config::Backend& backend) {
        return conditions.at({service.name, backend.address}, now);
    });
}

DesiredState desired_state(const config::Config& config) {
    return desired_state(config, [](const config::Service&, const config::Backend& backend) {
        return condition_in_state(backend.state);
    });
}

}  // namespace guideway::control
