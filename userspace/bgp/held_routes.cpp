// SPDX-License-Identifier: Apache-2.0
#include "bgp/held_routes.hpp"

namespace guideway::bgp {

void HeldRoutes::said(const Command& command) {
    if (command.kind == Command::Kind::kAnnounce)
        for (const auto& peer : command.peers)
            routes_[peer].insert(command.vip);
    awaited_.push_back(command);
}

void HeldRoutes::answered(bool ok) {
    if (awaited_.empty())
        return;
    const auto command = std::move(awaited_.front());
    awaited_.pop_front();
    if (command.kind == Command::Kind::kWithdraw && ok)
        for (const auto& peer : command.peers)
            routes_[peer].erase(command.vip);
}

void HeldRoutes::unanswered() {
    awaited_.clear();
}

void HeldRoutes::keep_only(const std::set<IpAddress>& peers) {
    std::erase_if(routes_, [&](const auto& held) { return !peers.contains(held.first); });
}

std::vector<Command> HeldRoutes::withdraws() const {
    std::map<IpAddress, Peers> peers_of;
    for (const auto& [peer, vips] : routes_)
        for (const auto& vip : vips)
            peers_of[vip].push_back(peer);
    std::vector<Command> commands;
    for (auto& [vip, peers] : peers_of)
        commands.push_back(withdraw_command(vip, std::move(peers)));
    return commands;
}

}  // namespace guideway::bgp
