// SPDX-License-Identifier: Apache-2.0
#include "backend/host_check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "backend/arp_settings.hpp"
#include "net/interface.hpp"
#include "net/route.hpp"
#include "util/file.hpp"

namespace guideway::backend {

namespace {
constexpr const char* kAnyClient = "198.51.100.1";  ///< stands for all of them
constexpr const char* kAnyClient6 = "2001:db8:ffff:ffff::1";
constexpr std::uint32_t kClientMtu = 1500;
constexpr std::uint32_t kOuterHeaders = 40;  ///< IPv6, the larger one
constexpr std::uint32_t kInnerHeaders = 60;  ///< IPv6 and TCP

using Troubles = std::vector<std::string>;

char filter_of(const std::string& device) {
    const auto filter = read_file(fmt::format("/proc/sys/net/ipv4/conf/{}/rp_filter", device));
    return filter && !filter->empty() ? filter->front() : '0';
}

/// A strict filter drops what arrives where its answer would not leave. The larger of both settings holds.
void check_reverse_path_filter(const net::Interface& interface, const Result<net::Route>& to_clients,
                               Troubles& troubles) {
    if (to_clients && to_clients->ifindex == interface.index)
        return;
    const char own = filter_of(interface.name), all = filter_of("all");
    if (std::max(own, all) == '1')
        troubles.push_back(
            fmt::format("rp_filter of {} is strict, but the way to clients is not {}: their packets are "
                        "dropped; set it to "
                        "2 or 0",
                        own == '1' ? interface.name : "all", interface.name));
}

/// A client's full-sized packet arrives with its outer header on top.
void check_mtu(const net::Interface& interface, const Result<net::Route>& to_clients, const char* command,
               Troubles& troubles) {
    const std::uint32_t enough = kClientMtu + kOuterHeaders;
    const std::uint32_t mss = interface.mtu - kOuterHeaders - kInnerHeaders;
    const bool mss_lowered = to_clients && to_clients->advmss && *to_clients->advmss <= mss;
    if (interface.mtu < enough && !mss_lowered)
        troubles.push_back(
            fmt::format("{}: MTU {} is too small for clients' full-sized packets with an outer header; raise "
                        "it to {}, or "
                        "advertise a smaller MSS (`{} route change default ... advmss {}`)",
                        interface.name, interface.mtu, enough, command, mss));
}

bool has_vip_of(const std::vector<config::Prefix>& vips, bool v4) {
    return std::ranges::any_of(vips, [&](const auto& vip) { return vip.address.is_v4() == v4; });
}
}  // namespace

Troubles troubles_of_host(net::Netlink& netlink, const std::vector<std::string>& devices,
                          const std::vector<config::Prefix>& vips) {
    Troubles troubles;
    const auto to_clients = net::route_to(netlink, *IpAddress::parse(kAnyClient));
    const auto to_clients6 = net::route_to(netlink, *IpAddress::parse(kAnyClient6));
    for (const auto& device : devices) {
        const auto interface = net::interface_named(netlink, device);
        if (!interface)
            continue;  // its attachment tells
        if (!interface->up || !interface->carrier)
            troubles.push_back(fmt::format("{} is {}: nothing arrives there", device,
                                           interface->up ? "without a carrier" : "down"));
        if (has_vip_of(vips, true)) {
            check_reverse_path_filter(*interface, to_clients, troubles);
            check_mtu(*interface, to_clients, "ip", troubles);
            if (!is_arp_silent(device))
                troubles.push_back(
                    fmt::format("{0}: this host answers ARP for the VIPs, which belong to the balancers; set "
                                "net.ipv4.conf.{0}.arp_ignore to 1 and arp_announce to 2",
                                device));
        }
        if (has_vip_of(vips, false))
            check_mtu(*interface, to_clients6, "ip -6", troubles);
    }
    return troubles;
}

}  // namespace guideway::backend
