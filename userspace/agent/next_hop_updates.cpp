// SPDX-License-Identifier: Apache-2.0
#include "agent/next_hop_updates.hpp"

#include <algorithm>

#include "agent/next_hop_choice.hpp"

namespace guideway::agent {

Result<void> NextHopUpdates::begin(boost::asio::io_context& loop) {
    auto next_hops = net::NextHops::create(loop, [this] { refresh(); });
    if (!next_hops)
        return std::unexpected(next_hops.error());
    next_hops_ = std::move(*next_hops);
    return {};
}

void NextHopUpdates::follow(const control::Numbering& numbering) {
    std::vector<IpAddress> addresses;
    for (const auto& [name, service] : numbering.services) {
        for (const auto& backend : service.backends)
            addresses.push_back(backend.address);
    }
    std::ranges::sort(addresses);
    addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
    next_hops_->follow(addresses);
}

void NextHopUpdates::refresh() {
    reconciler_.refresh_next_hops(by(running_.config));
    tell_probes(running_.config);
}

void NextHopUpdates::tell_probes(const config::Config& config) {
    health_.set_next_hops(config, interfaces_of(config), *next_hops_);
}

control::NextHopOf NextHopUpdates::by(const config::Config& config) const {
    return [this, &config, interfaces = interfaces_of(config)](const control::DesiredBackend& backend) {
        const auto& address = backend.member.address;
        return choose_next_hop(config, interfaces, next_hops_->at(address), next_hops_->path_at(address),
                               backend);
    };
}

std::vector<int> NextHopUpdates::interfaces_of(const config::Config& config) const {
    const auto indexes = datapath_.indexes_of(config.interfaces);
    return {indexes.begin(), indexes.end()};
}

}  // namespace guideway::agent
