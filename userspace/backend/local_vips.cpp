// SPDX-License-Identifier: Apache-2.0
#include "backend/local_vips.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>

#include "net/interface.hpp"
#include "net/route.hpp"

namespace guideway::backend {

using config::Prefix;

namespace {
constexpr const char* kAnyClients[] = {"198.51.100.1", "2001:db8::1"};

std::set<IpAddress> addresses_in(const std::vector<net::OwnAddress>& own) {
    std::set<IpAddress> addresses;
    for (const auto& each : own)
        addresses.insert(each.address);
    return addresses;
}

IpAddress last_of(const Prefix& prefix) {
    auto bytes = prefix.address.bytes();
    for (unsigned bit = prefix.length + (prefix.address.is_v4() ? 96U : 0U); bit < 8 * bytes.size(); ++bit)
        bytes[bit / 8] |= static_cast<std::uint8_t>(0x80 >> bit % 8);
    return IpAddress(bytes);
}

IpAddress before(const IpAddress& address) {
    auto bytes = address.bytes();
    for (auto byte = bytes.rbegin(); byte != bytes.rend() && (*byte)-- == 0; ++byte) {
    }
    return IpAddress(bytes);
}

/// An address that is in the prefix and not local for a reason of its own.
std::optional<IpAddress> sample_of(const Prefix& prefix, const std::set<IpAddress>& own) {
    IpAddress sample = last_of(prefix);
    while (prefix.holds(Prefix::of(sample))) {
        if (!own.contains(sample))
            return sample;
        sample = before(sample);
    }
    return std::nullopt;
}

bool is_local(net::Netlink& netlink, const Prefix& vip, const std::set<IpAddress>& own) {
    const auto sample = vip.is_address() ? std::optional(vip.address) : sample_of(vip, own);
    if (!sample)
        return true;
    const auto route = net::route_to(netlink, *sample);
    return route && route->local;
}

std::string said_of(const Prefix& vip) {
    return vip.is_address() ? vip.text() + " is {} an address of lo" : vip.text() + " is {} local";
}
}  // namespace

Result<void> LocalVips::check(const std::vector<Prefix>& vips) const {
    const auto own = net::own_addresses(netlink_);
    if (!own)
        return std::unexpected(own.error());
    for (const auto& vip : vips) {
        if (vip.is_address())
            continue;
        for (const auto& each : *own) {
            const bool is_host_route = each.length == 8 * each.address.wire_size();
            if (!is_host_route && vip.holds(Prefix::of(each.address)) && !each.address.is_loopback())
                return fail(
                    "vips: {} holds {}, an address of this host in its own network, which would be cut off",
                    vip.text(), each.address.text());
        }
        for (const char* client : kAnyClients) {
            const auto route = net::route_to(netlink_, *IpAddress::parse(client));
            if (route && route->gateway && vip.holds(Prefix::of(*route->gateway)))
                return fail("vips: {} holds {}, the gateway of this host, which would be cut off", vip.text(),
                            route->gateway->text());
        }
    }
    return {};
}

/// An address must be one of lo: on another interface, that one answers ARP for it. The list is written
/// before the change that it is about.
Result<void> LocalVips::add(const std::vector<Prefix>& vips) {
    const auto loopback = net::interface_named(netlink_, "lo");
    if (!loopback)
        return std::unexpected(loopback.error());
    const auto listed = net::own_addresses(netlink_);
    if (!listed)
        return std::unexpected(listed.error());
    std::set<IpAddress> on_lo;
    for (const auto& each : *listed) {
        if (each.ifindex == loopback->index)
            on_lo.insert(each.address);
    }
    const auto own = addresses_in(*listed);
    std::vector<Prefix> wanted;
    std::ranges::copy_if(vips, std::back_inserter(wanted), [&](const Prefix& vip) {
        return vip.is_address() ? !on_lo.contains(vip.address) : !is_local(netlink_, vip, own);
    });
    if (wanted.empty())
        return {};
    std::ranges::for_each(wanted, [this](const Prefix& vip) { note(vip); });
    if (auto written = undo_.write(); !written)
        return written;
    for (const auto& vip : wanted) {
        const auto added = add_to_kernel(loopback->index, vip);
        if (!added)
            return std::unexpected(added.error());
        if (*added)
            spdlog::info(fmt::runtime(said_of(vip)), "now");
        else
            forget(vip);  // it was there before any helper
    }
    return undo_.write();
}

Result<void> LocalVips::keep_only(const std::vector<Prefix>& vips) {
    std::vector<Prefix> unwanted(undo_.routes.begin(), undo_.routes.end());
    std::ranges::transform(undo_.vips, std::back_inserter(unwanted), Prefix::of);
    std::erase_if(unwanted, [&](const Prefix& vip) { return std::ranges::find(vips, vip) != vips.end(); });
    if (unwanted.empty())
        return {};
    const auto loopback = net::interface_named(netlink_, "lo");
    if (!loopback)
        return std::unexpected(loopback.error());
    for (const auto& vip : unwanted) {
        if (auto removed = remove_from_kernel(loopback->index, vip); !removed)
            return removed;
        spdlog::info(fmt::runtime(said_of(vip)), "no longer");
        forget(vip);
    }
    return undo_.write();
}

Result<bool> LocalVips::add_to_kernel(int loopback, const Prefix& vip) {
    return vip.is_address() ? net::add_local_address(netlink_, loopback, vip.address)
                            : net::add_local_route(netlink_, loopback, vip.address, vip.length);
}

Result<void> LocalVips::remove_from_kernel(int loopback, const Prefix& vip) {
    return vip.is_address() ? net::remove_local_address(netlink_, loopback, vip.address)
                            : net::remove_local_route(netlink_, loopback, vip.address, vip.length);
}

void LocalVips::note(const Prefix& vip) {
    if (vip.is_address())
        undo_.vips.insert(vip.address);
    else
        undo_.routes.insert(vip);
}

void LocalVips::forget(const Prefix& vip) {
    if (vip.is_address())
        undo_.vips.erase(vip.address);
    else
        undo_.routes.erase(vip);
}

std::vector<Prefix> missing_vips(net::Netlink& netlink, const std::vector<Prefix>& vips) {
    const auto listed = net::own_addresses(netlink);
    const auto own = listed ? addresses_in(*listed) : std::set<IpAddress>{};
    std::vector<Prefix> missing;
    std::ranges::copy_if(vips, std::back_inserter(missing), [&](const Prefix& vip) {
        return !(vip.is_address() && own.contains(vip.address)) && !is_local(netlink, vip, own);
    });
    return missing;
}

}  // namespace guideway::backend
