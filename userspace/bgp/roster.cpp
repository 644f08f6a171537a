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
    }
    local_ = std::move(local);
    choose_router_id(bgp);
    for (const auto& peer : bgp.peers) {
        const auto found = local_.find(peer.address);
        if (found == local_.end())
            continue;
        if (router_id_.is_unspecified())
            left_out.push_back({peer.address, "router_id is auto, and no IPv4 peer can be reached yet"});
        else
            wanted_[peer.address] = neighbor_section(bgp, peer, router_id_, found->second);
    }
    return left_out;
}

void Roster::choose_router_id(const config::Bgp& bgp) {
    if (!bgp.router_id.is_unspecified())
        router_id_ = bgp.router_id;
    for (const auto& peer : bgp.peers) {
        const auto found = local_.find(peer.address);
        if (router_id_.is_unspecified() && found != local_.end() && found->second.is_v4())
            router_id_ = found->second;
    }
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
