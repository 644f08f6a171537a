// SPDX-License-Identifier: Apache-2.0
#include "bgp/command.hpp"

#include <fmt/format.h>

namespace guideway::bgp {

namespace {
/// `neighbor A , neighbor B `
std::string selector(const std::vector<IpAddress>& peers) {
    std::string text;
    for (const auto& peer : peers)
        text += fmt::format("{}neighbor {} ", text.empty() ? "" : ", ", peer.text());
    return text;
}

std::string attributes_text(const Attributes& attributes) {
    std::string standard, large;
    for (const auto& community : attributes.communities) {
        auto& list = community.second ? large : standard;
        list += (list.empty() ? "" : " ") + community.text();
    }
    std::string text = fmt::format("next-hop {}", attributes.next_hop ? attributes.next_hop->text() : "self");
    if (!standard.empty())
        text += fmt::format(" community [{}]", standard);
    if (!large.empty())
        text += fmt::format(" large-community [{}]", large);
    if (attributes.med)
        text += fmt::format(" med {}", *attributes.med);
    if (attributes.local_preference)
        text += fmt::format(" local-preference {}", *attributes.local_preference);
    return text;
}

std::string_view family_text(config::Family family) {
    return family == config::Family::kIpv4 ? "ipv4" : "ipv6";
}
}  // namespace

Command withdraw_command(const IpAddress& vip, Peers peers) {
    Command command;
    command.kind = Command::Kind::kWithdraw;
    command.vip = vip;
    command.peers = std::move(peers);
    command.text = fmt::format("{}withdraw route {}", selector(command.peers), prefix_text(vip));
    return command;
}

Command announce_command(const IpAddress& vip, const Attributes& attributes, Peers peers) {
    Command command;
    command.kind = Command::Kind::kAnnounce;
    command.vip = vip;
    command.attributes = attributes;
    command.peers = std::move(peers);
    command.text = fmt::format("{}announce route {} {}", selector(command.peers), prefix_text(vip),
                               attributes_text(attributes));
    return command;
}

Command end_of_rib_command(config::Family family, const IpAddress& peer) {
    Command command;
    command.kind = Command::Kind::kEndOfRib;
    command.family = family;
    command.peers = {peer};
    command.text = fmt::format("{}announce eor {} unicast", selector(command.peers), family_text(family));
    return command;
}

Command summary_command() {
    Command command;
    command.text = "show neighbor summary";
    return command;
}

Command reload_command() {
    Command command;
    command.kind = Command::Kind::kReload;
    command.text = "reload";
    return command;
}

Command configuration_command() {
    Command command;
    command.kind = Command::Kind::kConfiguration;
    command.text = "show neighbor configuration";
    return command;
}

}  // namespace guideway::bgp
