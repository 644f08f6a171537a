// SPDX-License-Identifier: Apache-2.0
#include "backend/peers.hpp"

#include <utility>

namespace guideway::backend {

namespace {
/// Frames are sent without VLAN tags, so that a way that needs them is none.
std::optional<datapath::DecapPeer> way_of(const net::NextHop& next_hop) {
    if (next_hop.port.vlan[0] != 0)
        return std::nullopt;
    return datapath::DecapPeer{next_hop.mac, next_hop.source_mac, next_hop.port.ifindex};
}

/// Whether it is this host itself, to which nothing is handed on.
bool is_local(const net::Resolution& resolution) {
    return resolution ? resolution->local : resolution.error().cause == net::NoNextHop::Cause::kLocal;
}
}  // namespace

Result<std::unique_ptr<Peers>> Peers::create(boost::asio::io_context& loop, const Host& host) {
    std::unique_ptr<Peers> peers(new Peers(host));
    auto next_hops = net::NextHops::create(loop, [raw = peers.get()] { raw->store(); });
    if (!next_hops)
        return std::unexpected(next_hops.error());
    peers->next_hops_ = std::move(*next_hops);
    peers->follow();
    return peers;
}

void Peers::follow() {
    followed_ = host_.config().backends;
    next_hops_->follow(followed_);
    store();
}

void Peers::store() {
    datapath::DecapPeers peers;
    for (const auto& address : followed_) {
        const auto& resolution = next_hops_->at(address);
        if (!is_local(resolution))
            peers[address] = resolution ? way_of(*resolution) : std::nullopt;
    }
    trouble_.tell(host_.set_peers(peers));
}

}  // namespace guideway::backend
