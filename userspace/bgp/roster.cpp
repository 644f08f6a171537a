// SPDX-License-Identifier: Apache-2.0
#include "bgp/roster.hpp"

namespace guideway::bgp {

std::vector<LeftOut> Roster::refresh(const config::Bgp& bgp, const std::set<IpAddress>& established) {
    std::vector<LeftOut> left_out;
    std::map<IpAddress, IpAddress> local;
    wanted_.clear();
    for (const auto& peer : bgp.peers) {
        const auto before = local_.find(peer.address);
        const bool stays = before != local_.end() && established.contains(peer.address);
        const auto source = peer.source ? Result<IpAddress>(*peer.source)
                            : stays     ? Result<IpAddress>(before->second)
                                        : source_(peer.address);
        if (source)
            local[peer.address] = *source;
        else if (before != local_.end())
            local[peer.address] = before->second;  // it was a neighbour, and may be reached again
        else
            left_out.push_back({peer.address, source.error().message});
        if (const auto found = local.find(peer.address); found != local.end())
            wanted_[peer.address] = neighbor_section(bgp, peer, found->second);
    }
    local_ = std::move(local);
    return left_out;
}

std::set<IpAddress> Roster::going() const {
    std::set<IpAddress> going;
    for (const auto& [peer, section] : running_)
        if (const auto next = wanted_.find(peer); next == wanted_.end() || next->second != section)
            going.insert(peer);
    return going;
}

std::optional<Neighbors> Roster::next() const {
    if (wanted_ == running_)
        return std::nullopt;
    const auto away = going();
    if (away.empty())
        return wanted_;
    auto staying = running_;
    std::erase_if(staying, [&](const auto& neighbor) { return away.contains(neighbor.first); });
    return staying;
}

}  // namespace guideway::bgp
