// SPDX-License-Identifier: Apache-2.0
#include "bgp/exabgp_config.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdlib>
#include <cstring>

#include "util/unique_fd.hpp"

namespace guideway::bgp {

namespace {
std::string families_text(const config::Peer& peer) {
    std::string text;
    for (const auto family : config::families_of(peer))
        text += family == config::Family::kIpv4 ? "ipv4 unicast; " : "ipv6 unicast; ";
    return text;
}

long long in_seconds(config::Duration duration) {
    return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

/// With graceful restart a router drops what it has not heard again when End-of-RIB comes: it is ours to
/// send.
std::string graceful_restart_text(const config::Peer& peer) {
    if (peer.graceful_restart.count() == 0)
        return "  capability { graceful-restart disable; }\n";
    return fmt::format("  manual-eor true;\n  capability {{ graceful-restart {}; }}\n",
                       in_seconds(peer.graceful_restart));
}
}  // namespace

std::string neighbor_section(const config::Bgp& bgp, const config::Peer& peer, const IpAddress& router_id,
                             const IpAddress& local) {
    std::string text = fmt::format(
        "neighbor {} {{\n"
        "  router-id {};\n  local-address {};\n  local-as {};\n  peer-as {};\n  hold-time {};\n",
        peer.address.text(), router_id.text(), local.text(), bgp.local_as, peer.as,
        in_seconds(peer.hold_time));
    if (peer.port != 179)
        text += fmt::format("  connect {};\n", peer.port);
    if (peer.ttl)
        text += fmt::format("  outgoing-ttl {};\n", *peer.ttl);
    if (!peer.password.empty())
        text += fmt::format("  md5-password \"{}\";\n", peer.password);
    text += graceful_restart_text(peer);
    return text + fmt::format(
                      "  family {{ {}}}\n"
                      "  api {{ processes [ agent ]; neighbor-changes; fsm; }}\n}}\n",
                      families_text(peer));
}

Result<IpAddress> source_towards(const IpAddress& peer) {
    sockaddr_storage address{};
    socklen_t size = 0;
    if (peer.is_v4()) {
        auto& v4 = reinterpret_cast<sockaddr_in&>(address);
        v4 = {.sin_family = AF_INET, .sin_port = htons(179), .sin_addr = {}, .sin_zero = {}};
        std::memcpy(&v4.sin_addr, peer.wire(), peer.wire_size());
        size = sizeof(v4);
    } else {
        auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(179);
        std::memcpy(&v6.sin6_addr, peer.wire(), peer.wire_size());
        size = sizeof(v6);
    }
    // Connecting a datagram socket sends nothing.
    const UniqueFd socket(::socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket || ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
        return fail("no route to {}: {}", peer.text(), errno_text());
    if (peer.is_v4())
        return IpAddress::from_network(&reinterpret_cast<sockaddr_in&>(address).sin_addr, true);
    return IpAddress::from_network(&reinterpret_cast<sockaddr_in6&>(address).sin6_addr, false);
}

std::string exabgp_config(const Neighbors& neighbors, const std::string& relay_command) {
    std::string text =
        fmt::format("process agent {{\n  run {};\n  encoder json;\n  respawn true;\n}}\n", relay_command);
    for (const auto& [peer, section] : neighbors)
        text += section;
    return text;
}

std::vector<std::string> exabgp_environment(const std::string& user) {
    const char* path = std::getenv("PATH");
    return {
        fmt::format("PATH={}", path == nullptr ? "/usr/sbin:/usr/bin:/sbin:/bin" : path),
        "exabgp.api.cli=false",
        "exabgp.api.ack=true",
        "exabgp.api.terminate=true",  // rather than a live session that hears no more commands
        "exabgp.api.respawn=true",
        "exabgp.daemon.user=" + user,
        "exabgp.daemon.daemonize=false",
        "exabgp.daemon.pid=",
        "exabgp.log.destination=stderr",
        "exabgp.log.short=true",
        "exabgp.log.level=ERR",
        "exabgp.tcp.bind=",
        "PYTHONDONTWRITEBYTECODE=1",
        "RES_OPTIONS=timeout:1 attempts:1",  // its own host name at start may not resolve
    };
}

}  // namespace guideway::bgp
